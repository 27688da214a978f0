import type { Calls } from "../client/wire/calls.ts";
import type { Findings } from "./findings.ts";
import { type ReadEvent, type ReadStart, toReadEvent } from "./reading.ts";
import { idsOf } from "./window.ts";

/** Events in one page. */
const pageSize = 1_000;

/** Reads the feed by pages and holds what they have against what a stream had, a part at a time. */
export class ListCheck {
  readonly #calls: Calls;
  readonly #findings: Findings;
  readonly #signal: AbortSignal;
  #pageToken: string;
  /** What was listed and not compared yet: less than a page and what one transaction has more. */
  #waiting: ReadEvent[] = [];
  /** How many of those waiting stand before each end of a page. */
  #pageEnds: number[] = [];

  constructor({ calls, findings, signal, start }: ListCheckOptions) {
    this.#calls = calls;
    this.#findings = findings;
    this.#signal = signal;
    this.#pageToken = start === "beginning" ? "" : start.cursor;
  }

  /** Compares the transactions of a stream with what is listed next. */
  async compare(transactions: readonly (readonly ReadEvent[])[]): Promise<void> {
    const came = transactions.flat();
    const lastId = came.reduce((last, { eventId }) => (eventId > last ? eventId : last), "");
    if (lastId === "") return;
    await this.#listUntil(lastId);
    const count = this.#waiting.findIndex(({ eventId }) => eventId > lastId);
    const listed = this.#waiting.splice(0, count < 0 ? this.#waiting.length : count);
    this.#compareEvents(came, listed);
    this.#comparePages(transactions, listed.length);
  }

  async #listUntil(lastId: string): Promise<void> {
    while ((this.#waiting.at(-1)?.eventId ?? "") < lastId) {
      const request = { filter: { namespace: "-" }, pageToken: this.#pageToken, pageSize };
      const page = await this.#calls.raw.events.listEvents(request, { signal: this.#signal });
      this.#pageToken = page.nextPageToken;
      this.#waiting.push(...page.events.map(toReadEvent));
      this.#pageEnds.push(this.#waiting.length);
      if (page.atHead) return;
    }
  }

  #compareEvents(came: readonly ReadEvent[], listed: readonly ReadEvent[]): void {
    const listedById = new Map(listed.map((event) => [event.eventId, event]));
    const cameById = new Map(came.map((event) => [event.eventId, event]));
    for (const { eventId, digest } of came) {
      const other = listedById.get(eventId);
      if (other === undefined) this.#findings.add("Reliable", `${eventId} is not in ListEvents`);
      else if (other.digest !== digest) {
        this.#findings.add("Reliable", `${eventId} says something else in ListEvents`);
      }
    }
    for (const { eventId } of listed) {
      if (!cameById.has(eventId))
        this.#findings.add("Reliable", `${eventId} is in ListEvents and never came`);
    }
    const isSameSet = came.length === listed.length && listed.every(({ eventId }) => cameById.has(eventId));
    if (isSameSet && idsOf(came) !== idsOf(listed)) {
      this.#findings.add("Ordered", `ListEvents has another order up to ${listed.at(-1)?.eventId}`);
    }
  }

  /** A page ends where a transaction does. */
  #comparePages(transactions: readonly (readonly ReadEvent[])[], listedCount: number): void {
    const ends = new Set<number>();
    let count = 0;
    for (const { length } of transactions) {
      count += length;
      ends.add(count);
    }
    for (const end of this.#pageEnds.filter((one) => one <= listedCount)) {
      if (end === 0 || count !== listedCount || ends.has(end)) continue;
      this.#findings.add("Atomic", "a page of ListEvents ended within a transaction");
    }
    this.#pageEnds = this.#pageEnds.flatMap((end) => (end > listedCount ? [end - listedCount] : []));
  }
}

/** What it works with, and where it begins. */
export interface ListCheckOptions {
  readonly calls: Calls;
  readonly findings: Findings;
  readonly signal: AbortSignal;
  readonly start: ReadStart;
}
