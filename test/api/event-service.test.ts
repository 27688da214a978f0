import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Event } from "../../gen/signalbox/v1/event_pb.ts";
import { EventKind } from "../../gen/signalbox/v1/event_pb.ts";
import type { EventFilterSchema, WatchEventsResponse } from "../../gen/signalbox/v1/event_service_pb.ts";
import { describeRefusal, refusalIn, TestServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;
/** A namespace that no other test uses. */
function newNamespace(): string {
  namespaceCount += 1;
  return `ns${namespaceCount}`;
}

/** Publishes one event for each of these types, in one transaction. */
async function publish(namespace: string, ...types: readonly string[]): Promise<void> {
  const events = types.map((type) => ({ published: { source: "test", type } }));
  await server.events.publishEvents({ namespace, events });
}

function typeOf({ detail }: Event): string {
  return detail.case === "published" ? detail.value.type : (detail.case ?? "");
}

/** All events that match, up to the head, and the token that stands behind them. */
async function listAll(filter: MessageInitShape<typeof EventFilterSchema>) {
  const events: Event[] = [];
  for (let pageToken = ""; ; ) {
    const page = await server.events.listEvents({ filter, pageToken });
    events.push(...page.events);
    pageToken = page.nextPageToken;
    if (page.atHead) return { events, pageToken };
  }
}

/** A stream, read one frame at a time; bookmarks can be passed over. */
class Watch {
  readonly #frames: AsyncIterator<WatchEventsResponse>;

  constructor(request: Parameters<typeof server.events.watchEvents>[0]) {
    this.#frames = server.events.watchEvents(request)[Symbol.asyncIterator]();
  }

  async frame(): Promise<WatchEventsResponse> {
    const taken = await this.#frames.next();
    if (taken.done === true) throw new Error("the stream has ended");
    return taken.value;
  }

  async withEvents(): Promise<WatchEventsResponse> {
    for (;;) {
      const frame = await this.frame();
      if (frame.events.length > 0) return frame;
    }
  }

  async close(): Promise<void> {
    await this.#frames.return?.();
  }
}

describe("PublishEvents", () => {
  test("puts all of them into the feed as one transaction, each with what it says", async () => {
    const namespace = newNamespace();
    await server.runs.createRun({
      run: { namespace, runId: "r", labels: { env: "prod" }, work: { case: "task", value: { op: "x" } } },
    });
    const watch = new Watch({ filter: { namespace }, start: { case: "now", value: {} } });
    await watch.frame();
    const payload = { kind: { case: "stringValue" as const, value: "hello" } };
    const { publishedCount } = await server.events.publishEvents({
      namespace,
      events: [
        { published: { source: "s", type: "one", attributes: { a: "b" }, payload } },
        { runId: "r", action: "main", published: { source: "s", type: "two" } },
      ],
    });
    expect(publishedCount).toBe(2);
    const { events } = await watch.withEvents();
    expect(events).toMatchObject([
      {
        namespace,
        runId: "",
        detail: { value: { source: "s", type: "one", attributes: { a: "b" }, payload } },
      },
      {
        namespace,
        runId: "r",
        action: "main",
        runLabels: { env: "prod" },
        detail: { value: { type: "two" } },
      },
    ]);
    await watch.close();
  });

  test("with the same request_id publishes once", async () => {
    const namespace = newNamespace();
    const request = { namespace, requestId: "q", events: [{ published: { source: "s", type: "t" } }] };
    await server.events.publishEvents(request);
    expect(await server.events.publishEvents(request)).toMatchObject({ publishedCount: 1 });
    const { events } = await listAll({ namespace });
    expect(events).toHaveLength(1);
  });
});

describe("ListEvents", () => {
  test("pages through the feed without splitting a transaction", async () => {
    const namespace = newNamespace();
    const filter = { namespace };
    await publish(namespace, "a", "b", "c");
    await publish(namespace, "d");
    await publish(namespace, "e", "f");
    const pages: string[][] = [];
    let pageToken = "";
    for (;;) {
      const page = await server.events.listEvents({ filter, pageSize: 2, pageToken });
      pages.push(page.events.map(typeOf));
      pageToken = page.nextPageToken;
      if (page.atHead) break;
    }
    expect(pages.filter(({ length }) => length > 0)).toEqual([
      ["a", "b", "c"],
      ["d", "e", "f"],
    ]);
    await publish(namespace, "g");
    const more = await server.events.listEvents({ filter, pageToken });
    expect(more.events.map(typeOf)).toEqual(["g"]);
  });

  test("comes to the end of a feed of which nothing matches", async () => {
    for (let count = 0; count < 30; count += 1) {
      await publish(newNamespace(), ...Array.from({ length: 100 }, () => "noise"));
    }
    const filter = { namespace: newNamespace() };
    let pageToken = "";
    for (let pages = 0; ; pages += 1) {
      expect(pages).toBeLessThan(20);
      const page = await server.events.listEvents({ filter, pageToken });
      expect(page.events).toEqual([]);
      pageToken = page.nextPageToken;
      if (page.atHead) break;
    }
  });

  test("gives tokens that WatchEvents takes, and takes its cursors, under the same filter", async () => {
    const namespace = newNamespace();
    await publish(namespace, "a");
    const { pageToken } = await listAll({ namespace });
    const watch = new Watch({ filter: { namespace }, start: { case: "cursor", value: pageToken } });
    await publish(namespace, "b");
    const frame = await watch.withEvents();
    expect(frame.events.map(typeOf)).toEqual(["b"]);
    await publish(namespace, "c");
    const behind = await server.events.listEvents({ filter: { namespace }, pageToken: frame.cursor });
    expect(behind.events.map(typeOf)).toEqual(["c"]);
    await watch.close();
  });
});

describe("WatchEvents", () => {
  test("begins with a bookmark at once, even where nothing happens", async () => {
    const watch = new Watch({ filter: { namespace: newNamespace() } });
    const first = await watch.frame();
    expect(first.events).toEqual([]);
    expect(first.cursor).not.toBe("");
    await watch.close();
  });

  test("sends each transaction in one frame, in commit order, none twice", async () => {
    const namespace = newNamespace();
    const watch = new Watch({ filter: { namespace }, start: { case: "beginning", value: {} } });
    await publish(namespace, "a", "b");
    await publish(namespace, "c");
    const frames = [await watch.withEvents(), await watch.withEvents()];
    expect(frames.map(({ events }) => events.map(typeOf))).toEqual([["a", "b"], ["c"]]);
    const ids = frames.flatMap(({ events }) => events.map(({ eventId }) => eventId));
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(3);
    await watch.close();
  });

  test("goes on exactly behind any of its cursors", async () => {
    const namespace = newNamespace();
    const filter = { namespace };
    for (const type of ["a", "b", "c", "d"]) await publish(namespace, type);
    const watch = new Watch({ filter, start: { case: "beginning", value: {} } });
    const cursors: string[] = [];
    for (let count = 0; count < 4; count += 1) cursors.push((await watch.withEvents()).cursor);
    await watch.close();
    for (const [index, cursor] of cursors.slice(0, -1).entries()) {
      const resumed = new Watch({ filter, start: { case: "cursor", value: cursor } });
      expect((await resumed.withEvents()).events.map(typeOf)).toEqual([["b", "c", "d"][index]]);
      await resumed.close();
    }
  });

  test.each([
    { name: "a run", filter: { runId: "r1" }, gives: ["runCreated r1", "actionCreated r1"] },
    { name: "a kind", filter: { kinds: [EventKind.RUN_CREATED] }, gives: ["runCreated r1", "runCreated r2"] },
    {
      name: "several kinds",
      filter: { kinds: [EventKind.PUBLISHED, EventKind.RUN_CREATED] },
      gives: ["runCreated r1", "runCreated r2", "published "],
    },
    { name: "a label", filter: { labels: { env: "test" } }, gives: ["runCreated r2", "actionCreated r2"] },
    {
      name: "a run and a kind",
      filter: { runId: "r2", kinds: [EventKind.ACTION_CREATED] },
      gives: ["actionCreated r2"],
    },
  ])("of $name tells nothing else", async ({ filter, gives }) => {
    const namespace = newNamespace();
    const work = { case: "task" as const, value: { op: "x" } };
    await server.runs.createRun({ run: { namespace, runId: "r1", labels: { env: "prod" }, work } });
    await server.runs.createRun({ run: { namespace, runId: "r2", labels: { env: "test" }, work } });
    await publish(namespace, "last");
    const watch = new Watch({ filter: { namespace, ...filter }, start: { case: "beginning", value: {} } });
    const seen: string[] = [];
    while (seen.length < gives.length) {
      const { events } = await watch.withEvents();
      seen.push(...events.map(({ detail, runId }) => `${detail.case} ${runId}`));
    }
    expect(seen).toEqual(gives);
    await watch.close();
    const listed = await listAll({ namespace, ...filter });
    expect(listed.events.map(({ detail, runId }) => `${detail.case} ${runId}`)).toEqual(gives);
  });

  test("of all namespaces tells each of them", async () => {
    const namespaces = [newNamespace(), newNamespace()];
    const watch = new Watch({ filter: { namespace: "-", kinds: [EventKind.PUBLISHED] } });
    await watch.frame();
    for (const namespace of namespaces) await publish(namespace, "x");
    const seen = [await watch.withEvents(), await watch.withEvents()].flatMap(({ events }) => events);
    expect(seen.map(({ namespace }) => namespace)).toEqual(namespaces);
    await watch.close();
  });

  test("a cursor under another filter is FILTER_CHANGED", async () => {
    const first = new Watch({ filter: { namespace: newNamespace() } });
    const { cursor } = await first.frame();
    await first.close();
    const other = new Watch({
      filter: { namespace: newNamespace() },
      start: { case: "cursor", value: cursor },
    });
    expect(await refusalIn(other.frame())).toMatchObject({
      reason: "FILTER_CHANGED",
      code: "InvalidArgument",
    });
  });

  test("a cursor of another feed is CURSOR_EXPIRED, and says from where to go on", async () => {
    const other = await TestServer.start();
    const namespace = newNamespace();
    const foreign = await other.events.listEvents({ filter: { namespace } });
    await other.close();
    await publish(namespace, "a");
    const watch = new Watch({
      filter: { namespace },
      start: { case: "cursor", value: foreign.nextPageToken },
    });
    const refusal = await refusalIn(watch.frame());
    expect(refusal).toMatchObject({ code: "OutOfRange", reason: "CURSOR_EXPIRED" });
    const value = refusal.metadata["oldest_cursor"] ?? "";
    const resumed = new Watch({ filter: { namespace }, start: { case: "cursor", value } });
    expect((await resumed.withEvents()).events.map(typeOf)).toEqual(["a"]);
    await resumed.close();
    const listed = server.events.listEvents({ filter: { namespace }, pageToken: foreign.nextPageToken });
    expect(await refusalIn(listed)).toMatchObject({ reason: "CURSOR_EXPIRED" });
  });

  test("ends with STOPPING when the server stops, and so do the other streams", async () => {
    const stopped = await TestServer.start();
    await stopped.runs.createRun({ run: { runId: "r", work: { case: "task", value: { op: "x" } } } });
    const streams = [
      stopped.events.watchEvents({}),
      stopped.runs.watchRun({ runId: "r" }),
      stopped.conditions.watchConditions({}),
    ].map((stream) => stream[Symbol.asyncIterator]());
    for (const stream of streams) await stream.next();
    const ends = streams.map(async (stream) => {
      try {
        while ((await stream.next()).done !== true);
        return "ended well";
      } catch (error) {
        return describeRefusal(error).reason;
      }
    });
    const cutCount = await stopped.stop();
    expect(await Promise.all(ends)).toEqual(["STOPPING", "STOPPING", "STOPPING"]);
    expect(cutCount).toBe(0);
    expect(stopped.errors).toEqual([]);
  });
});
