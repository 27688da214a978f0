import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { restoreBackup } from "../../src/store/embedded/backup/restore-backup.ts";
import { takeBackup } from "../../src/store/embedded/backup/take-backup.ts";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";
import { TestWorker } from "../support/test-worker.ts";

const running = new Set<TestServer>();
afterEach(async () => {
  for (const server of running) await server.close();
  running.clear();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "signalbox-epoch-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(folder: string): Promise<TestServer> {
  const server = await TestServer.start({ store: await EmbeddedStore.open({ path: folder }) });
  running.add(server);
  return server;
}

async function stop(server: TestServer): Promise<void> {
  running.delete(server);
  await server.close();
}

/** Takes a backup of a folder and makes another one of it. */
async function backUp(folder: string): Promise<{ restore: () => Promise<string> }> {
  const file = join(newFolder(), "backup.db");
  await takeBackup({ folder, file });
  return {
    async restore() {
      const restored = join(newFolder(), "data");
      await restoreBackup({ from: file, folder: restored, nowMs: Date.now() });
      return restored;
    },
  };
}

async function publish(server: TestServer, ...types: string[]): Promise<void> {
  for (const type of types) {
    await server.events.publishEvents({ events: [{ published: { source: "test", type } }] });
  }
}

const published = { namespace: "default", labels: {}, topics: [] };

/** The types of published events behind a cursor, up to the head. */
async function typesBehind(server: TestServer, pageToken: string): Promise<string[]> {
  const types: string[] = [];
  for (let token = pageToken; ; ) {
    const page = await server.events.listEvents({ filter: published, pageToken: token });
    for (const { detail } of page.events) if (detail.case === "published") types.push(detail.value.type);
    if (page.atHead) return types;
    token = page.nextPageToken;
  }
}

/** The cursor behind all there is. */
async function cursorAtHead(server: TestServer): Promise<string> {
  for (let pageToken = ""; ; ) {
    const page = await server.events.listEvents({ filter: published, pageToken });
    if (page.atHead) return page.nextPageToken;
    pageToken = page.nextPageToken;
  }
}

async function first<T>(frames: AsyncIterable<T>, holds: (frame: T) => boolean): Promise<T> {
  for await (const frame of frames) if (holds(frame)) return frame;
  throw new Error("the stream has ended");
}

const hasCursor = ({ cursor }: { readonly cursor: string }) => cursor !== "";

describe("a cursor from before a restore", () => {
  test("is told exactly where to go on: where it stood, or where the backup ends", async () => {
    const folder = newFolder();
    const before = await start(folder);
    await publish(before, "a");
    const early = await cursorAtHead(before);
    await publish(before, "b");
    const backup = await backUp(folder);
    await publish(before, "lost 1", "lost 2");
    const late = await cursorAtHead(before);
    const { feedEpoch: oldEpoch } = await before.events.describeFeed({});
    await stop(before);

    const after = await start(await backup.restore());
    await publish(after, "new");
    const { feedEpoch, epochTime } = await after.events.describeFeed({});
    expect(feedEpoch).not.toBe(oldEpoch);
    expect(epochTime?.seconds).toBeGreaterThan(1_700_000_000n);
    for (const { cursor, types } of [
      { cursor: early, types: ["b", "new"] },
      { cursor: late, types: ["new"] },
    ]) {
      const refusal = await refusalIn(after.events.listEvents({ filter: published, pageToken: cursor }));
      expect(refusal).toMatchObject({ code: "OutOfRange", reason: "CURSOR_EXPIRED" });
      expect(refusal.metadata["feed_epoch"]).toBe(feedEpoch);
      expect(await typesBehind(after, refusal.metadata["resume_cursor"] ?? "")).toEqual(types);
      expect(await typesBehind(after, refusal.metadata["oldest_cursor"] ?? "")).toEqual(["a", "b", "new"]);
      const start = { case: "cursor", value: cursor } as const;
      const watched = refusalIn(first(after.events.watchEvents({ filter: published, start }), hasCursor));
      expect((await watched).metadata).toEqual(refusal.metadata);
    }
  });

  test("of WatchRun and WatchConditions leads on in the same way", async () => {
    const folder = newFolder();
    const before = await start(folder);
    const actions = ["c1", "c2"].map((name) => ({
      name,
      kind: { case: "condition" as const, value: { type: ValueType.BOOL } },
    }));
    await before.runs.createRun({ run: { runId: "r", work: { case: "plan", value: { actions } } } });
    const value = { kind: { case: "boolValue" as const, value: true } };
    const ofRun = (await first(before.runs.watchRun({ runId: "r" }), hasCursor)).cursor;
    const ofConditions = (await first(before.conditions.watchConditions({}), hasCursor)).cursor;
    await before.conditions.signalCondition({ runId: "r", name: "c1", value });
    const backup = await backUp(folder);
    await stop(before);

    const after = await start(await backup.restore());
    await after.conditions.signalCondition({ runId: "r", name: "c2", value });
    const watches = [
      (cursor: string) => after.runs.watchRun({ runId: "r", cursor }),
      (cursor: string) => after.conditions.watchConditions({ cursor }),
    ];
    for (const [index, cursor] of [ofRun, ofConditions].entries()) {
      const watch = watches[index] as (typeof watches)[number];
      type Frame = { cursor: string; events: readonly { action: string }[] };
      const open = (from: string) => watch(from) as AsyncIterable<Frame>;
      const refusal = await refusalIn(first(open(cursor), hasCursor));
      expect(refusal).toMatchObject({ reason: "CURSOR_EXPIRED" });
      const answered: string[] = [];
      for await (const { events } of open(refusal.metadata["resume_cursor"] ?? "")) {
        for (const { action } of events)
          if (/^c/.test(action) && !answered.includes(action)) answered.push(action);
        if (answered.length === 2) break;
      }
      expect(answered).toEqual(["c1", "c2"]);
    }
  });

  test("leads on over several restores, and not from a feed that is none of those before", async () => {
    const folder = newFolder();
    const zero = await start(folder);
    await publish(zero, "a");
    const early = await cursorAtHead(zero);
    await publish(zero, "b");
    const late = await cursorAtHead(zero);
    const first = await backUp(folder);
    await stop(zero);
    const one = join(await first.restore());
    const other = await start(await first.restore());
    const ofOther = await cursorAtHead(other);

    const middle = await start(one);
    await publish(middle, "c");
    const second = await backUp(one);
    await publish(middle, "lost");
    const ofMiddle = await cursorAtHead(middle);
    await stop(middle);
    const last = await start(await second.restore());
    await publish(last, "d");
    const resumed = async (pageToken: string) => {
      const { metadata } = await refusalIn(last.events.listEvents({ filter: published, pageToken }));
      const cursor = metadata["resume_cursor"];
      return cursor === undefined ? undefined : await typesBehind(last, cursor);
    };
    expect(await resumed(early)).toEqual(["b", "c", "d"]);
    expect(await resumed(late)).toEqual(["c", "d"]);
    expect(await resumed(ofMiddle)).toEqual(["d"]);
    expect(await resumed(ofOther)).toBeUndefined();
    expect(last.store.feedOrigin.ancestors.map(({ through }) => through)).toEqual([2n, 3n]);
  });

  test("of a list of runs is no place any more: the list begins anew", async () => {
    const folder = newFolder();
    const before = await start(folder);
    for (const runId of ["r1", "r2"]) {
      await before.runs.createRun({ run: { runId, work: { case: "task", value: { op: "x" } } } });
    }
    const { nextPageToken: pageToken } = await before.runs.listRuns({ pageSize: 1 });
    const backup = await backUp(folder);
    await stop(before);
    const after = await start(await backup.restore());
    expect(await refusalIn(after.runs.listRuns({ pageSize: 1, pageToken }))).toMatchObject({
      reason: "TOKEN_INVALID",
    });
  });
});

describe("after a restore", () => {
  test("subscriptions stand where they stood, and deliver what they had not dealt with", async () => {
    const folder = newFolder();
    const before = await start(folder);
    await before.subscriptions.createSubscription({
      subscription: { name: "s", filter: published, target: { case: "pull", value: {} } },
    });
    await publish(before, "a");
    const backup = await backUp(folder);
    const stood = await before.store.subscription("default", "s");
    await publish(before, "lost");
    await stop(before);
    const after = await start(await backup.restore());
    expect(await after.store.subscription("default", "s")).toEqual(stood);
    expect((await after.subscriptions.getSubscription({ name: "s" })).subscription?.status).toMatchObject({
      lagEvents: 2n,
    });
  });

  test("a worker keeps what it held at the backup, and drops what it was given since", async () => {
    const folder = newFolder();
    const before = await start(folder);
    const create = (runId: string) =>
      before.runs.createRun({ run: { runId, work: { case: "task", value: { op: "count" } } } });
    await create("held");
    const worker = await before.attach();
    const held = await worker.take();
    await create("given");
    const backup = await backUp(folder);
    const given = await worker.take();
    expect(given.attempt).toMatchObject({ runId: "given", epoch: 1n });
    worker.cancel();
    await stop(before);

    const after = await start(await backup.restore());
    const again = await after.attach({ workerId: "other", incarnation: "i2" });
    const taken = await again.take();
    expect(taken.attempt).toMatchObject({ runId: "given", attempt: 1 });
    // An epoch that nobody can have been given before.
    expect(taken.attempt?.epoch).toBeGreaterThan(1_000_000n);
    const attempts = [held, given].flatMap(({ attempt }) => attempt ?? []);
    const back = TestWorker.open(after.url);
    const attached = await back.sendAttach({ running: attempts });
    expect(attached.keep.map(({ runId }) => runId)).toEqual(["held"]);
    expect(attached.drop.map(({ runId }) => runId)).toEqual(["given"]);
    const late = await back.report(given.attempt, 1n, { case: "succeeded", value: {} });
    expect(late.refusal?.reason).toBe(Reason.STALE_EPOCH);
    again.cancel();
    back.cancel();
  });
});
