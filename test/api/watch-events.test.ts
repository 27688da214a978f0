import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Event } from "../../gen/signalbox/v1/event_pb.ts";
import {
  EventService,
  WatchEventsRequest_Snapshot as Snapshot,
  type WatchEventsResponse,
  WatchEventsResponseSchema,
} from "../../gen/signalbox/v1/event_service_pb.ts";
import { toFrameBytes } from "../../src/api/events/frame-bytes.ts";
import { printCursor, tokenScope } from "../../src/api/token.ts";
import type { Position } from "../../src/core/event.ts";
import type { PlacedEvent } from "../../src/engine/feed-pages.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";
import { TestSubscriber } from "../support/test-subscriber.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ settings: { bookmarkIntervalMs: 100 } });
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;
function newNamespace(): string {
  namespaceCount += 1;
  return `ns${namespaceCount}`;
}

async function publish(namespace: string, ...types: readonly string[]): Promise<void> {
  const events = types.map((type) => ({ published: { source: "test", type } }));
  await server.events.publishEvents({ namespace, events });
}

async function createRun(
  namespace: string,
  runId: string,
  labels: Record<string, string> = {},
): Promise<void> {
  const work = { case: "task" as const, value: { op: "x" } };
  await server.runs.createRun({ run: { namespace, runId, labels, work } });
}

type Request = Parameters<TestServer["events"]["watchEvents"]>[0];

/** The frames of a stream until one that is told to be the last. */
async function framesUntil(
  request: Request,
  isLast: (frame: WatchEventsResponse) => boolean,
  events: Pick<TestServer["events"], "watchEvents"> = server.events,
): Promise<readonly WatchEventsResponse[]> {
  const frames: WatchEventsResponse[] = [];
  for await (const frame of events.watchEvents(request)) {
    frames.push(frame);
    if (isLast(frame)) break;
  }
  return frames;
}

const typesOf = (frames: readonly WatchEventsResponse[]) =>
  frames
    .filter(({ events }) => events.length > 0)
    .map(({ events }) =>
      events.map(({ detail }) => (detail.case === "published" ? detail.value.type : detail.case)),
    );

describe("DescribeFeed", () => {
  test("says what the feed is and how far it goes", async () => {
    const before = await server.events.describeFeed({});
    await publish(newNamespace(), "a", "b");
    const after = await server.events.describeFeed({});
    expect(after.feedEpoch).toBe(before.feedEpoch);
    expect(after.feedEpoch).not.toBe("");
    expect(after.headPosition - before.headPosition).toBe(2n);
    expect(after.oldestPosition).toBe(0n);
  });
});

