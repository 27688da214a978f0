import type { Calls } from "../client/wire/calls.ts";
import { feedViolations } from "./feed.ts";
import type { Findings } from "./findings.ts";
import { lastIdOf, type ReadEvent, Reader, type ReadFrame, toReadEvent } from "./reading.ts";
import type { RecordedStream } from "./record.ts";
import type { Seeded } from "./seeded.ts";
import { lonePagesPerWindow, resumptionsPerWindow } from "./verify-limits.ts";

/** A part of the feed as two readers were given it, the first of whom is looked at. */
export interface Window {
  /** Where it begins: a frame without events, whatever its cursor came with. */
  readonly start: ReadFrame;
  /** True if the cursor of its start came with a bookmark. */
  readonly startsWithBookmark: boolean;
  readonly frames: readonly ReadFrame[];
  /** The same part again, read by somebody else: the transactions with events. */
  readonly reference: readonly (readonly ReadEvent[])[];
  /** The id of the last event before it, "" for none. */
  readonly previousId: string;
}

/** What windows are looked at with. */
export interface WindowTools {
  readonly calls: Calls;
  readonly findings: Findings;
  readonly seeded: Seeded;
  readonly signal: AbortSignal;
}

/**
 * Looks at a window: as it came, as it comes to those who resume at places of it, and against what
 * `ListEvents` has of single transactions. Returns how often it was read again.
 */
export async function checkWindow(window: Window, tools: WindowTools): Promise<number> {
  const { start, frames, reference } = window;
  const { findings, seeded } = tools;
  const whole: RecordedStream = { start: "beginning", frames: [start, ...frames] };
  findings.addNamed(feedViolations({ streams: [whole], reference }));
  checkIds(window, findings);
  checkSameness(frames, reference, findings);
  const eventCount = reference.reduce((count, { length }) => count + length, 0);
  for (const promise of ["Ordered", "Unique", "Reliable"] as const) findings.looked(promise, eventCount);
  findings.looked("Atomic", reference.length);
  const places = chosenPlaces(window, seeded);
  for (const place of places) await checkResumption(window, place, tools);
  await checkLonePages(window, tools);
  return places.length;
}

/** Places of a window to resume from: any of its frames, and a bookmark if it has one beside its start. */
function chosenPlaces({ start, frames }: Window, seeded: Seeded): readonly number[] {
  const all = [start, ...frames];
  const bookmarks = all.flatMap(({ events }, index) => (events.length === 0 && index > 0 ? [index] : []));
  const places = new Set(
    seeded.some(
      all.map((_, index) => index),
      resumptionsPerWindow,
    ),
  );
  for (const bookmark of seeded.some(bookmarks, 1)) places.add(bookmark);
  return [...places];
}

/** Positions have no holes, and ids are positions: who follows everything sees each of them. */
function checkIds({ previousId, reference }: Window, findings: Findings): void {
  let before = previousId;
  for (const { eventId } of reference.flat()) {
    if (isPosition(before) && isPosition(eventId)) {
      const missing = BigInt(`0x${eventId}`) - BigInt(`0x${before}`) - 1n;
      if (missing > 0n)
        findings.add("Reliable", `${missing} events between ${before} and ${eventId} never came`);
    }
    if (eventId > before) before = eventId;
  }
}

function isPosition(eventId: string): boolean {
  return /^[0-9a-f]{16}$/.test(eventId);
}

/** An event says the same however often it is read. */
function checkSameness(
  frames: readonly ReadFrame[],
  reference: readonly (readonly ReadEvent[])[],
  findings: Findings,
): void {
  const digests = new Map(reference.flat().map(({ eventId, digest }) => [eventId, digest]));
  for (const { eventId, digest } of frames.flatMap(({ events }) => events)) {
    const known = digests.get(eventId);
    if (known !== undefined && known !== digest) {
      findings.add("Reliable", `${eventId} did not say the same when it was read again`);
    }
  }
}

