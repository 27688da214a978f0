import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Position } from "../../src/core/event.ts";
import { openForWriting } from "../../src/store/embedded/database.ts";
import { ensureLinkKey } from "../../src/store/embedded/meta.ts";
import { Reader } from "../../src/store/embedded/read/reader.ts";
import { Committer } from "../../src/store/embedded/write/committer.ts";
import type { ConditionQuery } from "../../src/store/store.ts";
import { actionRow, keyOf, runRow } from "../support/rows.ts";
import { decide, scripted } from "../support/scripted-rules.ts";
import { newFolder } from "./folders.ts";
import { anyCondition, anyRun } from "./queries.ts";

const prepared = new Set<string>();
const prepare = DatabaseSync.prototype.prepare;
vi.spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (this: DatabaseSync, sql, ...rest) {
  prepared.add(sql);
  return prepare.call(this, sql, ...rest);
});
const database = openForWriting(newFolder());
ensureLinkKey(database);

afterAll(() => {
  database.close();
  vi.restoreAllMocks();
});

const page = { after: undefined, limit: 1 };

/** Asks everything once, so that every statement is prepared. */
function askEverything(): void {
  // Some reads look further only where there is something queued.
  const queued = [actionRow("r", "a", { state: "QUEUED" })];
  const command = scripted({ change: { runs: [runRow("r")], newActions: queued } });
  new Committer(database, decide).commit([JSON.stringify({ command, stamp: { nowMs: 0, chance: 0 } })]);
  const reader = new Reader(database);
  for (const namespace of [undefined, "default"]) {
    for (const either of [true, false]) {
      for (const before of [undefined, { timeMs: 1, run: keyOf("r") }]) {
        reader.runs.list({ ...anyRun, namespace, pausedOnly: either, before });
        reader.runs.list({ ...anyRun, namespace, pausedOnly: either, before, op: "work" });
      }
      for (const run of [undefined, keyOf("r")]) {
        askForConditions(reader, { ...anyCondition, namespace, run, includeEnded: either });
      }
    }
    reader.workers.list({ namespace, labels: {}, ...page });
    reader.limits.list({ namespace, ...page });
    reader.subscriptions.list({ namespace, ...page });
  }
  for (const run of [undefined, keyOf("r")]) {
    reader.feed.read({ after: 0n as Position, run, eventsMax: 1, bytesMax: 1 }, 1);
  }
  reader.feed.oldest();
  reader.listActions({ run: keyOf("r"), states: [], ...page });
  reader.listAttempts(keyOf("r"), "a");
  askOfOpsAndWorkers(reader);
  reader.due(0, 1);
  reader.duePosts(0, 1);
  reader.linkKey();
}

function askForConditions({ conditions }: Reader, query: ConditionQuery): void {
  for (const op of [undefined, "work"]) {
    for (const order of ["age", "due"] as const) {
      conditions.list({ ...query, op, order });
      conditions.list({ ...query, op, order, assignee: "ana" });
      conditions.list({ ...query, op, order, correlationKey: "order-1" });
    }
  }
}

function askOfOpsAndWorkers({ ops, workers, limits, subscriptions }: Reader): void {
  ops.list({ namespace: "default", allVersions: false, namePrefix: "", ...page });
  const after = { name: "work", version: 2 };
  ops.list({ namespace: "default", allVersions: true, namePrefix: "", after, limit: 1 });
  ops.get("default", "work", 1);
  ops.named("default", "work", "1.0");
  workers.sessionOf("default", "w");
  workers.heldCount("s");
  workers.held("s", 1);
  workers.holders("default/slow/", 1);
  workers.queuePlace(actionRow("r", "a"), 1);
  limits.get("default", "slow");
  limits.counter("default/slow/");
  limits.counters("default", "slow", 1);
  subscriptions.get("default", "hook");
  subscriptions.deadLetters({ namespace: "default", name: "hook", ...page });
}

/** What SQLite says of how it executes a statement. */
function planOf(sql: string): readonly string[] {
  const numbered = [...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number));
  const count = Math.max(sql.split("?").length - 1 - numbered.length, ...numbered);
  const steps = prepare.call(database, `EXPLAIN QUERY PLAN ${sql}`).all(...Array<number>(count).fill(0));
  return steps.map((step) => String(step["detail"]));
}