describe("a snapshot before the feed", () => {
  test("has the live runs, the newest first; then comes what is committed after it", async () => {
    const namespace = newNamespace();
    await createRun(namespace, "one");
    await createRun(namespace, "two");
    await createRun(namespace, "over");
    await server.runs.cancelRun({ namespace, runId: "over" });
    const stream = server.events.watchEvents({ filter: { namespace }, snapshot: Snapshot.LIVE_RUNS });
    const frames = stream[Symbol.asyncIterator]();
    const { value: first } = (await frames.next()) as IteratorYieldResult<WatchEventsResponse>;
    expect(first).toMatchObject({ snapshot: true, events: [] });
    expect(first.runs.map(({ runId }) => runId)).toEqual(["two", "one"]);
    expect(first.cursor).not.toBe("");
    await publish(namespace, "after");
    const seen: WatchEventsResponse[] = [];
    while (seen.at(-1)?.events.length !== 1) {
      seen.push(((await frames.next()) as IteratorYieldResult<WatchEventsResponse>).value);
    }
    expect(seen.every(({ snapshot }) => !snapshot)).toBe(true);
    expect(typesOf(seen)).toEqual([["after"]]);
    await frames.return?.();
    const start = { case: "cursor" as const, value: first.cursor };
    const resumed = await framesUntil({ filter: { namespace }, start }, ({ events }) => events.length > 0);
    expect(typesOf(resumed)).toEqual([["after"]]);
  });

  test.each([
    { filter: {}, snapshot: Snapshot.ALL_RUNS, gives: ["over", "two", "one"] },
    { filter: { labels: { tier: "gold" } }, snapshot: Snapshot.ALL_RUNS, gives: ["over", "one"] },
    { filter: { labels: { tier: "gold" } }, snapshot: Snapshot.LIVE_RUNS, gives: ["one"] },
    { filter: { runId: "two" }, snapshot: Snapshot.LIVE_RUNS, gives: ["two"] },
    { filter: { runId: "over" }, snapshot: Snapshot.LIVE_RUNS, gives: [] },
    { filter: { runId: "nobody" }, snapshot: Snapshot.ALL_RUNS, gives: [] },
    { filter: { expression: `event.attempt > 5` }, snapshot: Snapshot.LIVE_RUNS, gives: ["two", "one"] },
  ])("of $filter has the runs $gives", async ({ filter, snapshot, gives }) => {
    const namespace = newNamespace();
    await createRun(namespace, "one", { tier: "gold" });
    await createRun(namespace, "two");
    await createRun(namespace, "over", { tier: "gold" });
    await server.runs.cancelRun({ namespace, runId: "over" });
    const frames = await framesUntil(
      { filter: { namespace, ...filter }, snapshot },
      ({ cursor }) => cursor !== "",
    );
    expect(frames.flatMap(({ runs }) => runs.map(({ runId }) => runId))).toEqual(gives);
  });

  test("of one run id in all namespaces has the runs of that id", async () => {
    const namespaces = [newNamespace(), newNamespace()];
    const runId = "the-same";
    for (const namespace of namespaces) await createRun(namespace, runId);
    const filter = { namespace: "-", runId };
    const frames = await framesUntil({ filter, snapshot: Snapshot.ALL_RUNS }, ({ cursor }) => cursor !== "");
    expect(frames.flatMap(({ runs }) => runs.map((run) => run.namespace))).toEqual(namespaces.toReversed());
  });

  test("of many runs comes in several frames, of which only the last has a cursor", async () => {
    const namespace = newNamespace();
    const work = { case: "task" as const, value: { op: "x" } };
    for (let first = 0; first < 1_200; first += 400) {
      const requests = Array.from({ length: 400 }, () => ({ run: { namespace, work } }));
      await server.runs.batchCreateRuns({ requests });
    }
    const snapshot = Snapshot.LIVE_RUNS;
    const frames = await framesUntil({ filter: { namespace }, snapshot }, ({ cursor }) => cursor !== "");
    expect(frames.length).toBeGreaterThan(1);
    expect(new Set(frames.flatMap(({ runs }) => runs.map(({ runId }) => runId))).size).toBe(1_200);
    expect(frames.slice(0, -1).every(({ cursor, snapshot: isPart }) => cursor === "" && isPart)).toBe(true);
  });

  test.each([
    { start: { case: "beginning" as const, value: {} } },
    { start: { case: "cursor" as const, value: "AAAA" } },
  ])("with $start.case is INVALID_REQUEST, which names it", async ({ start }) => {
    const refusal = await refusalIn(framesUntil({ start, snapshot: Snapshot.LIVE_RUNS }, () => true));
    expect(refusal).toMatchObject({ reason: "INVALID_REQUEST" });
    expect(JSON.stringify(refusal)).toContain("snapshot");
  });
});

describe("an expression in a filter", () => {
  const expression = `event.kind == "published" && event.published.type.startsWith("k")`;

  test("says what is streamed and what is listed", async () => {
    const namespace = newNamespace();
    await publish(namespace, "keep", "drop", "kept");
    await publish(namespace, "last");
    await publish(namespace, "key");
    const filter = { namespace, expression };
    const start = { case: "beginning" as const, value: {} };
    const frames = await framesUntil({ filter, start }, ({ atHead }) => atHead);
    expect(typesOf(frames)).toEqual([["keep", "kept"], ["key"]]);
    const listed: Event[] = [];
    for (let pageToken = "", isOver = false; !isOver; ) {
      const page = await server.events.listEvents({ filter, pageToken });
      listed.push(...page.events);
      pageToken = page.nextPageToken;
      isOver = page.atHead;
    }
    expect(listed.map(({ detail }) => detail.case === "published" && detail.value.type)).toEqual([
      "keep",
      "kept",
      "key",
    ]);
  });

  test("belongs to what a cursor is good for: FILTER_CHANGED under another", async () => {
    const filter = { namespace: newNamespace(), expression };
    const [{ cursor } = { cursor: "" }] = await framesUntil({ filter }, () => true);
    const other = { ...filter, expression: `event.attempt == 1` };
    const start = { case: "cursor" as const, value: cursor };
    expect(await refusalIn(framesUntil({ filter: other, start }, () => true))).toMatchObject({
      reason: "FILTER_CHANGED",
    });
    expect(await framesUntil({ filter, start }, () => true)).toHaveLength(1);
  });

  test("that cannot be used is FILTER_INVALID wherever a filter can be said", async () => {
    const filter = { expression: `event.colour == "red"` };
    const calls = [
      framesUntil({ filter }, () => true),
      server.events.listEvents({ filter }),
      server.subscriptions.createSubscription({
        subscription: { name: "bad", filter, target: { case: "pull", value: {} } },
      }),
    ];
    for (const call of calls) {
      expect(await refusalIn(call)).toMatchObject({
        code: "InvalidArgument",
        reason: "FILTER_INVALID",
        metadata: { expression: filter.expression, fault: "at 6: Event has no field colour" },
      });
    }
  });

  test("of a subscription says what is delivered, and stands in the subscription", async () => {
    const namespace = newNamespace();
    const filter = { namespace, expression };
    const target = { case: "pull" as const, value: {} };
    const { subscription } = await server.subscriptions.createSubscription({
      subscription: { namespace, name: "s", filter, target },
    });
    expect(subscription?.filter).toMatchObject({ expression });
    const subscriber = await TestSubscriber.open(server.url, { namespace, pipelined: true });
    await publish(namespace, "drop", "keep");
    await publish(namespace, "key");
    const delivered = await subscriber.take(2);
    expect(
      delivered.map(({ event }) => event?.detail.case === "published" && event.detail.value.type),
    ).toEqual(["keep", "key"]);
    subscriber.cancel();
  });
});