/** Reads on from a place of the window to its end. */
async function checkResumption(window: Window, place: number, tools: WindowTools): Promise<void> {
  const { start, frames, reference } = window;
  const { calls, findings, signal } = tools;
  const all = [start, ...frames];
  const from = all[place] as ReadFrame;
  const rest = all.slice(place + 1);
  const again = await readUntil(new Reader(calls, {}, { start: { cursor: from.cursor }, signal }), {
    lastId: lastIdOf(rest),
    framesMax: rest.length + 10,
  });
  findings.looked("Resumable", 1);
  const resumed: RecordedStream = {
    start: { cursor: from.cursor },
    frames: again,
    isQuiet: again.at(-1)?.atHead === true && again.at(-1)?.events.length === 0,
  };
  const before: RecordedStream = { start: "beginning", frames: all.slice(0, place + 1) };
  const known = new Set(reference.flat().map(({ eventId }) => eventId));
  const isBehind = lastIdOf(again) > lastIdOf(all);
  // Who reads on may be given more than the window has, which is looked at with the next one.
  const judged = isBehind ? { ...resumed, frames: withoutLater(again, known), isQuiet: false } : resumed;
  findings.addNamed(feedViolations({ streams: [before, judged], reference }));
  checkSameness(again, reference, findings);
  await checkBookmark(again, tools);
  if (from.events.length > 0 || (place === 0 && !window.startsWithBookmark)) return;
  findings.looked("Bookmarkable", 1);
  const sent = new Set(all.slice(0, place + 1).flatMap(({ events }) => events.map(({ eventId }) => eventId)));
  const [first] = again.flatMap(({ events }) => events);
  const isOld = first !== undefined && (sent.has(first.eventId) || first.eventId <= window.previousId);
  if (isOld) findings.add("Bookmarkable", `a bookmark leads back to ${first.eventId}, which came before it`);
}

/** The bookmark with which a stream begins leads to the same event as the stream. */
async function checkBookmark(frames: readonly ReadFrame[], { calls, findings, signal }: WindowTools) {
  const [bookmark] = frames;
  const [expected] = frames.flatMap(({ events }) => events);
  if (bookmark === undefined || bookmark.events.length > 0 || expected === undefined) return;
  const reader = new Reader(calls, {}, { start: { cursor: bookmark.cursor }, signal });
  const again = await readUntil(reader, { lastId: expected.eventId, framesMax: 3 });
  const [first] = again.flatMap(({ events }) => events);
  findings.looked("Bookmarkable", 1);
  if (first?.eventId === expected.eventId) return;
  const came = first?.eventId ?? "nothing";
  findings.add("Bookmarkable", `a bookmark before ${expected.eventId} leads to ${came}`);
}

function withoutLater(frames: readonly ReadFrame[], known: ReadonlySet<string>): readonly ReadFrame[] {
  const last = frames.findLastIndex(({ events }) => events.some(({ eventId }) => known.has(eventId)));
  return frames.slice(0, Math.max(1, last + 1));
}

/** The frames until an event, or until nothing more is there. */
export async function readUntil(
  reader: Reader,
  { lastId, framesMax }: { readonly lastId: string; readonly framesMax: number },
): Promise<readonly ReadFrame[]> {
  const frames: ReadFrame[] = [];
  try {
    while (frames.length < framesMax) {
      const frame = await reader.next();
      if (frame === undefined) break;
      frames.push(frame);
      if (lastId !== "" && lastIdOf([frame]) >= lastId) break;
      if (frame.atHead && frame.events.length === 0 && (frames.length > 1 || lastId === "")) break;
    }
  } finally {
    await reader.close();
  }
  return frames;
}

/** A page of one event is a page of one transaction: just what came in one frame. */
async function checkLonePages({ start, frames }: Window, tools: WindowTools): Promise<void> {
  const { calls, findings, seeded, signal } = tools;
  const all = [start, ...frames];
  const withEvents = all.flatMap(({ events }, index) => (events.length > 0 && index > 0 ? [index] : []));
  for (const index of seeded.some(withEvents, lonePagesPerWindow)) {
    const pageToken = all[index - 1]?.cursor ?? "";
    const filter = { namespace: "-" };
    const page = await calls.raw.events.listEvents({ filter, pageToken, pageSize: 1 }, { signal });
    const listed = idsOf(page.events.map(toReadEvent));
    const came = idsOf(all[index]?.events ?? []);
    if (listed !== came) findings.add("Atomic", `${came} came together, ListEvents has ${listed} together`);
  }
}

/** The ids of events, as a text to compare. */
export function idsOf(events: readonly { readonly eventId: string }[]): string {
  return events.map(({ eventId }) => eventId).join(" ");
}
