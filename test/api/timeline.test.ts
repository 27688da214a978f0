import { expect, test } from "vitest";
import { readTimeline, type TimelineEntry, type TimelinePlace } from "../../src/api/timeline.ts";
import type { CommandKind, CommandOf } from "../../src/core/command.ts";
import type { AttemptReport } from "../../src/core/stated.ts";
import { timelineEventsScanMax } from "../../src/limits.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { aTask, noRequest } from "../support/builders.ts";
import { theRun } from "../support/world.ts";

const reportsPerCommand = 1_000;
const stamp = { nowMs: 1, chance: 0.5 };

/** Has a command decided by a store; its answer. */
async function must<K extends CommandKind>(store: MemoryStore, command: CommandOf<K>) {
  const outcome = await store.transact<K>(command, stamp);
  if (!outcome.ok) throw new Error(outcome.refusal.reason);
  return outcome.answer;
}

/** A line that the first attempt of an action writes. */
function line(action: string, sequence: number): AttemptReport {
  const attempt = { run: theRun, action, attempt: 1, epoch: 1 };
  return { attempt, sequence, content: { kind: "log", level: "info", message: `${action} ${sequence}` } };
}

test("a timeline looks at a bounded part of its run's feed for one page, and goes on behind it", async () => {
  const store = new MemoryStore();
  await must<"createRun">(store, {
    kind: "createRun",
    request: noRequest,
    namespace: "default",
    runId: "r",
    newRunId: "",
    labels: {},
    priority: 0,
    timeoutMs: undefined,
    delivery: undefined,
    createdBy: "anonymous",
    work: { plan: [aTask("a"), aTask("b")] },
  });
  await must<"attach">(store, {
    kind: "attach",
    newSessionId: "s",
    namespace: "default",
    workerId: "w",
    incarnation: "1",
    ops: ["work"],
    labels: {},
    capacity: { cpuMilli: undefined, ramMb: undefined, devices: [] },
    taints: [],
    sharedNamespaces: [],
    running: [],
    leaseMs: 1_000,
  });
  const sessions = [{ sessionId: "s", credit: 2 }];
  await must<"assign">(store, { kind: "assign", sessions, limit: 2, acceptTimeoutMs: 1_000 });
  await must<"report">(store, { kind: "report", sessionId: "s", reports: [line("a", 1)] });
  for (let sequence = 0; sequence < timelineEventsScanMax; sequence += reportsPerCommand) {
    const reports = Array.from({ length: reportsPerCommand }, (_, index) => line("b", sequence + index + 1));
    await must<"report">(store, { kind: "report", sessionId: "s", reports });
  }
  await must<"report">(store, { kind: "report", sessionId: "s", reports: [line("a", 2)] });

  const action = await store.action(theRun, "a");
  if (action === undefined) throw new Error("the action is there");
  const pages: (readonly TimelineEntry[])[] = [];
  let after: TimelinePlace | undefined;
  do {
    const page = await readTimeline(store, { action, attempt: 1, after, limit: 100 });
    pages.push(page.entries);
    after = page.next;
  } while (after !== undefined);
  expect(pages.map((page) => page.map(({ said, index }) => `${index} ${said}`))).toEqual([
    ["0 assigned to w", "1 started by w", "2 a 1"],
    ["3 a 2"],
  ]);
});