describe("the frames of a stream", () => {
  const baseUrl = () => server.url;
  test.each([
    { protocol: "gRPC", transport: () => createGrpcTransport({ baseUrl: baseUrl() }) },
    {
      protocol: "Connect",
      transport: () => createConnectTransport({ baseUrl: baseUrl(), httpVersion: "2" }),
    },
    {
      protocol: "Connect with JSON",
      transport: () =>
        createConnectTransport({ baseUrl: baseUrl(), httpVersion: "2", useBinaryFormat: false }),
    },
    {
      protocol: "Connect over HTTP/1.1",
      transport: () => createConnectTransport({ baseUrl: baseUrl(), httpVersion: "1.1" }),
    },
    {
      protocol: "gRPC-Web over HTTP/1.1",
      transport: () => createGrpcWebTransport({ baseUrl: baseUrl(), httpVersion: "1.1" }),
    },
  ])("are the same over $protocol, however many follow", async ({ transport }) => {
    const namespace = newNamespace();
    await publish(namespace, "a", "b");
    await publish(namespace, "c");
    const events = createClient(EventService, transport());
    const request = { filter: { namespace }, start: { case: "beginning" as const, value: {} } };
    const isLast = ({ atHead }: WatchEventsResponse) => atHead;
    const [one, other] = await Promise.all([
      framesUntil(request, isLast, events),
      framesUntil(request, isLast, events),
    ]);
    expect(typesOf(one)).toEqual([["a", "b"], ["c"]]);
    const cursorsOf = (frames: readonly WatchEventsResponse[]) =>
      frames.filter(({ events: some }) => some.length > 0).map(({ cursor }) => cursor);
    expect(cursorsOf(one)).toEqual(cursorsOf(other));
    const start = { case: "cursor" as const, value: one[0]?.cursor ?? "" };
    const resumed = await framesUntil({ filter: { namespace }, start }, isLast, events);
    expect(typesOf(resumed)).toEqual([["a", "b"], ["c"]]);
  });

  test("are encoded once for all with the same filter, as messages are", () => {
    const scope = tokenScope("events", { namespace: "a" }, "feed");
    const event = {
      timeMs: 5,
      namespace: "default",
      runId: "r",
      action: "",
      attempt: 0,
      runLabels: {},
      delivery: undefined,
      detail: { kind: "run_cancel_requested", cause: "x".repeat(300) } as const,
    };
    const events: readonly PlacedEvent[] = [1n, 2n].map((place) => ({ position: place as Position, event }));
    const frame = { events, through: 2n as Position, atHead: true };
    const bytes = toFrameBytes(scope, frame, true);
    expect(toFrameBytes(scope, frame, true)).toBe(bytes);
    expect(toFrameBytes(scope, { ...frame, atHead: false }, true)).not.toBe(bytes);
    expect(toFrameBytes(tokenScope("events", {}, "feed"), frame, true)).not.toEqual(bytes);
    expect(toFrameBytes(scope, frame, false)).toEqual(bytes);
    expect(Buffer.from(bytes).readUInt32BE(1)).toBe(bytes.length - 5);
    const read = fromBinary(WatchEventsResponseSchema, bytes.subarray(5));
    expect(read).toMatchObject({ atHead: true, cursor: printCursor(scope, frame.through) });
    expect(read.events.map(({ eventId }) => Number(`0x${eventId}`))).toEqual([1, 2]);
    const again = toBinary(WatchEventsResponseSchema, create(WatchEventsResponseSchema, read));
    expect(Buffer.from(bytes.subarray(5)).equals(Buffer.from(again))).toBe(true);
  });
});
