import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../support/fake-clock.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({ settings: { feedRetentionMs: 3_600_000 } });
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

/** Removes everything there is by now. */
async function trimAll(): Promise<void> {
  const head = await server.store.head();
  await until("all is removed", async () => {
    await server.engine.execute<"trimFeed">({
      kind: "trimFeed",
      retentionMs: 1,
      subscribedRetentionMs: 1,
      eventsMax: 0,
    });
    return (await server.store.oldest()) >= head;
  });
}

async function publish(type: string): Promise<void> {
  await server.events.publishEvents({ events: [{ published: { source: "test", type } }] });
}

const filter = { namespace: "default", labels: {}, topics: [] };

async function firstWithCursor<T extends { readonly cursor: string }>(frames: AsyncIterable<T>): Promise<T> {
  for await (const frame of frames) if (frame.cursor !== "") return frame;
  throw new Error("the stream has ended");
}

describe("on a feed of which the beginning was removed", () => {
  test("DescribeFeed says how much is kept, and for how long", async () => {
    await publish("a");
    await trimAll();
    await publish("b");
    const { feedEpoch, headPosition, oldestPosition, retentionSeconds } = await server.events.describeFeed(
      {},
    );
    expect(feedEpoch).toBe(server.store.feedId);
    expect(oldestPosition).toBe(headPosition - 1n);
    expect(retentionSeconds).toBe(3_600n);
  });

  test("a cursor to what was removed is CURSOR_EXPIRED, with one that works and no other", async () => {
    const { nextPageToken: pageToken } = await server.events.listEvents({ filter });
    await publish("gone");
    await trimAll();
    await publish("there");
    for (const call of [
      () => server.events.listEvents({ filter, pageToken }),
      () =>
        firstWithCursor(server.events.watchEvents({ filter, start: { case: "cursor", value: pageToken } })),
    ]) {
      const refusal = await refusalIn(call());
      expect(refusal).toMatchObject({ code: "OutOfRange", reason: "CURSOR_EXPIRED" });
      expect(Object.keys(refusal.metadata).sort()).toEqual(["feed_epoch", "oldest_cursor"]);
      const oldest = refusal.metadata["oldest_cursor"] ?? "";
      const page = await server.events.listEvents({ filter, pageToken: oldest });
      expect(page.events.map(({ detail }) => detail.case === "published" && detail.value.type)).toEqual([
        "there",
      ]);
    }
  });

  test("a list and a watch from the beginning have what is kept", async () => {
    await trimAll();
    await publish("kept");
    const { events } = await server.events.listEvents({ filter });
    expect(events.length).toBe(1);
    const start = { case: "beginning", value: {} } as const;
    for await (const frame of server.events.watchEvents({ filter, start })) {
      if (frame.events.length === 0) continue;
      expect(frame.events).toEqual(events);
      break;
    }
  });

  test("a run is watched from its state, and from a cursor that is too old not", async () => {
    await server.runs.createRun({ run: { runId: "r", work: { case: "task", value: { op: "count" } } } });
    const { cursor } = await firstWithCursor(server.runs.watchRun({ runId: "r" }));
    await server.runs.updateRun({ runId: "r", priority: 3 });
    await trimAll();
    expect(await refusalIn(firstWithCursor(server.runs.watchRun({ runId: "r", cursor })))).toMatchObject({
      reason: "CURSOR_EXPIRED",
    });
    const anew = await firstWithCursor(server.runs.watchRun({ runId: "r" }));
    expect(anew).toMatchObject({ snapshot: true, run: { runId: "r", priority: 3 } });
    await server.runs.cancelRun({ runId: "r" });
    const ends: boolean[] = [];
    for await (const { ended } of server.runs.watchRun({ runId: "r", cursor: anew.cursor })) ends.push(ended);
    expect(ends.at(-1)).toBe(true);
  });

  test("a timeline has what is left of it", async () => {
    await server.runs.createRun({ run: { runId: "t", work: { case: "task", value: { op: "count" } } } });
    const worker = await server.attach();
    const { attempt } = await worker.take();
    const progress = (percent: number) => ({ case: "progress" as const, value: { percent, message: "" } });
    await worker.report(attempt, 1n, progress(10));
    const whole = await server.runs.listTimeline({ runId: "t", name: "main", attempt: 1 });
    expect(whole.entries.length).toBe(3);
    const { nextPageToken: pageToken } = await server.runs.listTimeline({
      runId: "t",
      name: "main",
      attempt: 1,
      pageSize: 1,
    });
    await trimAll();
    await worker.report(attempt, 2n, progress(20));
    await worker.report(attempt, 3n, { case: "succeeded", value: {} });
    const ofAttempt = { runId: "t", name: "main", attempt: 1 };
    const rest = await server.runs.listTimeline(ofAttempt);
    expect(rest.entries.length).toBe(2);
    expect((await server.runs.listTimeline({ ...ofAttempt, pageToken })).entries.length).toBe(2);
    worker.cancel();
  });
});
