import { reconnectDelayMsMax, reconnectDelayMsMin } from "../worker-limits.ts";

/** How long to wait before attaching again: twice as long with each failure in a row, moved by chance. */
export class ReconnectDelay {
  #failures = 0;

  /** The next wait in milliseconds. After a stream that stood for long, the first one again. */
  next({ wasStable }: { readonly wasStable: boolean }): number {
    this.#failures = wasStable ? 1 : this.#failures + 1;
    const longest = Math.min(reconnectDelayMsMax, reconnectDelayMsMin * 2 ** (this.#failures - 1));
    return Math.round(longest * (0.5 + Math.random() / 2));
  }
}
