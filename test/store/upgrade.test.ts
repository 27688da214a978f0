import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import type { TaskSpec } from "../../src/core/action.ts";
import type { Position } from "../../src/core/event.ts";
import { requestKey } from "../../src/core/loaded.ts";
import { databaseFile } from "../../src/store/embedded/database.ts";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import type { ConditionQuery } from "../../src/store/store.ts";
import { bool, by } from "../support/builders.ts";
import {
  actionRow,
  conditionRow,
  conditionSpec,
  eventRow,
  keyOf,
  opRow,
  runRow,
  sessionRow,
  subscriptionRow,
  taskSpec,
} from "../support/rows.ts";
import { newFolder } from "./folders.ts";
import { anyCondition } from "./queries.ts";

const schema = new URL("../../src/store/embedded/schema/", import.meta.url);
const opened: EmbeddedStore[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

/** A row by the names of its columns. */
type Columns = Readonly<Record<string, string | number | null>>;

/** Makes a folder as a server with the schema files up to a number left it, with these rows in it. */
function makeFolderAt(newest: number, rows: readonly (readonly [table: string, columns: Columns])[]): string {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  const database = new DatabaseSync(join(folder, databaseFile));
  database.exec("PRAGMA journal_mode = WAL");
  database.exec("CREATE TABLE schema_files (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT");
  for (const name of readdirSync(schema).sort()) {
    const number = Number(name.slice(0, 4));
    if (number > newest) continue;
    database.exec(readFileSync(new URL(name, schema), "utf8"));
    database.prepare("INSERT INTO schema_files VALUES (?, ?)").run(number, name);
  }
  for (const [table, columns] of rows) {
    const marks = Object.keys(columns).map(() => "?");
    const sql = `INSERT INTO ${table} (${Object.keys(columns).join(", ")}) VALUES (${marks.join(", ")})`;
    database.prepare(sql).run(...Object.values(columns));
  }
  database.close();
  return folder;
}

function oldRun(key: string, columns: Columns = {}): readonly [string, Columns] {
  const counts = { paused_condition_count: 0, action_count: 1, ended_action_count: 0, retry_count: 0 };
  const flags = { is_single: 1, cancel_requested: 0, cancel_cause: "", timed_out: 0, kept_signal_count: 0 };
  const base = { key, namespace: "default", create_ms: 1_000, state: "QUEUED", priority: 0, labels: "{}" };
  return ["runs", { ...base, ...counts, ...flags, ...columns }];
}

/** What the version before wrote of a task's spec. */
function oldSpec(parts: Partial<TaskSpec> = {}): string {
  const { retry, ...spec } = taskSpec(parts);
  const { manual: _manual, ...policy } = retry;
  return JSON.stringify({ ...spec, retry: policy });
}

function oldAction(run: string, columns: Columns = {}): readonly [string, Columns] {
  const place = { run, name: "main", namespace: "default", parent: "", kind: "task", op: "work" };
  const counts = { attempt: 0, attempt_base: 0, epoch: 0, report_sequence: 0, waiting_count: 0 };
  const rest = { child_count: 0, parent_attempt: 0, is_stale: 0, progress_percent: 0, progress_message: "" };
  const texts = { cancel_cause: "", signalled_by: "", spec: oldSpec() };
  const state = { create_ms: 1_000, state: "QUEUED", priority: 0, age_ms: 1_000 };
  return ["actions", { ...place, ...counts, ...rest, ...texts, ...state, ...columns }];
}

function oldOp(version: number, createMs: number): readonly [string, Columns] {
  const content = JSON.stringify({ description: "old", labels: {} });
  return ["ops", { namespace: "default", name: "work", version, create_ms: createMs, content }];
}

async function open(path: string): Promise<EmbeddedStore> {
  const store = await EmbeddedStore.open({ path });
  opened.push(store);
  return store;
}

const nothing = { requestId: "", digest: "" };

test("a folder of the schema before epochs keeps its feed, which begins with its first event", async () => {
  const { filter, target, ackTimeoutMs, deliveriesMax, inFlightMax, initialBackoffMs, maxBackoffMs } =
    subscriptionRow("s");
  const content = {
    filter,
    target,
    ackTimeoutMs,
    deliveriesMax,
    inFlightMax,
    initialBackoffMs,
    maxBackoffMs,
  };
  const place = { through: 2, dead_letter_count: 0, content: JSON.stringify(content) };
  const body = JSON.stringify([[1_700_000_000_123, "default", "r", {}, [["", 0, { kind: "run_started" }]]]]);
  const path = makeFolderAt(4, [
    ["subscriptions", { namespace: "default", name: "s", create_ms: 1_000, ...place }],
    ["feed", { first: 1, last: 1, run: "default/r", body }],
    ["feed", { first: 2, last: 2, run: "default/r", body }],
    ["meta", { name: "feed_id", value: "the feed of before" }],
  ]);
  const store = await open(path);
  expect([await store.oldest(), await store.head()]).toEqual([0n, 2n]);
  expect(store.feedId).toBe("the feed of before");
  expect(store.feedOrigin).toEqual({ timeMs: 1_700_000_000_123, ancestors: [] });
  expect(await store.subscription("default", "s")).toEqual(subscriptionRow("s", { through: 2 }));
  const trim = { kind: "trimFeed", retentionMs: 1, subscribedRetentionMs: 1, eventsMax: 0 } as const;
  const trimmed = await store.transact<"trimFeed">(trim, { nowMs: 1_800_000_000_000, chance: 0 });
  expect(trimmed).toMatchObject({ ok: true, answer: { count: 2, overtaken: [] } });
  expect(await store.oldest()).toBe(2n);
});

test("a folder of the schema before placement has all that it had, and its work goes on", async () => {
  const large = { text: { value: { kind: "string", value: "x".repeat(5_000) } } } as const;
  const events = [
    ["main", 1, { kind: "action_assigned", workerId: "w", epoch: 1 }],
    ["main", 1, { kind: "action_ended", state: "SUCCEEDED", epoch: 1 }],
  ];
  const path = makeFolderAt(3, [
    oldRun("default/ended", { state: "SUCCEEDED", start_ms: 2_000, end_ms: 3_000, ended_action_count: 1 }),
    oldAction("default/ended", {
      state: "SUCCEEDED",
      start_ms: 2_000,
      end_ms: 3_000,
      spec: oldSpec({ opVersion: 1 }),
    }),
    oldRun("default/plan", { is_single: 0 }),
    oldAction("default/plan", { name: "first" }),
    oldRun("default/large"),
    oldAction("default/large", { spec: null }),
    ["large_specs", { run: "default/large", name: "main", spec: oldSpec({ inputs: large, opVersion: 2 }) }],
    oldOp(1, 500),
    oldOp(2, 700),
    [
      "sessions",
      {
        id: "s",
        namespace: "default",
        worker_id: "w",
        incarnation: "1",
        state: "ATTACHED",
        is_draining: 0,
        attach_ms: 1_000,
        lease_end_ms: 5_000,
        ops: '["work"]',
        labels: "{}",
      },
    ],
    [
      "answers",
      {
        key: requestKey("default", "cancelRun", "id"),
        digest: "d",
        time_ms: 1_000,
        answer: JSON.stringify({ run: { key: "default/ended", createTimeMs: 1_000, outputs: null } }),
      },
    ],
    [
      "feed",
      {
        first: 1,
        last: 2,
        run: "default/ended",
        body: JSON.stringify([[1_000, "default", "ended", {}, events]]),
      },
    ],
  ]);
  const store = await open(path);

  const ended = { startTimeMs: 2_000, endTimeMs: 3_000 };
  expect(await store.run(keyOf("ended"))).toEqual(
    runRow("ended", {
      ...ended,
      isSingle: true,
      state: "SUCCEEDED",
      endedActionCount: 1,
      op: "work",
      opVersion: 1,
    }),
  );
  expect(await store.run(keyOf("plan"))).toEqual(runRow("plan"));
  expect(await store.run(keyOf("large"))).toEqual(
    runRow("large", { isSingle: true, op: "work", opVersion: 2 }),
  );
  expect(await store.action(keyOf("large"), "main")).toEqual(
    actionRow("large", "main", { state: "QUEUED", spec: taskSpec({ inputs: large, opVersion: 2 }) }),
  );
  expect(await store.action(keyOf("plan"), "first")).toEqual(actionRow("plan", "first", { state: "QUEUED" }));
  const anyInputs = { specs: {}, allowExtra: true };
  expect(await store.op("default", "work", 2)).toEqual(
    opRow("work", 2, { createTimeMs: 500, updateTimeMs: 700, description: "old", inputs: anyInputs }),
  );
  expect(await store.sessionOf("default", "w")).toEqual(sessionRow("s"));
  const feed = await store.readFeed({ after: 0n as Position, run: undefined, eventsMax: 9, bytesMax: 9_999 });
  expect(feed.transactions).toEqual([
    {
      first: 1n,
      events: [
        eventRow("ended", "", {
          action: "main",
          attempt: 1,
          detail: { kind: "action_assigned", workerId: "w", epoch: 1, deviceIndexes: [] },
        }),
        eventRow("ended", "", {
          action: "main",
          attempt: 1,
          detail: {
            kind: "action_ended",
            state: "SUCCEEDED",
            outputs: undefined,
            error: undefined,
            epoch: 1,
            cause: "",
          },
        }),
      ],
    },
  ]);

  const stamp = { nowMs: 4_000, chance: 0 };
  const repeated = await store.transact(
    { kind: "cancelRun", request: { requestId: "id", digest: "d" }, run: keyOf("ended"), cause: "" },
    stamp,
  );
  expect(repeated).toMatchObject({
    answer: { run: { key: "default/ended", op: "", opVersion: 0, image: "", updateTimeMs: 1_000 } },
  });
  const kept = await store.transact(
    { kind: "deleteOp", request: nothing, namespace: "default", name: "work", version: 2, force: false },
    stamp,
  );
  expect(kept).toMatchObject({ ok: false, refusal: { reason: "OP_IN_USE" } });
  const free = await store.transact(
    { kind: "deleteOp", request: nothing, namespace: "default", name: "work", version: 1, force: false },
    stamp,
  );
  expect(free).toMatchObject({ ok: true });
  const assigned = await store.transact(
    { kind: "assign", sessions: [{ sessionId: "s", credit: 9 }], limit: 9, acceptTimeoutMs: 1_000 },
    stamp,
  );
  expect(assigned).toMatchObject({
    answer: { assignments: [{ assignment: { opVersion: 2 } }, { assignment: { opVersion: 0 } }] },
  });
  expect(await store.heldCount("s")).toBe(2);
});

/** An open condition as the version before wrote it. */
function oldCondition(run: string, name: string, columns: Columns = {}, timeoutMs?: number) {
  const { terms: _terms, ...spec } = { ...conditionSpec, timeoutMs };
  const state = { kind: "condition", op: null, state: "PAUSED", condition_state: "PAUSED", queue_ms: 1_000 };
  return oldAction(run, { ...state, name, spec: JSON.stringify(spec), ...columns });
}

test("a folder of the schema before decisions has its open conditions and kept signals, and they are answered", async () => {
  const paused = { is_single: 0, state: "RUNNING", paused_condition_count: 2, kept_signal_count: 1 };
  const description = "x".repeat(5_000);
  const { terms: _terms, ...large } = { ...conditionSpec, description, timeoutMs: 500 };
  const path = makeFolderAt(4, [
    oldRun("default/r", { ...paused, action_count: 4, start_ms: 1_000 }),
    oldCondition("default/r", "plain"),
    oldCondition("default/r", "timed", { due_ms: 901_000 }, 900_000),
    oldCondition("default/r", "large", { spec: null, due_ms: 1_500 }),
    ["large_specs", { run: "default/r", name: "large", spec: JSON.stringify(large) }],
    oldCondition("default/r", "ended", { state: "SUCCEEDED", condition_state: "ENDED", create_ms: 500 }),
    oldCondition("default/r", "waits", {
      state: "PENDING",
      condition_state: null,
      queue_ms: null,
      waiting_count: 1,
      spec: JSON.stringify({
        ...conditionSpec,
        dependencies: [{ action: "plain", requirement: "succeeded" }],
      }),
    }),
    ["edges", { run: "default/r", from_name: "plain", to_name: "waits" }],
    [
      "kept_signals",
      {
        run: "default/r",
        action: "waits",
        value: JSON.stringify(bool(true)),
        signalled_by: "me",
        time_ms: 1_200,
      },
    ],
    [
      "answers",
      {
        key: requestKey("default", "cancelRun", "id"),
        digest: "d",
        time_ms: 1_000,
        answer: JSON.stringify({ run: { key: "default/r", createTimeMs: 1_000 } }),
      },
    ],
  ]);
  const store = await open(path);

  expect(await store.run(keyOf("r"))).toMatchObject({ createdBy: "anonymous", rerunOf: "" });
  expect(await store.action(keyOf("r"), "plain")).toEqual(
    conditionRow("r", "plain", { queueTimeMs: 1_000, standing: undefined, recoveredFrom: undefined }),
  );
  const names = async (query: Partial<ConditionQuery>) =>
    (await store.listConditions({ ...anyCondition, ...query })).items.map(({ action }) => action.name);
  expect(await names({ order: "due" })).toEqual(["large", "timed", "plain"]);
  expect(await names({ dueBeforeMs: 2_000 })).toEqual(["large"]);
  expect(await names({ includeEnded: true })).toEqual(["ended", "large", "plain", "timed"]);
  expect((await store.linkKey()).byteLength).toBe(32);

  const stamp = { nowMs: 1_400, chance: 0 };
  const repeated = await store.transact(
    { kind: "cancelRun", request: { requestId: "id", digest: "d" }, run: keyOf("r"), cause: "" },
    stamp,
  );
  expect(repeated).toMatchObject({ answer: { run: { createdBy: "anonymous", rerunOf: "" } } });
  const signalled = await store.transact(
    {
      kind: "signalCondition",
      request: nothing,
      run: keyOf("r"),
      action: "plain",
      value: bool(true),
      by: by("ana"),
      instance: 0,
    },
    stamp,
  );
  expect(signalled).toMatchObject({ ok: true, answer: { kept: false, repeated: false } });
  // What was kept for it answers the one that waited, in the name that it was sent in.
  expect(await store.action(keyOf("r"), "waits")).toMatchObject({
    state: "SUCCEEDED",
    outcome: "ANSWERED",
    signalledBy: "me",
    standing: { answers: [{ subject: "anonymous", signalledBy: "me", channel: "call" }] },
  });
  const changed = await store.transact(
    {
      kind: "changeCondition",
      request: nothing,
      run: keyOf("r"),
      action: "timed",
      by: by("ana"),
      change: { kind: "claim", force: false },
    },
    stamp,
  );
  expect(changed).toMatchObject({ ok: true });
  expect(await names({ assignee: "ana", order: "due" })).toEqual(["timed"]);
  expect((await store.action(keyOf("r"), "timed"))?.standing?.deadlineMs).toBe(901_000);
});
