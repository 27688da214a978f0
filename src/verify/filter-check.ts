import { createHash } from "node:crypto";
import { eventKindNumbers, eventKinds } from "../client/views/event.ts";
import type { Calls } from "../client/wire/calls.ts";
import type { Findings } from "./findings.ts";
import { type ReadEvent, Reader } from "./reading.ts";
import { digestedEventsMax } from "./verify-limits.ts";

/** A digest of events that follow each other. */
interface Part {
  readonly firstId: string;
  readonly lastId: string;
  readonly digest: string;
}

/** Digests of a stream, part by part; each transaction is told apart. */
class Digests {
  readonly parts: Part[] = [];
  #hash = createHash("sha256");
  #count = 0;
  #firstId = "";
  #lastId = "";

  add(events: readonly ReadEvent[]): void {
    for (const { eventId, digest } of events) {
      if (this.#count === 0) this.#firstId = eventId;
      this.#hash.update(`${eventId} ${digest}\n`);
      this.#lastId = eventId;
      this.#count += 1;
    }
    if (events.length > 0) this.#hash.update("|");
    if (this.#count >= digestedEventsMax) this.end();
  }

  end(): void {
    if (this.#count === 0) return;
    const digest = this.#hash.digest("base64url");
    this.parts.push({ firstId: this.#firstId, lastId: this.#lastId, digest });
    this.#hash = createHash("sha256");
    this.#count = 0;
  }
}

/**
 * Holds a filtered stream against the part of the whole one that the filter wants. Of the whole only digests
 * are kept, one of each thousand events.
 */
export class FilterCheck {
  readonly kind: string;
  readonly #expected = new Digests();
  #firstId = "";
  #lastId = "";

  /** Of events of one kind, as `detail` names it: `action_ended`. */
  constructor(kind: string) {
    this.kind = kind;
  }

  /** Takes transactions of the whole feed. */
  expect(transactions: readonly (readonly ReadEvent[])[]): void {
    for (const events of transactions) {
      const wanted = events.filter(({ kind }) => kind === this.kind);
      this.#expected.add(wanted);
      this.#firstId ||= wanted[0]?.eventId ?? "";
      this.#lastId = wanted.at(-1)?.eventId ?? this.#lastId;
    }
  }

  /** Reads the filtered feed, once by its kind and once by an expression, and compares. */
  async check(calls: Calls, findings: Findings, signal: AbortSignal): Promise<void> {
    this.#expected.end();
    const name = eventKinds.find((one) => one.toLowerCase() === this.kind);
    if (this.#lastId === "" || name === undefined) return;
    const filters = [
      { what: `the filter kinds ${this.kind}`, filter: { kinds: [eventKindNumbers[name]] } },
      {
        what: `the filter event.kind == "${this.kind}"`,
        filter: { expression: `event.kind == "${this.kind}"` },
      },
    ];
    for (const { what, filter } of filters) {
      const came = new Digests();
      const reader = new Reader(calls, filter, { start: "beginning", signal });
      let isFirst = true;
      for (let frame = await reader.next(); frame !== undefined; frame = await reader.next()) {
        const events = frame.events.filter(
          ({ eventId }) => eventId >= this.#firstId && eventId <= this.#lastId,
        );
        came.add(events);
        const isOver = frame.events.some(({ eventId }) => eventId >= this.#lastId);
        if (isOver || (frame.atHead && frame.events.length === 0 && !isFirst)) break;
        isFirst = false;
      }
      await reader.close();
      came.end();
      this.#compare(what, came, findings);
    }
  }

  #compare(what: string, came: Digests, findings: Findings): void {
    for (const [index, { firstId, lastId, digest }] of this.#expected.parts.entries()) {
      if (came.parts[index]?.digest === digest) continue;
      findings.add("Reliable", `${what} gave other events between ${firstId} and ${lastId}`);
      return;
    }
    const more = came.parts[this.#expected.parts.length];
    if (more !== undefined) findings.add("Reliable", `${what} gave more events, from ${more.firstId}`);
  }
}

/** A filter that wants nothing moves on all the same: its stream comes to the head, and resumes there. */
export async function checkQuietFilter(
  calls: Calls,
  findings: Findings,
  { signal, hasEvents }: { readonly signal: AbortSignal; readonly hasEvents: boolean },
): Promise<void> {
  const filter = { labels: { "signalbox.verify/nothing": "none" } };
  const reader = new Reader(calls, filter, { start: "beginning", signal });
  const first = await reader.next();
  let last = first;
  while (last !== undefined && !last.atHead) last = await reader.next();
  await reader.close();
  findings.looked("Bookmarkable", 1);
  if (first === undefined || last === undefined) return;
  if (hasEvents && first !== last && first.cursor === last.cursor) {
    findings.add(
      "Bookmarkable",
      "a filter that wants nothing came to the head with the cursor of the beginning",
    );
  }
  const again = new Reader(calls, filter, { start: { cursor: last.cursor }, signal });
  const bookmark = await again.next();
  await again.close();
  if (hasEvents && bookmark !== undefined && bookmark.cursor === first.cursor && first !== last) {
    findings.add("Bookmarkable", "a bookmark at the head leads back to the beginning");
  }
}
