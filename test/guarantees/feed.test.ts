import { describe, expect, test } from "vitest";
import { bookmarkable, type FeedRecord, feedPromises, feedViolations } from "./feed.ts";
import type { RecordedEvent, RecordedFrame, RecordedStream } from "./record.ts";

const event = (id: number): RecordedEvent => ({
  eventId: String(id).padStart(4, "0"),
  namespace: "default",
  runId: "r",
  action: "",
  attempt: 0,
  kind: "published",
});

const reference = [[1], [2, 3, 4], [5], [6, 7], [8]].map((ids) => ids.map(event));

const frame = (...ids: readonly number[]): RecordedFrame => ({
  events: ids.map(event),
  cursor: `behind ${ids.at(-1)}`,
  atHead: false,
});
const bookmark = (behind: number, atHead = false): RecordedFrame => ({
  events: [],
  cursor: `behind ${behind}`,
  atHead,
});

/** A subscriber that broke off after 5 and went on with the cursor that it had. */
const before: RecordedStream = {
  start: "beginning",
  frames: [bookmark(0), frame(1), frame(2, 3, 4), frame(5)],
};
const after: RecordedStream = {
  start: { cursor: "behind 5" },
  frames: [bookmark(5), frame(6, 7), frame(8), bookmark(8, true)],
  isQuiet: true,
};

function record(streams: readonly RecordedStream[]): FeedRecord {
  return { streams, reference };
}

describe("a record without a flaw", () => {
  test.each([
    { given: "with a break", streams: [before, after] },
    {
      given: "without a break",
      streams: [{ ...before, frames: [...before.frames, ...after.frames.slice(1)] }],
    },
    {
      given: "of who forgot the last frames and went back",
      streams: [
        before,
        {
          ...after,
          start: { cursor: "behind 1" },
          frames: [bookmark(1), frame(2, 3, 4), frame(5), ...after.frames.slice(1)],
        },
      ],
    },
    { given: "of who began in the middle", streams: [{ ...after, start: "now" as const }] },
    {
      given: "of who was broken off before anything came",
      streams: [{ ...before, frames: [] }, { ...before }],
    },
    {
      given: "of who resumed with a bookmark",
      streams: [
        { ...before, frames: [bookmark(0)] },
        { ...before, start: { cursor: "behind 0" } },
      ],
    },
    { given: "of nothing", streams: [] },
  ])("$given keeps all six promises", ({ streams }) => {
    expect(feedViolations(record(streams))).toEqual([]);
  });
});

describe("the checker of", () => {
  const swap = (frames: readonly RecordedFrame[]) =>
    [frames[0], frames[2], frames[1], frames[3]] as RecordedFrame[];
  test.each([
    {
      promise: "Ordered",
      bug: "two transactions that change places",
      streams: [{ ...before, frames: swap(before.frames) }, after],
    },
    {
      promise: "Ordered",
      bug: "events of a transaction that change places",
      streams: [{ ...before, frames: [bookmark(0), frame(1), frame(3, 2, 4), frame(5)] }, after],
    },
    {
      promise: "Unique",
      bug: "a transaction that is sent again after a resume",
      streams: [before, { ...after, frames: [bookmark(5), frame(5), ...after.frames.slice(1)] }],
    },
    {
      promise: "Reliable",
      bug: "a transaction that is dropped on resume",
      streams: [before, { ...after, frames: [bookmark(5), frame(8), bookmark(8, true)] }],
    },
    {
      promise: "Reliable",
      bug: "the last transaction dropped before the bookmark at the head",
      streams: [before, { ...after, frames: [bookmark(5), frame(6, 7), bookmark(8, true)] }],
    },
    {
      promise: "Reliable",
      bug: "an event that is not in the feed",
      streams: [before, { ...after, frames: [...after.frames, frame(99)] }],
    },
    {
      promise: "Atomic",
      bug: "a transaction in two frames",
      streams: [{ ...before, frames: [bookmark(0), frame(1), frame(2, 3), frame(4), frame(5)] }, after],
    },
    {
      promise: "Atomic",
      bug: "two transactions in one frame",
      streams: [before, { ...after, frames: [bookmark(5), frame(6, 7, 8), bookmark(8, true)] }],
    },
    {
      promise: "Resumable",
      bug: "a stream that begins one transaction too late",
      streams: [before, { ...after, frames: [bookmark(5), frame(8), bookmark(8, true)] }],
    },
    {
      promise: "Resumable",
      bug: "a stream that begins one transaction too early",
      streams: [before, { ...after, frames: [bookmark(5), frame(5), ...after.frames.slice(1)] }],
    },
    {
      promise: "Resumable",
      bug: "a stream that gets nothing though something follows",
      streams: [before, { ...after, frames: [bookmark(5, true)] }],
    },
    {
      promise: "Resumable",
      bug: "a cursor that nobody was given",
      streams: [before, { ...after, start: { cursor: "behind 7" } }],
    },
    {
      promise: "Bookmarkable",
      bug: "a stream that begins without a bookmark",
      streams: [{ ...before, frames: before.frames.slice(1) }, after],
    },
    {
      promise: "Bookmarkable",
      bug: "a dropped bookmark at the head",
      streams: [before, { ...after, frames: after.frames.slice(0, -1) }],
    },
    {
      promise: "Bookmarkable",
      bug: "a frame without a cursor",
      streams: [before, { ...after, frames: after.frames.map((one) => ({ ...one, cursor: "" })) }],
    },
  ] as const)("$promise sees $bug", ({ promise, streams }) => {
    expect(feedPromises[promise](record(streams))).not.toEqual([]);
  });

  const reader = { placeOf: (cursor: string) => BigInt(cursor.replace("behind ", "")), head: 8n };
  test.each([
    { bug: "nothing in what is right", frames: after.frames, head: 8n, count: 0 },
    { bug: "a quiet filter that does not move on", frames: after.frames, head: 20n, count: 1 },
    {
      bug: "a cursor that goes back",
      frames: [bookmark(7), bookmark(5), bookmark(8, true)],
      head: 8n,
      count: 1,
    },
  ])("Bookmarkable that can read cursors sees $bug", ({ frames, head, count }) => {
    expect(bookmarkable(record([{ ...after, frames }]), { ...reader, head })).toHaveLength(count);
  });
});
