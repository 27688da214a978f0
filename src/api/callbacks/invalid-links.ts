import { invalidLinkPeersMax, invalidLinksMax, invalidLinksWindowMs } from "./callback-limits.ts";

interface Count {
  readonly fromMs: number;
  count: number;
}

/**
 * Counts links that are invalid, by the address they came from: whoever guesses is told to wait. Links that
 * are good are never counted, so that nobody who has one waits for others behind the same address.
 */
export class InvalidLinks {
  /** In order of their beginning. */
  readonly #counts = new Map<string, Count>();

  /** Counts one more; false if there were too many. */
  count(address: string, nowMs: number): boolean {
    let entry = this.#counts.get(address);
    if (entry === undefined || nowMs - entry.fromMs >= invalidLinksWindowMs || nowMs < entry.fromMs) {
      this.#counts.delete(address);
      entry = { fromMs: nowMs, count: 0 };
      this.#counts.set(address, entry);
      const [oldest] = this.#counts.keys();
      if (this.#counts.size > invalidLinkPeersMax && oldest !== undefined) this.#counts.delete(oldest);
    }
    entry.count += 1;
    return entry.count <= invalidLinksMax;
  }
}
