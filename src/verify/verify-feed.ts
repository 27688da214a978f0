import type { Calls } from "../client/wire/calls.ts";
import { checkQuietFilter, FilterCheck } from "./filter-check.ts";
import { type Finding, Findings } from "./findings.ts";
import { ListCheck } from "./list-check.ts";
import { lastIdOf, type ReadEvent, Reader, type ReadFrame, type ReadStart } from "./reading.ts";
import { Seeded } from "./seeded.ts";
import { SnapshotCheck } from "./snapshot-check.ts";
import { windowEventsMax, windowFramesMax } from "./verify-limits.ts";
import { checkWindow } from "./window.ts";

/** What to verify. */
export interface VerifyOptions {
  readonly calls: Calls;
  readonly start: ReadStart;
  /** How many events at most. */
  readonly eventsMax: number;
  /** Chooses the places to resume from. */
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Told after each part. */
  readonly onProgress?: (eventCount: number) => void;
}

/** What came of it. */
export interface Verdict {
  readonly epoch: string;
  readonly seed: number;
  readonly eventCount: number;
  readonly transactionCount: number;
  /** How often a stream was resumed. */
  readonly resumptionCount: number;
  /** How many runs the snapshot had. */
  readonly snapshotRunCount: number;
  readonly findings: readonly Finding[];
  /** True if no promise was broken. */
  readonly isKept: boolean;
}

/**
 * Holds the feed of a running server against its promises, over the wire: reads it to the head as it stands
 * at the beginning, and again, and again from places of it, by pages, with filters, and behind a snapshot.
 * Reads only; whatever is written meanwhile does no harm. Holds a window of the feed at a time.
 */
export async function verifyFeed(options: VerifyOptions): Promise<Verdict> {
  return new Verifying(options).verify();
}

/** The id that an event at position 0 would have: there is none. */
const noEventId = "0".repeat(16);

class Verifying {
  readonly #options: VerifyOptions;
  readonly #findings = new Findings();
  readonly #seeded: Seeded;
  readonly #first: Reader;
  readonly #second: Reader;
  readonly #list: ListCheck;
  readonly #snapshot = new SnapshotCheck();
  #filter: FilterCheck | undefined;
  #headId = "";
  #eventCount = 0;
  #transactionCount = 0;
  #resumptionCount = 0;

  constructor(options: VerifyOptions) {
    const { calls, start, seed, signal } = options;
    this.#options = options;
    this.#seeded = new Seeded(seed);
    this.#first = new Reader(calls, {}, { start, signal });
    this.#second = new Reader(calls, {}, { start, signal });
    this.#list = new ListCheck({ calls, findings: this.#findings, signal, start });
  }

  async verify(): Promise<Verdict> {
    const { calls, seed, signal } = this.#options;
    const { feedEpoch, headPosition } = await calls.raw.events.describeFeed({}, { signal });
    this.#headId = headPosition.toString(16).padStart(16, "0");
    try {
      await this.#readAll();
    } finally {
      await Promise.all([this.#first.close(), this.#second.close()]);
    }
    await this.#filter?.check(calls, this.#findings, signal);
    await checkQuietFilter(calls, this.#findings, { signal, hasEvents: headPosition > 0n });
    const snapshotRunCount = await this.#snapshot.check(calls, this.#findings, signal);
    const findings = this.#findings.all;
    return {
      epoch: feedEpoch,
      seed,
      eventCount: this.#eventCount,
      transactionCount: this.#transactionCount,
      resumptionCount: this.#resumptionCount,
      snapshotRunCount,
      findings,
      isKept: findings.every(({ violationCount }) => violationCount === 0),
    };
  }

  async #readAll(): Promise<void> {
    const { calls, eventsMax, signal, onProgress } = this.#options;
    const [begin, other] = [await this.#first.next(), await this.#second.next()];
    if (begin === undefined || other === undefined) return;
    if (begin.events.length > 0) this.#findings.add("Bookmarkable", "the stream began without a bookmark");
    let start = begin;
    let previousId = "";
    let waiting: readonly ReadFrame[] = [other];
    for (let isOver = false; !isOver; ) {
      const frames = await this.#readWindow(start);
      const lastId = lastIdOf(frames);
      const isHead = frames.at(-1)?.atHead === true;
      // At the head there is nothing more to come: what is missing up to there never came.
      const again = await this.#readAgain(waiting, isHead && this.#headId > lastId ? this.#headId : lastId);
      waiting = again.later;
      const reference = again.frames.map(({ events }) => events).filter(({ length }) => length > 0);
      const window = {
        start: { events: [], cursor: start.cursor, atHead: false },
        startsWithBookmark: start.events.length === 0,
        frames,
        reference,
        previousId,
      };
      const tools = { calls, findings: this.#findings, seeded: this.#seeded, signal };
      this.#resumptionCount += await checkWindow(window, tools);
      await this.#list.compare(reference);
      this.#note(reference);
      const last = frames.at(-1);
      isOver = last === undefined || lastId >= this.#headId || last.atHead || this.#eventCount >= eventsMax;
      start = last ?? start;
      if (lastId > previousId) previousId = lastId;
      onProgress?.(this.#eventCount);
      if (isHead && previousId < this.#headId && this.#headId > noEventId) {
        this.#findings.add("Reliable", `${this.#headId} is the last event of the feed and never came`);
      }
    }
  }

  /** The next frames of the first reader: a window full, or up to the head. */
  async #readWindow(start: ReadFrame): Promise<readonly ReadFrame[]> {
    const frames: ReadFrame[] = [];
    let eventCount = 0;
    if (start.atHead && start.events.length === 0 && this.#eventCount === 0) return frames;
    while (eventCount < windowEventsMax && frames.length < windowFramesMax) {
      const frame = await this.#first.next();
      if (frame === undefined) break;
      frames.push(frame);
      eventCount += frame.events.length;
      // Nothing need follow a frame that says so, and waiting for it takes a bookmark interval.
      const isOver = frame.atHead && (frame.events.length === 0 || lastIdOf(frames) >= this.#headId);
      if (isOver || this.#eventCount + eventCount >= this.#options.eventsMax) break;
    }
    return frames;
  }

  /** The same part of the second reader, and what it has had beyond. */
  async #readAgain(waiting: readonly ReadFrame[], lastId: string) {
    const frames: ReadFrame[] = [];
    const later: ReadFrame[] = [];
    const queue = [...waiting];
    // One that says that it has caught up may have said so before the first reader went on.
    let headCount = 0;
    while (lastIdOf(frames) < lastId && later.length === 0 && headCount < 2) {
      const isQueued = queue.length > 0;
      const frame = queue.shift() ?? (await this.#second.next());
      if (frame === undefined) break;
      if (!isQueued && frame.atHead && frame.events.length === 0) headCount += 1;
      const isBeyond = frame.events.length > 0 && frame.events.every(({ eventId }) => eventId > lastId);
      if (isBeyond) later.push(frame);
      else frames.push(frame);
    }
    return { frames, later: [...later, ...queue] };
  }

  #note(reference: readonly (readonly ReadEvent[])[]): void {
    for (const events of reference) this.#eventCount += events.length;
    this.#transactionCount += reference.length;
    this.#snapshot.expect(reference.flat());
    if (this.#filter === undefined) {
      const kinds = [...new Set(reference.flat().map(({ kind }) => kind))];
      const kind = kinds[this.#seeded.below(kinds.length)];
      if (kind !== undefined) this.#filter = new FilterCheck(kind);
    }
    this.#filter?.expect(reference);
  }
}
