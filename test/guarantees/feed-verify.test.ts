import type { Transport } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WatchEventsResponse } from "../../gen/signalbox/v1/event_service_pb.ts";
import { connectClient } from "../../src/client/client.ts";
import type { PromiseName } from "../../src/verify/findings.ts";
import { type Verdict, verifyFeed } from "../../src/verify/verify-feed.ts";
import { TestServer } from "../support/test-server.ts";
import { type Lie, lyingTransport, replaced, swapped, without } from "./lying-feed.ts";

let server: TestServer;
const liedAbout = new Set<string>();

beforeAll(async () => {
  server = await TestServer.start({ settings: { bookmarkIntervalMs: 100 } });
  for (let number = 0; number < 40; number += 1) {
    const published = { source: "test", type: "one", attributes: {}, payload: undefined };
    const events = Array.from({ length: 1 + (number % 3) }, () => ({ published }));
    await server.events.publishEvents({ events });
    if (number % 10 === 0)
      await server.runs.createRun({ run: { work: { case: "task", value: { op: "any" } } } });
  }
  const { events } = await server.events.listEvents({ pageSize: 1_000 });
  // One in the middle, of a transaction of several.
  const kept = events.slice(20, -20).filter(({ detail }) => detail.case === "published");
  for (const { eventId } of kept.slice(4, 5)) liedAbout.add(eventId);
});

afterAll(() => server.close());

async function verify(transport: Transport, seed: number, eventsMax = 1_000_000): Promise<Verdict> {
  const { calls } = connectClient({ transport, retry: { forMs: 1_000 } });
  const signal = AbortSignal.timeout(30_000);
  return verifyFeed({ calls, start: "beginning", eventsMax, seed, signal });
}

function isLiedAbout({ events }: WatchEventsResponse): boolean {
  return events.some(({ eventId }) => liedAbout.has(eventId));
}

describe("a feed that keeps its promises", () => {
  test.each([1, 2, 3])("is found to do so, seed %d", async (seed) => {
    const verdict = await verify(lyingTransport(server, {}), seed);
    expect(verdict).toMatchObject({ isKept: true, snapshotRunCount: 4, seed });
    expect(verdict.eventCount).toBe(Number((await server.events.describeFeed({})).headPosition));
    expect(verdict.findings.map(({ violations }) => violations)).toEqual([[], [], [], [], [], []]);
    expect(verdict.findings.every(({ checked }) => checked > 0)).toBe(true);
  });

  test("is found to do so while others write", async () => {
    const writing = new AbortController();
    const write = async () => {
      while (!writing.signal.aborted) {
        const published = { source: "test", type: "meanwhile", attributes: {}, payload: undefined };
        await server.events.publishEvents({ events: [{ published }, { published }] });
      }
    };
    const written = write();
    const verdict = await verify(lyingTransport(server, {}), 4);
    writing.abort();
    await written;
    expect(verdict.findings.flatMap(({ violations }) => violations)).toEqual([]);
  });

  test("is looked at as far as is asked for", async () => {
    const verdict = await verify(lyingTransport(server, {}), 5, 20);
    expect(verdict.eventCount).toBeGreaterThanOrEqual(20);
    expect(verdict.eventCount).toBeLessThan(30);
    expect(verdict.isKept).toBe(true);
  });
});

/** Only the first of the streams of a verification: the others show what it should have been. */
function firstOnly(watch: NonNullable<Lie["watch"]>): Lie {
  let count = 0;
  return {
    watch(frames, request) {
      count += 1;
      return count === 1 ? watch(frames, request) : frames;
    },
  };
}

