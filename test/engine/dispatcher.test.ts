import { describe, expect, test } from "vitest";
import type { Answers } from "../../src/core/answer.ts";
import type { CommandOf } from "../../src/core/command.ts";
import { Dispatcher } from "../../src/engine/dispatcher.ts";
import { Lanes } from "../../src/engine/lanes.ts";
import { Sessions } from "../../src/engine/sessions.ts";
import { sessionsPerAssignMax, storeRetryDelayMs } from "../../src/limits.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { FakeClock, settle, until } from "../support/fake-clock.ts";
import { done, FakeStore } from "../support/fake-store.ts";
import { assignmentOf, KeptLog, KeptOutlet, takingSession } from "./support.ts";

/** A dispatcher over a store that has queues of numbers and gives them to the sessions in turn. */
function setUp() {
  const store = new FakeStore();
  const clock = new FakeClock();
  const log = new KeptLog();
  const lanes = new Lanes();
  const sessions = new Sessions({ lanes, clock });
  const queues = new Map<string, string[]>();
  const opsOf = new Map<string, readonly string[]>();
  const closed = new Set<string>();
  const asked: CommandOf<"assign">[] = [];
  const give = (command: CommandOf<"assign">): Answers["assign"] => {
    const assignments: { sessionId: string; assignment: ReturnType<typeof assignmentOf> }[] = [];
    const left = new Map(command.sessions.map(({ sessionId, credit }) => [sessionId, credit]));
    for (let hasGiven = true; hasGiven; ) {
      hasGiven = false;
      for (const [sessionId, credit] of left) {
        if (closed.has(sessionId) || credit === 0) continue;
        const op = opsOf.get(sessionId)?.find((name) => (queues.get(name)?.length ?? 0) > 0);
        if (op === undefined || assignments.length === command.limit) continue;
        assignments.push({ sessionId, assignment: assignmentOf(queues.get(op)?.shift() ?? "", op) });
        left.set(sessionId, credit - 1);
        hasGiven = true;
      }
    }
    const ops = new Set([...left.keys()].flatMap((sessionId) => opsOf.get(sessionId) ?? []));
    const empty = [...ops].filter((op) => (queues.get(op)?.length ?? 0) === 0);
    const emptyQueues = empty.map((op) => `default/${op}`);
    const closedSessions = [...left.keys()].filter((id) => closed.has(id));
    return { assignments, emptyQueues, blockedQueues: [], againMs: undefined, closedSessions };
  };
  store.script = (command) => {
    if (command.kind !== "assign") return done();
    asked.push(command);
    return done(give(command));
  };
  const stamp = { nowMs: 0, chance: 0 };
  const dispatcher = new Dispatcher({
    lanes,
    sessions,
    execute: (command) => store.transact(command, stamp),
    clock,
    log,
    acceptTimeoutMs: 10_000,
  });
  const queue = (op: string, ...runs: string[]) => {
    const runsOfOp = queues.get(op) ?? [];
    queues.set(op, runsOfOp);
    runsOfOp.push(...runs);
    dispatcher.mark(`default/${op}`);
  };
  const open = (sessionId: string, ops: readonly string[], credit: number) => {
    const outlet = new KeptOutlet();
    opsOf.set(sessionId, ops);
    const session = sessions.open(takingSession(sessionId, ops), outlet);
    if (credit > 0) session.addCredit(credit);
    return { session, outlet };
  };
  return { store, clock, log, sessions, dispatcher, queue, open, asked, closed };
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `r${index}`);