/** The plans of the statements that hold a text. */
function plansWith(text: string): readonly string[] {
  return [...prepared].filter((sql) => sql.includes(text)).map((sql) => planOf(sql).join("; "));
}

beforeAll(askEverything);

test("no statement sorts, looks through a whole table, or pages by offset", () => {
  // These read the first or last row of a table, or the few rows that there are at the start.
  const allowed = [
    "SCAN feed",
    "SCAN sessions",
    "SCAN limits",
    "SCAN subscriptions",
    "SCAN schema_files",
    "SCAN sessions USING COVERING INDEX sessions_due",
    // And these what is due first.
    "SCAN keyed_signals USING COVERING INDEX keyed_signals_due",
    "SCAN posts USING INDEX posts_due",
  ];
  const plans = [...prepared].flatMap((sql) => planOf(sql).map((step) => ({ sql, step })));
  const slow = plans.filter(
    ({ sql, step }) =>
      /TEMP B-TREE|OFFSET/.test(`${step} ${sql}`) ||
      (/^SCAN (?!\(|json_each)/.test(step) && !step.startsWith("SCAN CONSTANT") && !allowed.includes(step)),
  );
  expect(prepared.size).toBeGreaterThan(80);
  expect(slow).toEqual([]);
});

test.each([
  { what: "the first of a queue", holds: "AND queue_shape = ?", index: "actions_queued" },
  { what: "the next shape of a queue", holds: "AND queue_shape > ?", index: "actions_queued" },
  { what: "the shapes for a place", holds: "AND queue_shape >= ?3", index: "actions_queued" },
  {
    what: "what comes before in a queue",
    holds: "queue_shape = ?8 AND priority > ?3",
    index: "actions_queued",
  },
  { what: "open conditions", holds: "condition_state = 'PAUSED'", index: "conditions_" },
  { what: "ended conditions", holds: "condition_state = 'ENDED'", index: "conditions_ended" },
  { what: "conditions of one who is to answer", holds: "assignee = ? AND", index: "conditions_assigned" },
  { what: "those by deadline", holds: "assignee = ? AND (deadline_ms", index: "conditions_assigned_due" },
  { what: "conditions by deadline", holds: "deadline_ms IS NOT NULL", index: "_due" },
  { what: "conditions without one", holds: "WHERE (run, name) > (?, ?)", index: "conditions_never_due" },
  { what: "conditions with a key", holds: "WHERE correlation_key = ?", index: "conditions_keyed" },
  {
    what: "what a signal with a key finds",
    holds: "'PAUSED' AND namespace = ? AND correlation",
    index: "conditions_open_by_key",
  },
  { what: "signals kept long enough", holds: "ORDER BY expire_ms", index: "keyed_signals_due" },
  { what: "posts that are due", holds: "FROM posts ORDER BY due_ms", index: "posts_due" },
  { what: "all conditions", holds: "condition_state IS NOT NULL", index: "conditions_" },
  { what: "what is parked", holds: "parked_on = ?", index: "actions_parked" },
  { what: "a live task of an op", holds: "live_version IS NOT NULL AND", index: "actions_live" },
  { what: "a live task of a version", holds: "live_version = ? ORDER BY", index: "actions_live" },
  { what: "the actions with a place", holds: "instr(holds", index: "actions_held" },
  { what: "what a session holds", holds: "session_id = ?", index: "actions_held" },
  { what: "an op by a name of its version", holds: "version_name = ?", index: "ops_named" },
  { what: "the counters of a limit", holds: "limit_name = ?", index: "counters_of_limit" },
  { what: "counters that are due", holds: "FROM counters WHERE due_ms", index: "counters_due" },
])("$what: read from the index $index", ({ holds, index }) => {
  const plans = plansWith(holds);
  expect(plans.length).toBeGreaterThan(0);
  expect(plans.filter((plan) => !plan.includes(index))).toEqual([]);
});

test("a list of runs seeks both of its bounds, in either direction", () => {
  const plans = plansWith("(create_ms, key) < (?, ?)");
  expect(plans.length).toBe(16);
  const bounds = /\(create_ms,key\)>\(\?,\?\) AND \(create_ms,key\)<\(\?,\?\)/;
  expect(plans.filter((plan) => !bounds.test(plan))).toEqual([]);
});
