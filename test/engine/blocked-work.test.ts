import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Answers } from "../../src/core/answer.ts";
import type { CommandOf } from "../../src/core/command.ts";
import type { Position } from "../../src/core/event.ts";
import { Dispatcher } from "../../src/engine/dispatcher.ts";
import { Lanes } from "../../src/engine/lanes.ts";
import { type OpenSession, Sessions } from "../../src/engine/sessions.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { done, FakeStore } from "../support/fake-store.ts";
import { assignmentOf, KeptLog, KeptOutlet, takingSession } from "./support.ts";

/** A task that needs so much of its worker, and may start at this time or later. */
interface Task {
  readonly runId: string;
  readonly op: string;
  readonly size: number;
  readonly fromMs: number;
}

/** A worker that can hold so much at once. */
interface Worker {
  readonly id: string;
  readonly ops: readonly string[];
  readonly capacity: number;
  readonly session: OpenSession;
  readonly held: Task[];
}

/**
 * A store whose queues hold tasks of different sizes, and its dispatcher. What the store says may be old by
 * some turns of the event loop when it is heard.
 */
function setUp({ sessionsMax, turns = 0 }: { readonly sessionsMax?: number; readonly turns?: number } = {}) {
  const clock = new FakeClock();
  const lanes = new Lanes();
  const sessions = new Sessions({ lanes, clock });
  const store = new FakeStore();
  const workers = new Map<string, Worker>();
  let queued: Task[] = [];
  let workerCount = 0;
  let taskCount = 0;
  const counts = { asks: 0, assignments: 0 };
  let limit = Number.POSITIVE_INFINITY;

  const free = ({ capacity, held }: Worker) => held.reduce((left, { size }) => left - size, capacity);
  const canTake = (worker: Worker, task: Task, credit = worker.session.credit) =>
    credit > 0 && worker.ops.includes(task.op) && free(worker) >= task.size && task.fromMs <= clock.nowMs();
  const heldCount = () => [...workers.values()].reduce((count, { held }) => count + held.length, 0);

  function assign(command: CommandOf<"assign">): Answers["assign"] {
    const assignments: Answers["assign"]["assignments"][number][] = [];
    const credits = new Map(command.sessions.map(({ sessionId, credit }) => [sessionId, credit]));
    const asked = [...credits.keys()].flatMap((id) => workers.get(id) ?? []);
    queued = queued.filter((task) => {
      if (assignments.length === command.limit || heldCount() >= limit) return true;
      const taker = asked.find((worker) => canTake(worker, task, credits.get(worker.id)));
      if (taker === undefined) return true;
      taker.held.push(task);
      credits.set(taker.id, (credits.get(taker.id) ?? 0) - 1);
      assignments.push({ sessionId: taker.id, assignment: assignmentOf(task.runId, task.op) });
      return false;
    });
    const ops = [...new Set(asked.flatMap((worker) => worker.ops))];
    const hasWork = (op: string) => queued.some((task) => task.op === op);
    const later = queued.map(({ fromMs }) => fromMs).filter((fromMs) => fromMs > clock.nowMs());
    return {
      assignments,
      emptyQueues: ops.filter((op) => !hasWork(op)).map((op) => `default/${op}`),
      blockedQueues: ops.filter(hasWork).map((op) => `default/${op}`),
      againMs: later.length === 0 ? undefined : Math.min(...later),
      closedSessions: [...credits.keys()].filter((id) => !workers.has(id)),
    };
  }

  store.script = async (command) => {
    if (command.kind !== "assign") return done();
    counts.asks += 1;
    const answer = assign(command);
    counts.assignments += answer.assignments.length;
    for (let count = 0; count < turns; count += 1) await turn();
    return done(answer, answer.assignments.length > 0 ? { position: 1n as Position } : {});
  };
  const dispatcher = new Dispatcher({
    lanes,
    sessions,
    execute: (command) => store.transact(command, { nowMs: clock.nowMs(), chance: 0 }),
    clock,
    log: new KeptLog(),
    acceptTimeoutMs: 10_000,
    ...(sessionsMax === undefined ? {} : { sessionsMax }),
  });

  return {
    clock,
    counts,
    dispatcher,
    workers,
    get queued() {
      return queued;
    },
    /** What could be given to somebody and was not. */
    forgotten: () =>
      heldCount() >= limit
        ? []
        : queued.filter((task) => [...workers.values()].some((worker) => canTake(worker, task))),
    queue(op: string, size: number, delayMs = 0) {
      taskCount += 1;
      queued.push({ runId: `r${taskCount}`, op, size, fromMs: clock.nowMs() + delayMs });
      dispatcher.mark(`default/${op}`);
    },
    open(ops: readonly string[], capacity: number, credit: number) {
      workerCount += 1;
      const id = `s${workerCount}`;
      const session = sessions.open(takingSession(id, ops), new KeptOutlet());
      workers.set(id, { id, ops, capacity, session, held: [] });
      if (credit > 0) session.addCredit(credit);
      return id;
    },
    close(worker: Worker) {
      worker.session.close();
      workers.delete(worker.id);
      for (const task of worker.held) queued.push(task);
      for (const { op } of worker.held) dispatcher.mark(`default/${op}`);
      dispatcher.freed();
    },
    finish(worker: Worker) {
      if (worker.held.shift() === undefined) return;
      worker.session.addCredit(1);
      dispatcher.freed();
    },
    setLimit(count: number) {
      const isMore = count > limit;
      limit = count;
      if (isMore) dispatcher.freed();
    },
  };
}