const lies: readonly { readonly lie: string; readonly promise: PromiseName; readonly make: () => Lie }[] = [
  {
    lie: "an event that one stream loses",
    promise: "Reliable",
    make: () => firstOnly((frames) => without(frames, isLiedAbout)),
  },
  {
    lie: "an event that every stream loses",
    promise: "Reliable",
    make: () => ({ watch: (frames) => without(frames, isLiedAbout) }),
  },
  {
    lie: "an event that pages lose",
    promise: "Reliable",
    make: () => ({
      list: (page) => ({ ...page, events: page.events.filter(({ eventId }) => !liedAbout.has(eventId)) }),
    }),
  },
  {
    lie: "an event that says something else when it is read again",
    promise: "Reliable",
    make: () =>
      firstOnly((frames) =>
        replaced(frames, (frame) => {
          if (!isLiedAbout(frame)) return [frame];
          return [{ ...frame, events: frame.events.map((event) => ({ ...event, action: "other" })) }];
        }),
      ),
  },
  {
    lie: "a transaction that comes twice",
    promise: "Unique",
    make: () => ({
      watch: (frames) => replaced(frames, (frame) => (isLiedAbout(frame) ? [frame, frame] : [frame])),
    }),
  },
  {
    lie: "two transactions that change places",
    promise: "Ordered",
    make: () => firstOnly((frames) => swapped(frames, isLiedAbout)),
  },
  {
    lie: "transactions that are split for one",
    promise: "Atomic",
    make: () => firstOnly((frames) => replaced(frames, split)),
  },
  {
    lie: "transactions that are split for everybody",
    promise: "Atomic",
    make: () => ({ watch: (frames) => replaced(frames, split) }),
  },
  {
    lie: "bookmarks that stay where the stream began",
    promise: "Bookmarkable",
    make: () => {
      let begin: string | undefined;
      return {
        watch: (frames, { filter }) =>
          replaced(frames, (frame) => {
            const isWhole = (filter?.kinds.length ?? 0) === 0 && filter?.expression === "";
            if (!isWhole || Object.keys(filter.labels).length > 0 || frame.events.length > 0) return [frame];
            begin ??= frame.cursor;
            return [{ ...frame, cursor: frame.snapshot ? frame.cursor : begin }];
          }),
      };
    },
  },
  {
    lie: "a filter that wants nothing and never moves on",
    promise: "Bookmarkable",
    make: () => ({
      watch(frames, { filter }) {
        if (Object.keys(filter?.labels ?? {}).length === 0) return frames;
        let begin: string | undefined;
        return replaced(frames, (frame) => {
          begin ??= frame.cursor;
          return [{ ...frame, cursor: begin }];
        });
      },
    }),
  },
  {
    lie: "a resume that leaves out what comes next",
    promise: "Resumable",
    make: () => ({
      watch(frames, { start }) {
        if (start.case !== "cursor") return frames;
        let isLeftOut = false;
        return without(frames, ({ events }) => {
          const isNext = !isLeftOut && events.length > 0;
          isLeftOut ||= isNext;
          return isNext;
        });
      },
    }),
  },
  {
    lie: "a filter that lets others through",
    promise: "Reliable",
    make: () => ({
      watch: (frames, { filter }) =>
        replaced(frames, (frame) => {
          const [first] = frame.events;
          const isFiltered = (filter?.kinds.length ?? 0) > 0 && first !== undefined;
          return isFiltered ? [{ ...frame, events: [first, first] }] : [frame];
        }),
    }),
  },
  {
    lie: "a snapshot without its runs",
    promise: "Reliable",
    make: () => ({ watch: (frames) => replaced(frames, (frame) => [{ ...frame, runs: [] }]) }),
  },
];

function split(frame: WatchEventsResponse): readonly WatchEventsResponse[] {
  const [first, ...others] = frame.events;
  if (first === undefined || others.length === 0) return [frame];
  return [
    { ...frame, events: [first] },
    { ...frame, events: others },
  ];
}

describe("a feed with", () => {
  test.each(lies)("$lie is found to break $promise", async ({ promise, make }) => {
    const verdict = await verify(lyingTransport(server, make()), 7);
    expect(verdict.isKept).toBe(false);
    const finding = verdict.findings.find((one) => one.promise === promise);
    expect(finding?.violations).not.toEqual([]);
  });
});
