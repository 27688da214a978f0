import type { RecordedEvent, RecordedFrame, RecordedStream, Reference, Violations } from "./record.ts";

/** What a subscriber has, and what it should have. */
export interface FeedRecord {
  /** All streams of one subscriber under one filter, in order. */
  readonly streams: readonly RecordedStream[];
  readonly reference: Reference;
}

/** Ordered: the events of a stream come in commit order. */
export function ordered({ streams, reference }: FeedRecord): Violations {
  const placeById = placesOf(reference);
  return streams.flatMap(({ frames }) => {
    const events = eventsOf(frames);
    return events.flatMap((event, index) => {
      const before = events[index - 1];
      const [place, placeBefore] = [placeById.get(event.eventId), placeById.get(before?.eventId ?? "")];
      if (before === undefined || place === undefined || placeBefore === undefined) return [];
      return place >= placeBefore ? [] : [`${event.eventId} came after ${before.eventId}`];
    });
  });
}

/** Unique: who goes on with the cursors that it was given gets no event twice. */
export function unique({ streams }: FeedRecord): Violations {
  const seen = new Set<string>();
  return eventsOf(threadOf(streams)).flatMap(({ eventId }) => {
    if (!seen.has(eventId)) {
      seen.add(eventId);
      return [];
    }
    return [`${eventId} came twice`];
  });
}

/**
 * Reliable: no gaps. From where the first stream began up to the last event that came, and up to the end of
 * the feed if the subscriber waited for that, every event came; and none that is not in the feed.
 */
export function reliable({ streams, reference }: FeedRecord): Violations {
  const placeById = placesOf(reference);
  const events = eventsOf(threadOf(streams));
  const received = new Set(events.map(({ eventId }) => eventId));
  const madeUp = [...received].filter((eventId) => !placeById.has(eventId));
  const places = events.flatMap(({ eventId }) => placeById.get(eventId) ?? []);
  const all = reference.flat();
  const begin = streams[0]?.start === "beginning" ? 0 : Math.min(...places);
  const end = streams.at(-1)?.isQuiet === true ? all.length - 1 : Math.max(...places);
  const missing = all.filter(
    ({ eventId }, place) => place >= begin && place <= end && !received.has(eventId),
  );
  return [
    ...madeUp.map((eventId) => `${eventId} came and is not in the feed`),
    ...missing.map(({ eventId }) => `${eventId} never came`),
  ];
}

/** Atomic: a frame with events has all events of one transaction, and of no other. */
export function atomic({ streams, reference }: FeedRecord): Violations {
  const transactionById = new Map(
    reference.flatMap((events) => events.map(({ eventId }) => [eventId, events])),
  );
  const frames = streams.flatMap((stream) => stream.frames).filter(({ events }) => events.length > 0);
  return frames.flatMap(({ events }) => {
    const came = idsOf(events);
    const committed = idsOf(transactionById.get(events[0]?.eventId ?? "") ?? []);
    return came === committed ? [] : [`${came} came together, ${committed} were committed together`];
  });
}

/** Resumable: a stream from a cursor begins with exactly what follows it. */
export function resumable({ streams, reference }: FeedRecord): Violations {
  const all = reference.flat();
  const placeById = placesOf(reference);
  return streams.flatMap(({ start, frames, isQuiet }, index) => {
    if (start === "now") return [];
    let expected = 0;
    if (start !== "beginning") {
      const thread = threadOf(streams.slice(0, index));
      const at = thread.findLastIndex(({ cursor }) => cursor === start.cursor);
      if (at < 0) return [`stream ${index + 1} began with a cursor that was never given`];
      const last = eventsOf(thread.slice(0, at + 1)).at(-1);
      // A subscriber that began with what came next, and got nothing, may go on with anything.
      if (last === undefined && streams[0]?.start === "now") return [];
      expected = last === undefined ? 0 : (placeById.get(last.eventId) ?? -1) + 1;
    }
    const [first] = eventsOf(frames);
    const wanted = all[expected]?.eventId;
    if (first === undefined && (isQuiet !== true || wanted === undefined)) return [];
    if (first?.eventId === wanted) return [];
    return [
      `stream ${index + 1} began with ${first?.eventId ?? "nothing"} instead of ${wanted ?? "nothing"}`,
    ];
  });
}

/** How far a cursor is, for who can read it: the place in the whole feed, and where the feed ended. */
export interface CursorReader {
  placeOf(cursor: string): bigint;
  /** The position of the last event of the whole feed, matching or not, when the record was closed. */
  readonly head: bigint;
}

/**
 * Bookmarkable: a quiet filter still moves on. Each stream begins with a bookmark that says where, every
 * frame has a cursor, and who waits is told when nothing more is there. With a reader of cursors: they never
 * go back, and the last one of who waited is behind the last event of the whole feed.
 */
export function bookmarkable({ streams }: FeedRecord, reader?: CursorReader): Violations {
  return streams.flatMap(({ frames, isQuiet }, index) => {
    const violations: string[] = [];
    const say = (what: string) => violations.push(`stream ${index + 1} ${what}`);
    const [first] = frames;
    const last = frames.at(-1);
    if (first !== undefined && first.events.length > 0) say("began without a bookmark");
    if (frames.some(({ cursor }) => cursor === "")) say("has a frame without a cursor");
    if (isQuiet === true && last?.atHead !== true) say("ended without a bookmark at the head");
    if (reader === undefined) return violations;
    const places = frames.map(({ cursor }) => reader.placeOf(cursor));
    if (places.some((place, at) => place < (places[at - 1] ?? 0n))) say("has a cursor that goes back");
    if (isQuiet === true && (places.at(-1) ?? 0n) < reader.head) say("did not move on to the head");
    return violations;
  });
}

/** The checkers by the names of the promises. */
export const feedPromises = {
  Ordered: ordered,
  Unique: unique,
  Reliable: reliable,
  Atomic: atomic,
  Resumable: resumable,
  Bookmarkable: (record: FeedRecord) => bookmarkable(record),
};

/** Everything that breaks one of the six promises, with its name; empty if all of them hold. */
export function feedViolations(record: FeedRecord): Violations {
  return Object.entries(feedPromises).flatMap(([promise, check]) =>
    check(record).map((violation) => `${promise}: ${violation}`),
  );
}

/**
 * The frames as the subscriber has them in the end: what came behind a cursor that it went back to is
 * forgotten.
 */
function threadOf(streams: readonly RecordedStream[]): readonly RecordedFrame[] {
  let thread: RecordedFrame[] = [];
  for (const { start, frames } of streams) {
    if (typeof start === "object") {
      const at = thread.findLastIndex(({ cursor }) => cursor === start.cursor);
      if (at >= 0) thread = thread.slice(0, at + 1);
    } else thread = [];
    thread.push(...frames);
  }
  return thread;
}

function eventsOf(frames: readonly RecordedFrame[]): readonly RecordedEvent[] {
  return frames.flatMap(({ events }) => events);
}

function idsOf(events: readonly RecordedEvent[]): string {
  return events.map(({ eventId }) => eventId).join(" ");
}

function placesOf(reference: Reference): ReadonlyMap<string, number> {
  return new Map(reference.flat().map(({ eventId }, place) => [eventId, place]));
}
