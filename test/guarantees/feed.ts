import { broke, type RecordedEvent, type RecordedFrame, type Violation } from "./record.ts";

/** What one subscriber was given, and what it is held against. */
export interface FeedHistory {
  /** The feed under the same filter, read afresh from the beginning to its head, a frame a transaction. */
  readonly reference: readonly RecordedFrame[];
  /** What the subscriber was given from the beginning, in order, over all its resumptions. */
  readonly record: readonly RecordedFrame[];
  /** What was read to the head from cursors of the record, each in a stream of its own. */
  readonly resumed: readonly { readonly from: RecordedFrame; readonly events: readonly RecordedEvent[] }[];
}

/** Every promise of the feed that a subscriber saw broken; see docs/feed.md for what each of them says. */
export function feedViolations(history: FeedHistory): readonly Violation[] {
  return [
    ...ordered(history),
    ...unique(history),
    ...reliable(history),
    ...atomic(history),
    ...resumable(history),
    ...bookmarkable(history),
  ];
}

/** Ordered: events come in commit order. */
export function ordered({ record }: FeedHistory): readonly Violation[] {
  const ids = idsOf(record);
  return ids.flatMap((id, index) => {
    const before = ids[index - 1];
    return before !== undefined && id < before ? [broke("Ordered", `${id} came behind ${before}`)] : [];
  });
}

/** Unique: no event comes twice. */
export function unique({ record }: FeedHistory): readonly Violation[] {
  const seen = new Set<string>();
  return idsOf(record).flatMap((id) => {
    if (seen.has(id)) return [broke("Unique", `${id} came twice`)];
    seen.add(id);
    return [];
  });
}

/** Reliable: no event is left out before the last one that came, and none comes that is not in the feed. */
export function reliable({ reference, record }: FeedHistory): readonly Violation[] {
  const given = new Set(idsOf(record));
  const all = new Set(idsOf(reference));
  const last = idsOf(record).reduce((latest, id) => (id > latest ? id : latest), "");
  return [
    ...[...all]
      .filter((id) => id <= last && !given.has(id))
      .map((id) => broke("Reliable", `${id} never came`)),
    ...[...given]
      .filter((id) => !all.has(id))
      .map((id) => broke("Reliable", `${id} came and is not in the feed`)),
  ];
}

/** Atomic: the events of a transaction come in one frame, and with those of no other. */
export function atomic({ reference, record }: FeedHistory): readonly Violation[] {
  const transactions = new Map<string, string>();
  for (const { events } of reference) {
    for (const { eventId } of events)
      transactions.set(eventId, events.map((event) => event.eventId).join(" "));
  }
  return record.flatMap(({ events }) => {
    const first = events[0];
    if (first === undefined) return [];
    const given = events.map((event) => event.eventId).join(" ");
    const whole = transactions.get(first.eventId);
    return given === whole
      ? []
      : [broke("Atomic", `a frame had ${given}, its transaction ${whole ?? "is unknown"}`)];
  });
}

/** Resumable: from the cursor of any frame comes exactly what follows it. */
export function resumable(history: FeedHistory): readonly Violation[] {
  return resumptions(history, ({ events }) => events.length > 0).map((sentence) =>
    broke("Resumable", sentence),
  );
}

/** Bookmarkable: the same from any bookmark, and whoever has been given everything is told so. */
export function bookmarkable(history: FeedHistory): readonly Violation[] {
  const sentences = resumptions(history, ({ events }) => events.length === 0);
  const last = history.record.at(-1);
  if (last !== undefined && !history.record.some(({ atHead }) => atHead))
    sentences.push("no frame was at the head");
  if (history.record.some(({ cursor }) => cursor === "")) sentences.push("a frame had no cursor");
  return sentences.map((sentence) => broke("Bookmarkable", sentence));
}

function resumptions(
  { reference, record, resumed }: FeedHistory,
  isMeant: (frame: RecordedFrame) => boolean,
): string[] {
  const all = idsOf(reference);
  return resumed.flatMap(({ from, events }) => {
    if (!isMeant(from)) return [];
    const given = idsOf(record.slice(0, record.indexOf(from) + 1)).at(-1) ?? "";
    const expected = all.filter((id) => id > given);
    const got = events.map((event) => event.eventId).filter((id) => id <= (all.at(-1) ?? ""));
    const at = expected.findIndex((id, index) => got[index] !== id);
    if (at < 0 && got.length === expected.length) return [];
    return [
      `behind ${given || "the beginning"} came ${got[at] ?? "nothing"} where ${expected[at] ?? "nothing"} follows`,
    ];
  });
}

function idsOf(frames: readonly RecordedFrame[]): readonly string[] {
  return frames.flatMap(({ events }) => events.map((event) => event.eventId));
}
