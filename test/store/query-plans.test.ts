import { DatabaseSync } from "node:sqlite";
import { afterAll, expect, test, vi } from "vitest";
import type { Position } from "../../src/core/event.ts";
import { openForWriting } from "../../src/store/embedded/database.ts";
import { Reader } from "../../src/store/embedded/read/reader.ts";
import { Workspace } from "../../src/store/embedded/write/workspace.ts";
import { actionRow, keyOf } from "../support/rows.ts";
import { newFolder } from "./folders.ts";

const prepared = new Set<string>();
const prepare = DatabaseSync.prototype.prepare;
vi.spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (this: DatabaseSync, sql, ...rest) {
  prepared.add(sql);
  return prepare.call(this, sql, ...rest);
});
const database = openForWriting(newFolder());

afterAll(() => {
  database.close();
  vi.restoreAllMocks();
});

/** Asks everything once, so that every statement is prepared. */
function askEverything(): void {
  new Workspace(database);
  const reader = new Reader(database);
  const page = { after: undefined, limit: 1 };
  for (const namespace of [undefined, "default"]) {
    for (const either of [true, false]) {
      reader.runs.list({ namespace, states: [], labels: {}, pausedOnly: either, ...page });
      for (const run of [undefined, keyOf("r")]) {
        reader.conditions.list({ namespace, run, labels: {}, includeEnded: either, ...page });
      }
    }
    reader.listSessions({ namespace, ...page });
  }
  for (const run of [undefined, keyOf("r")]) {
    reader.feed.read({ after: 0n as Position, run, eventsMax: 1, bytesMax: 1 }, 1);
  }
  reader.feed.oldest();
  reader.listActions({ run: keyOf("r"), states: [], ...page });
  reader.listAttempts(keyOf("r"), "a");
  reader.listOps({ namespace: "default", ...page });
  reader.sessionOf("default", "w");
  reader.heldCount("s");
  reader.queuePlace(actionRow("r", "a"), 1);
  reader.due(0, 1);
}

test("no statement sorts, looks through a whole table, or pages by offset", () => {
  askEverything();
  // These read the first or last row of a table, or the few rows that there are at the start.
  const allowed = [
    "SCAN feed",
    "SCAN sessions",
    "SCAN schema_files",
    "SCAN sessions USING COVERING INDEX sessions_due",
  ];
  const plans = [...prepared].flatMap((sql) => {
    const values = Array<number>(sql.includes("?1") ? 7 : sql.split("?").length - 1).fill(0);
    const steps = prepare.call(database, `EXPLAIN QUERY PLAN ${sql}`).all(...values);
    return steps.map((step) => ({ sql, step: String(step["detail"]) }));
  });
  const slow = plans.filter(
    ({ sql, step }) =>
      /TEMP B-TREE|OFFSET/.test(`${step} ${sql}`) ||
      (/^SCAN (?!\(|json_each)/.test(step) && !step.startsWith("SCAN CONSTANT") && !allowed.includes(step)),
  );
  expect(prepared.size).toBeGreaterThan(40);
  expect(slow).toEqual([]);
});