describe("the dispatcher", () => {
  test("hands out what is queued as soon as a session permits it, and no more than that", async () => {
    const { queue, open } = setUp();
    queue("work", ...names(5));
    const { session, outlet } = open("s1", ["work"], 0);
    await settle();
    expect(outlet.assignments.length).toBe(0);
    session.addCredit(3);
    await settle();
    expect(outlet.assignments.map(({ attempt }) => attempt.run)).toEqual(
      ["r0", "r1", "r2"].map((run) => `default/${run}`),
    );
    expect(session.credit).toBe(0);
    session.addCredit(10);
    await settle();
    expect({ count: outlet.assignments.length, credit: session.credit }).toEqual({ count: 5, credit: 8 });
  });

  test("asks nothing while nothing can come of it", async () => {
    const { queue, open, asked, dispatcher } = setUp();
    open("s1", ["work"], 5);
    await settle();
    const before = asked.length;
    for (let count = 0; count < 100; count += 1) dispatcher.mark("default/other");
    open("s2", ["work"], 5).session.addCredit(5);
    await settle();
    expect(asked.length).toBe(before);
    queue("work", "r1");
    await settle();
    expect(asked.length).toBeLessThanOrEqual(before + 2);
  });

  test("asks once for all that happens in a turn, and one question at a time", async () => {
    const { queue, open, store, asked } = setUp();
    const script = store.script;
    let running = 0;
    let runningMax = 0;
    store.script = async (command, stamp) => {
      running += 1;
      runningMax = Math.max(runningMax, running);
      await settle();
      running -= 1;
      return script(command, stamp);
    };
    const { session, outlet } = open("s1", ["work"], 1);
    for (const run of names(100)) queue("work", run);
    session.addCredit(99);
    await until("all are handed out", () => outlet.assignments.length === 100);
    expect({ runningMax, asked: asked.length }).toEqual({ runningMax: 1, asked: 1 });
  });

  test("never promises a credit twice, however credits and work come", async () => {
    const { queue, open } = setUp();
    const workers = names(7).map((id) => ({ ...open(id, ["work"], 0), given: 0 }));
    const runs = names(500);
    for (const [index, run] of runs.entries()) {
      queue("work", run);
      const worker = workers[(index * index) % workers.length];
      if (worker !== undefined && worker.given < 80) {
        worker.session.addCredit(1);
        worker.given += 1;
      }
      if (index % 13 === 0) await settle();
      for (const { outlet, given } of workers) expect(outlet.assignments.length).toBeLessThanOrEqual(given);
    }
    await settle();
    const handed = workers.flatMap(({ outlet }) => outlet.assignments.map(({ attempt }) => attempt.run));
    expect(new Set(handed).size).toBe(handed.length);
    const givenInAll = workers.reduce((sum, { given }) => sum + given, 0);
    expect(handed.length).toBe(Math.min(givenInAll, runs.length));
  });

  test("serves those first who were served longest ago, when not all can be asked for", async () => {
    const { queue, open } = setUp();
    const count = 2 * sessionsPerAssignMax;
    const workers = names(count).map((id) => open(id, ["work"], 2));
    await settle();
    for (let round = 0; round < 2; round += 1) {
      for (const run of names(count)) {
        queue("work", `${run}-${round}`);
        await settle();
      }
      expect(new Set(workers.map(({ outlet }) => outlet.assignments.length))).toEqual(new Set([round + 1]));
    }
  });

  test("lets no busy queue keep others waiting", async () => {
    const { queue, open, dispatcher } = setUp();
    for (const id of names(2 * sessionsPerAssignMax)) open(id, ["busy"], 1_000);
    const { outlet } = open("quiet-worker", ["quiet"], 1);
    queue("busy", ...names(50_000));
    queue("quiet", "r1");
    await settle();
    dispatcher.stop();
    expect(outlet.assignments.length).toBe(1);
  });

  test("offers nothing more to a session that the store says is closed", async () => {
    const { queue, open, asked, closed } = setUp();
    const lost = open("s1", ["work"], 5);
    closed.add("s1");
    queue("work", "r1");
    await settle();
    expect(asked.length).toBe(1);
    const { outlet } = open("s2", ["work"], 5);
    await settle();
    expect(outlet.assignments.length).toBe(1);
    expect(lost.outlet.sent).toEqual([]);
    expect(
      asked.flatMap(({ sessions }) => sessions.map(({ sessionId }) => sessionId)).slice(1),
    ).not.toContain("s1");
  });

  test("drops what was assigned to a stream that ended meanwhile: nobody accepts it in time", async () => {
    const { queue, open, store, log } = setUp();
    const { session, outlet } = open("s1", ["work"], 1);
    const script = store.script;
    store.script = (command, stamp) => {
      session.close();
      return script(command, stamp);
    };
    queue("work", "r1");
    await settle();
    expect(outlet.sent).toEqual([]);
    expect(log.sentences("debug").length).toBe(1);
  });

  test("waits after a failure, and then hands out what was queued before and since", async () => {
    const { queue, open, store, clock, asked, log } = setUp();
    const script = store.script;
    let failures = 2;
    store.script = (command, stamp) => {
      if (failures === 0) return script(command, stamp);
      failures -= 1;
      throw new StoreUnavailable("full");
    };
    const { outlet } = open("s1", ["work"], 5);
    queue("work", "r1");
    await settle();
    queue("work", "r2");
    await settle();
    expect({ asked: asked.length, timers: clock.timerCount }).toEqual({ asked: 0, timers: 1 });
    await clock.advance(2 * storeRetryDelayMs);
    expect(outlet.assignments.length).toBe(2);
    expect(log.sentences("warn").length).toBe(2);
  });

  test("asks no more once it has stopped, and leaves no timer", async () => {
    const { queue, open, asked, clock, dispatcher, store } = setUp();
    open("s1", ["work"], 5);
    await settle();
    const before = asked.length;
    queue("work", "r1");
    dispatcher.stop();
    queue("work", "r2");
    await settle();
    expect({ asked: asked.length, timers: clock.timerCount }).toEqual({ asked: before, timers: 0 });
    expect(store.commands.length).toBe(before);
  });
});