describe("work that not everybody can take", () => {
  test("comes to the one of 100 workers that can, though only 64 are asked for at once", async () => {
    const scene = setUp();
    for (let count = 0; count < 80; count += 1) scene.open(["work"], 1, 10);
    const id = scene.open(["work"], 100, 10);
    for (let count = 0; count < 19; count += 1) scene.open(["work"], 1, 10);
    await settle();
    scene.queue("work", 50);
    await settle();
    expect(scene.workers.get(id)?.held.length).toBe(1);
    expect(scene.counts.asks).toBeLessThanOrEqual(4);
  });

  test("comes to it also while something is freed in every turn, so that no answer is ever new", async () => {
    const scene = setUp({ turns: 2 });
    for (let count = 0; count < 80; count += 1) scene.open(["work"], 1, 10);
    const id = scene.open(["work"], 100, 10);
    for (let count = 0; count < 19; count += 1) scene.open(["work"], 1, 10);
    scene.queue("work", 50);
    for (let round = 0; round < 30; round += 1) {
      scene.dispatcher.freed();
      await turn();
    }
    expect(scene.workers.get(id)?.held.length).toBe(1);
  });

  test("is not asked for again and again while nothing changes", async () => {
    const scene = setUp();
    for (let count = 0; count < 100; count += 1) scene.open(["work"], 1, 10);
    scene.queue("work", 50);
    await settle();
    const before = scene.counts.asks;
    await settle();
    await scene.clock.advance(3_600_000);
    expect(scene.counts.asks).toBe(before);
  });

  test("that waits for a time is asked for then, by one timer", async () => {
    const scene = setUp();
    for (let count = 0; count < 100; count += 1) scene.open(["work"], 10, 1);
    scene.queue("work", 1, 90_000);
    scene.queue("work", 1, 5_000);
    await settle();
    const before = scene.counts.asks;
    expect(scene.clock.timerCount).toBe(1);
    await scene.clock.advance(4_999);
    expect(scene.counts).toEqual({ asks: before, assignments: 0 });
    await scene.clock.advance(1);
    expect(scene.counts.assignments).toBe(1);
    await scene.clock.advance(85_000);
    expect({ assignments: scene.counts.assignments, timers: scene.clock.timerCount }).toEqual({
      assignments: 2,
      timers: 0,
    });
  });

  test("leaves no timer behind when the dispatcher stops", async () => {
    const scene = setUp();
    scene.open(["work"], 10, 1);
    scene.queue("work", 1, 5_000);
    await settle();
    scene.dispatcher.stop();
    expect(scene.clock.timerCount).toBe(0);
  });
});

/** What may happen to a scene. */
const ops = ["a", "b"] as const;
const step = fc.oneof(
  fc.record({
    do: fc.constant("queue"),
    op: fc.constantFrom(...ops),
    size: fc.nat(4),
    delayMs: fc.constantFrom(0, 0, 0, 7),
  }),
  fc.record({
    do: fc.constant("open"),
    ops: fc.subarray([...ops], { minLength: 1 }),
    capacity: fc.nat(4),
    credit: fc.nat(3),
  }),
  fc.record({ do: fc.constant("credit"), who: fc.nat(), amount: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant("finish"), who: fc.nat() }),
  fc.record({ do: fc.constant("close"), who: fc.nat() }),
  fc.record({ do: fc.constant("limit"), count: fc.integer({ min: 0, max: 6 }) }),
  fc.record({ do: fc.constant("wait"), byMs: fc.nat(10) }),
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

/** How many turns of the event loop go by before the next one; many are enough for all that is asked. */
const manyTurns = 60;
const pause = fc.constantFrom(0, 1, 2, 3, manyTurns);

async function take(scene: ReturnType<typeof setUp>, one: Step): Promise<void> {
  const someone = (who: number) => [...scene.workers.values()][who % Math.max(1, scene.workers.size)];
  switch (one.do) {
    case "queue":
      if ("delayMs" in one) scene.queue(one.op, one.size, one.delayMs);
      return;
    case "open":
      if ("capacity" in one) scene.open(one.ops, one.capacity, one.credit);
      return;
    case "limit":
      if ("count" in one) scene.setLimit(one.count);
      return;
    case "wait":
      if ("byMs" in one) await scene.clock.advance(one.byMs);
      return;
    default: {
      const worker = "who" in one ? someone(one.who) : undefined;
      if (worker === undefined) return;
      if (one.do === "finish") scene.finish(worker);
      else if (one.do === "close") scene.close(worker);
      else if ("amount" in one) worker.session.addCredit(one.amount);
    }
  }
}

describe("whatever happens", () => {
  test("nothing is forgotten that somebody could take, and nothing is asked for in a loop", async () => {
    const how = fc.record({ sessionsMax: fc.integer({ min: 1, max: 4 }), turns: fc.nat(3) });
    const property = fc.asyncProperty(
      fc.array(fc.tuple(step, pause), { minLength: 5, maxLength: 40, size: "max" }),
      how,
      async (steps, options) => {
        const scene = setUp(options);
        let openMost = 0;
        for (const [one, turnCount] of steps) {
          await take(scene, one);
          for (let count = 0; count < turnCount; count += 1) await turn();
          if (turnCount === manyTurns) expect(scene.forgotten()).toEqual([]);
          openMost = Math.max(openMost, scene.workers.size);
        }
        // Some turns of the loop for each question that may still have to be asked.
        for (let count = 0; count < 20; count += 1) await settle();
        expect(scene.forgotten()).toEqual([]);
        // Each thing that happens, each assignment and each ring of the timer has everybody asked for once.
        const rounds = steps.length + scene.counts.assignments + 20;
        expect(scene.counts.asks).toBeLessThanOrEqual(
          rounds * (1 + Math.ceil(openMost / options.sessionsMax)),
        );
        const before = scene.counts.asks;
        await settle();
        expect(scene.counts.asks).toBe(before);
        scene.dispatcher.stop();
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });
});
