import { describe, expect, test } from "vitest";
import type { ActionState } from "../../src/core/action.ts";
import type { RunKey } from "../../src/core/name.ts";
import { noCapacity } from "../../src/core/placement/demand.ts";
import type { AttemptReference, NewAction, NewTask, ReportContent } from "../../src/core/stated.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { OpenSession } from "../../src/engine/sessions.ts";
import { returnedDelayMs } from "../../src/limits.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { by } from "../support/builders.ts";
import { FakeClock, settle, until } from "../support/fake-clock.ts";
import { KeptLog, KeptOutlet, keyOf, settings, takingSession } from "./support.ts";

const noRequest = { requestId: "", digest: "" };

/** An engine over a store with rules, under a clock of the test's. */
async function begin(store: Store = new MemoryStore(), clock = new FakeClock()) {
  const log = new KeptLog();
  const engine = new Engine({ store, clock, chance: { next: () => 0.5 }, log, settings });
  await engine.start();
  let requestCount = 0;

  const attach = async (workerId: string, more: Partial<WorkerOptions> = {}) => {
    const { ops = ["work"], credit = 0, running = [], incarnation = "first", pulses = true } = more;
    const newSessionId = engine.newSessionId();
    const { leaseMs } = settings;
    const command = {
      newSessionId,
      namespace: "default",
      workerId,
      incarnation,
      ops,
      labels: {},
      capacity: noCapacity,
      taints: [],
      sharedNamespaces: [],
      running,
      leaseMs,
    };
    const outcome = await engine.execute<"attach">({ kind: "attach", ...command });
    if (!outcome.ok) throw new Error(outcome.refusal.reason);
    const outlet = new KeptOutlet();
    const session = engine.sessions.open(takingSession(newSessionId, ops, { workerId }), outlet);
    if (credit > 0) session.addCredit(credit);
    const worker = new Worker(engine, session, outlet, outcome.answer);
    if (pulses) worker.keepPulsing(clock);
    return worker;
  };

  const createRun = async (
    runId: string,
    work: Partial<NewTask> | readonly NewAction[] = {},
    more: { priority?: number; timeoutMs?: number } = {},
  ): Promise<RunKey> => {
    const outcome = await engine.execute<"createRun">({
      kind: "createRun",
      request: { requestId: `request-${requestCount++}`, digest: "" },
      namespace: "default",
      runId,
      newRunId: engine.newRunId(),
      labels: {},
      priority: more.priority ?? 0,
      timeoutMs: more.timeoutMs,
      delivery: undefined,
      createdBy: "anonymous",
      work: Array.isArray(work) ? { plan: work } : { task: taskOf(work as Partial<NewTask>) },
    });
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
    return outcome.answer.run.key;
  };

  const stateOf = async (run: RunKey, action = "main") => (await store.action(run, action))?.state;
  const reaches = (run: RunKey, state: ActionState, action = "main") =>
    until(`${run} ${action} ${state}`, async () => (await stateOf(run, action)) === state);
  return { store, clock, log, engine, attach, createRun, stateOf, reaches };
}

interface WorkerOptions {
  readonly ops: readonly string[];
  readonly credit: number;
  readonly running: readonly AttemptReference[];
  readonly incarnation: string;
  readonly pulses: boolean;
}

type AttachAnswer = { readonly keep: readonly AttemptReference[]; readonly cancelled: readonly object[] };

/** A worker that does only what a test tells it. */
class Worker {
  readonly engine: Engine;
  readonly session: OpenSession;
  readonly outlet: KeptOutlet;
  readonly attached: AttachAnswer;
  #sequence = 0;
  #stopPulsing: () => void = () => undefined;

  constructor(engine: Engine, session: OpenSession, outlet: KeptOutlet, attached: AttachAnswer) {
    this.engine = engine;
    this.session = session;
    this.outlet = outlet;
    this.attached = attached;
  }

  keepPulsing(clock: FakeClock): void {
    this.#stopPulsing = clock.after(settings.pulseIntervalMs, () => {
      const { sessionId } = this.session;
      void this.engine
        .execute<"pulse">({ kind: "pulse", sessionId, leaseMs: settings.leaseMs })
        .catch(() => undefined);
      this.keepPulsing(clock);
    });
  }

  /** The stream is cut, and with it the pulses. */
  cut(): void {
    this.#stopPulsing();
    this.session.close();
    const { sessionId } = this.session;
    void this.engine.execute<"detach">({ kind: "detach", sessionId }).catch(() => undefined);
  }

  stopPulsing(): void {
    this.#stopPulsing();
  }

  /** The attempt of the n-th assignment, once it has come. */
  async assigned(index = 0): Promise<AttemptReference> {
    await until(`assignment ${index}`, () => this.outlet.assignments.length > index);
    return this.outlet.assignments[index]?.attempt as AttemptReference;
  }

  async accept(...attempts: AttemptReference[]): Promise<string[]> {
    const { sessionId } = this.session;
    const outcome = await this.engine.execute<"accept">({ kind: "accept", sessionId, attempts });
    return outcome.ok
      ? outcome.answer.refused.map(({ refusal }) => refusal.reason)
      : [outcome.refusal.reason];
  }

  /** Reports; the answer is the reason of its refusal, if there is one. */
  async report(attempt: AttemptReference, content: ReportContent): Promise<string | undefined> {
    const { sessionId } = this.session;
    this.#sequence += 1;
    const reports = [{ attempt, sequence: this.#sequence, content }];
    const outcome = await this.engine.execute<"report">({ kind: "report", sessionId, reports });
    return outcome.ok ? outcome.answer.refusals[0]?.reason : outcome.refusal.reason;
  }

  async succeed(attempt: AttemptReference): Promise<string | undefined> {
    return await this.report(attempt, {
      kind: "succeeded",
      outputs: { value: { kind: "bool", value: true } },
    });
  }

  async fail(attempt: AttemptReference): Promise<string | undefined> {
    const error = { type: "Broken", message: "it broke", stack: "", nonRetryable: false };
    return await this.report(attempt, { kind: "failed", error });
  }
}

function taskOf(task: Partial<NewTask> = {}): NewTask {
  return {
    kind: "task",
    op: "work",
    opVersion: 0,
    inputs: {},
    retry: { maxAttempts: 1 },
    timeouts: undefined,
    cancelGraceMs: undefined,
    resources: undefined,
    placement: undefined,
    image: "",
    handler: "",
    ...task,
  };
}

function actionOf(
  name: string,
  spec: NewAction["spec"] = taskOf(),
  dependsOn: readonly string[] = [],
): NewAction {
  const dependencies = dependsOn.map(
    (action) => ({ action, requirement: "succeeded", equals: undefined }) as const,
  );
  return { name, spec, dependencies, labels: {} };
}

const conditionOf = (timeoutMs: number | undefined, hasDefault = false): NewAction["spec"] => ({
  kind: "condition",
  type: "bool",
  prompt: "",
  description: "",
  timeoutMs,
  defaultValue: hasDefault ? { kind: "bool", value: false } : undefined,
  terms: undefined,
});

describe("a run", () => {
  test("is assigned, accepted, reported and ended, and the feed tells all of it in order", async () => {
    const { engine, attach, createRun, store } = await begin();
    const frames = engine.feeds.follow({
      after: "now",
      matches: () => true,
      signal: new AbortController().signal,
    });
    await frames.next();
    const run = await createRun("r1");
    const worker = await attach("w1", { credit: 1 });
    const attempt = await worker.assigned();
    expect(await worker.accept(attempt)).toEqual([]);
    expect(await worker.succeed(attempt)).toBeUndefined();
    expect((await store.run(run))?.state).toBe("SUCCEEDED");
    const kinds: string[] = [];
    while (!kinds.includes("run_ended")) {
      const { value } = await frames.next();
      for (const { event } of value?.events ?? []) kinds.push(event.detail.kind);
    }
    expect(kinds).toEqual([
      ...["run_created", "action_created", "worker_attached", "action_assigned"],
      ...["run_started", "action_started", "action_ended", "run_ended"],
    ]);
    await frames.return();
    await engine.stop();
  });

  test("goes on from action to action without anybody asking", async () => {
    const { engine, attach, createRun, reaches } = await begin();
    const worker = await attach("w1", { credit: 3 });
    const run = await createRun("r1", [
      actionOf("a"),
      actionOf("b", taskOf(), ["a"]),
      actionOf("ask", conditionOf(undefined), ["b"]),
      actionOf("c", taskOf(), ["ask"]),
    ]);
    for (const index of [0, 1]) await worker.succeed(await worker.assigned(index));
    await reaches(run, "PAUSED", "ask");
    await engine.execute<"signalCondition">({
      kind: "signalCondition",
      request: noRequest,
      run,
      action: "ask",
      value: { kind: "bool", value: true },
      by: by("somebody"),
      instance: 0,
    });
    await worker.succeed(await worker.assigned(2));
    await until("the run ends", async () => (await engine.store.run(run))?.state === "SUCCEEDED");
    expect(worker.outlet.assignments.map(({ attempt }) => attempt.action)).toEqual(["a", "b", "c"]);
    await engine.stop();
  });
});

describe("an attempt", () => {
  test("that nobody accepts in time is queued again, under an epoch that fences the old one", async () => {
    const { engine, attach, createRun, clock } = await begin();
    await createRun("r1");
    const slow = await attach("slow", { credit: 1 });
    const first = await slow.assigned();
    const other = await attach("other", { credit: 1 });
    await clock.advance(settings.acceptTimeoutMs + returnedDelayMs);
    const second = await other.assigned();
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(slow.outlet.of("cancel").length).toBe(1);
    expect(await slow.accept(first)).toEqual(["STALE_EPOCH"]);
    expect(await slow.succeed(first)).toBe("STALE_EPOCH");
    expect(await other.succeed(second)).toBeUndefined();
    await engine.stop();
  });

  test("whose worker falls silent goes to another when the lease runs out, and not before", async () => {
    const { engine, attach, createRun, clock } = await begin();
    await createRun("r1", { retry: { maxAttempts: 3, initialBackoffMs: 0 } });
    const silent = await attach("silent", { credit: 1 });
    const first = await silent.assigned();
    await silent.accept(first);
    const other = await attach("other", { credit: 1 });
    silent.stopPulsing();
    await clock.advance(settings.leaseMs - 1);
    expect(other.outlet.assignments).toEqual([]);
    await clock.advance(60_000);
    const second = await other.assigned();
    expect(second.epoch).toBeGreaterThan(first.epoch);
    expect(silent.outlet.of("gone").length).toBe(1);
    expect(await silent.succeed(first)).toBe("STALE_EPOCH");
    await engine.stop();
  });

  test("that fails is tried again after its backoff, which doubles", async () => {
    const { engine, attach, createRun, clock, reaches } = await begin();
    const retry = { maxAttempts: 3, initialBackoffMs: 2_000, multiplier: 2, maxBackoffMs: 60_000, jitter: 0 };
    const run = await createRun("r1", { retry });
    const worker = await attach("w1", { credit: 5 });
    for (const [index, backoffMs] of [2_000, 4_000].entries()) {
      await worker.fail(await worker.assigned(index));
      await clock.advance(backoffMs - 1);
      expect(worker.outlet.assignments.length).toBe(index + 1);
      await clock.advance(1);
      expect((await worker.assigned(index + 1)).attempt).toBe(index + 2);
    }
    await worker.fail(await worker.assigned(2));
    await reaches(run, "FAILED");
    await engine.stop();
  });

  test("that is cancelled is told so, and ends without its worker after the grace", async () => {
    const { engine, attach, createRun, clock, stateOf, reaches } = await begin();
    const run = await createRun("r1", { cancelGraceMs: 3_000 });
    const worker = await attach("w1", { credit: 1 });
    const attempt = await worker.assigned();
    await worker.accept(attempt);
    await engine.execute<"cancelRun">({ kind: "cancelRun", request: noRequest, run, cause: "enough" });
    expect(worker.outlet.of("cancel")).toEqual([
      { kind: "cancel", cancelled: [{ attempt, graceMs: 3_000, cause: "enough" }] },
    ]);
    await clock.advance(2_999);
    expect(await stateOf(run)).toBe("RUNNING");
    await clock.advance(1);
    await reaches(run, "CANCELLED");
    expect(await worker.succeed(attempt)).toBeDefined();
    await engine.stop();
  });

  test("that lasts too long times out", async () => {
    const { engine, attach, createRun, clock, reaches } = await begin();
    const timeouts = { queueToStartMs: undefined, startToEndMs: 4_000, heartbeatMs: undefined };
    const run = await createRun("r1", { timeouts });
    const worker = await attach("w1", { credit: 1 });
    await worker.accept(await worker.assigned());
    await clock.advance(4_000);
    await reaches(run, "TIMED_OUT");
    await engine.stop();
  });

  test("whose parent waits for it tells the parent's worker how it ended", async () => {
    const { engine, attach, createRun } = await begin();
    await createRun("r1", { op: "parent" });
    const parent = await attach("w1", { ops: ["parent"], credit: 1 });
    const attempt = await parent.assigned();
    await parent.accept(attempt);
    const { sessionId } = parent.session;
    const actions = [actionOf("child", taskOf({ op: "child" }))];
    await engine.execute<"addActions">({ kind: "addActions", sessionId, attempt, actions });
    const child = await attach("w2", { ops: ["child"], credit: 1 });
    await child.succeed(await child.assigned());
    await until("the parent is told", () => parent.outlet.of("childEnded").length === 1);
    expect(parent.outlet.of("childEnded")[0]).toMatchObject({
      parent: attempt,
      child: { name: "main/child", state: "SUCCEEDED" },
    });
    await engine.stop();
  });
});

describe("a condition", () => {
  test.each([
    { given: "without a default", hasDefault: false, state: "TIMED_OUT" },
    { given: "with a default", hasDefault: true, state: "SUCCEEDED" },
  ] as const)("$given that nobody answers in time: $state", async ({ hasDefault, state }) => {
    const { engine, createRun, clock, stateOf, reaches } = await begin();
    const run = await createRun("r1", [actionOf("ask", conditionOf(30_000, hasDefault))]);
    await clock.advance(29_999);
    expect(await stateOf(run, "ask")).toBe("PAUSED");
    await clock.advance(1);
    await reaches(run, state, "ask");
    await engine.stop();
  });
});

describe("a worker", () => {
  test("that attaches again keeps what it runs, and is told again what was cancelled", async () => {
    const { engine, attach, createRun } = await begin();
    const runs = [await createRun("r1"), await createRun("r2")];
    const before = await attach("w1", { credit: 2 });
    const attempts = [await before.assigned(0), await before.assigned(1)];
    await before.accept(...attempts);
    before.cut();
    await engine.execute<"cancelRun">({
      kind: "cancelRun",
      request: noRequest,
      run: runs[1] as RunKey,
      cause: "enough",
    });
    const after = await attach("w1", { credit: 0, running: attempts });
    expect(after.attached.keep.length).toBe(2);
    const cancelled = attempts.find(({ run }) => run === runs[1]);
    expect(after.attached.cancelled).toMatchObject([{ attempt: cancelled, cause: "enough" }]);
    expect(await after.succeed(attempts[0] as AttemptReference)).toBeUndefined();
    await engine.stop();
  });

  test("whose place is taken by another process is gone", async () => {
    const { engine, attach } = await begin();
    const before = await attach("w1", { credit: 1 });
    await attach("w1", { incarnation: "second" });
    expect(before.outlet.of("gone").length).toBe(1);
    expect(engine.sessions.openCount).toBe(1);
    await engine.stop();
  });

  test("that drains is assigned nothing more", async () => {
    const { engine, attach, createRun } = await begin();
    const draining = await attach("w1", { credit: 10 });
    const request = noRequest;
    await engine.execute<"drainWorker">({
      kind: "drainWorker",
      request,
      namespace: "default",
      workerId: "w1",
    });
    const leaving = await attach("w2", { credit: 10 });
    await engine.execute<"drain">({ kind: "drain", sessionId: leaving.session.sessionId });
    for (let index = 0; index < 5; index += 1) await createRun(`r${index}`);
    await settle();
    const other = await attach("w3", { credit: 10 });
    await other.assigned(4);
    expect(draining.outlet.sent).toEqual([{ kind: "drain" }]);
    expect(leaving.outlet.sent).toEqual([]);
    await engine.stop();
  });

  test("that says goodbye gives back what it has at once", async () => {
    const { engine, attach, createRun, clock } = await begin();
    await createRun("r1", { retry: { maxAttempts: 2, initialBackoffMs: 0 } });
    const leaving = await attach("w1", { credit: 1 });
    const attempt = await leaving.assigned();
    const other = await attach("w2", { credit: 1 });
    await engine.execute<"leave">({ kind: "leave", sessionId: leaving.session.sessionId, cause: "bye" });
    leaving.session.close();
    await clock.advance(returnedDelayMs);
    expect((await other.assigned()).epoch).toBeGreaterThan(attempt.epoch);
    await engine.stop();
  });
});

describe("the dispatcher over the rules", () => {
  test("gives the highest priority first, then the oldest", async () => {
    const { engine, attach, createRun, clock } = await begin();
    for (const [index, priority] of [0, 5, 0, 5, -1].entries()) {
      await createRun(`r${index}`, {}, { priority });
      await clock.advance(1);
    }
    const worker = await attach("w1", { credit: 1 });
    for (let index = 0; index < 5; index += 1) {
      await worker.succeed(await worker.assigned(index));
      worker.session.addCredit(1);
    }
    expect(worker.outlet.assignments.map(({ attempt }) => attempt.run)).toEqual(
      ["r1", "r3", "r0", "r2", "r4"].map(keyOf),
    );
    await engine.stop();
  });

  test("spreads work evenly over sessions, and never past their credit", async () => {
    const { engine, attach, createRun } = await begin();
    const workers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => attach(`w${index}`, { credit: 20 })),
    );
    for (let index = 0; index < 100; index += 1) await createRun(`r${index}`);
    const counts = () => workers.map(({ outlet }) => outlet.assignments.length);
    await until("all are assigned", () => counts().reduce((sum, count) => sum + count, 0) === 100);
    expect(counts()).toEqual(counts().map(() => 10));
    expect(workers.map(({ session }) => session.credit)).toEqual(workers.map(() => 10));
    for (let index = 100; index < 400; index += 1) await createRun(`r${index}`);
    await settle();
    expect(counts()).toEqual(counts().map(() => 20));
    await engine.stop();
  });

  test("gives every action of a mixed load to exactly one attempt at a time, and ends them all", async () => {
    const { engine, attach, createRun, store, log } = await begin();
    const ops = ["a", "b", "c"];
    const workers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        attach(`w${index}`, { ops: [ops[index % 3] as string, ops[(index + 1) % 3] as string], credit: 4 }),
      ),
    );
    const runs = await Promise.all(
      Array.from({ length: 120 }, (_, index) =>
        createRun(`r${index}`, { op: ops[index % 3] as string }, { priority: index % 4 }),
      ),
    );
    const handled = workers.map(() => 0);
    const hasEnded = async () => {
      for (const [index, worker] of workers.entries()) {
        for (const { attempt } of worker.outlet.assignments.slice(handled[index])) {
          await worker.succeed(attempt);
          worker.session.addCredit(1);
          handled[index] = (handled[index] ?? 0) + 1;
        }
      }
      const ended = await Promise.all(runs.map(async (run) => (await store.run(run))?.state === "SUCCEEDED"));
      return ended.every(Boolean);
    };
    await until("all have ended", hasEnded);
    const assigned = workers.flatMap(({ outlet }) => outlet.assignments.map(({ attempt }) => attempt.run));
    expect(assigned.length).toBe(runs.length);
    expect(new Set(assigned).size).toBe(runs.length);
    expect([...log.sentences("warn"), ...log.sentences("error")]).toEqual([]);
    await engine.stop();
  });
});

describe("a server that starts again over the same store", () => {
  test("keeps what is running for its worker, which goes on under the same epoch", async () => {
    const before = await begin();
    const run = await before.createRun("r1");
    const worker = await before.attach("w1", { credit: 1 });
    const attempt = await worker.assigned();
    await worker.accept(attempt);
    worker.stopPulsing();
    await before.engine.stop();
    expect(before.clock.timerCount).toBe(0);
    await before.clock.advance(60 * 60_000);
    const after = await begin(before.store, before.clock);
    await after.clock.advance(settings.leaseMs - 1);
    const again = await after.attach("w1", { running: [attempt] });
    expect(again.attached.keep).toEqual([attempt]);
    expect(await again.succeed(attempt)).toBeUndefined();
    expect(await after.stateOf(run)).toBe("SUCCEEDED");
    await after.engine.stop();
  });

  test("gives it to another when its worker does not come back within a lease", async () => {
    const before = await begin();
    await before.createRun("r1", { retry: { maxAttempts: 2, initialBackoffMs: 0 } });
    const worker = await before.attach("w1", { credit: 1 });
    const first = await worker.assigned();
    await worker.accept(first);
    worker.stopPulsing();
    await before.engine.stop();
    const after = await begin(before.store, before.clock);
    const other = await after.attach("w2", { credit: 1 });
    await after.clock.advance(settings.leaseMs - 1);
    expect(other.outlet.assignments).toEqual([]);
    await after.clock.advance(60_000);
    expect((await other.assigned()).epoch).toBeGreaterThan(first.epoch);
    await after.engine.stop();
  });

  test("hands out what was queued before, and fires what fell due meanwhile", async () => {
    const before = await begin();
    await before.createRun("r1");
    const paused = await before.createRun("r2", [actionOf("ask", conditionOf(1_000))]);
    await before.engine.stop();
    await before.clock.advance(5_000);
    expect(await before.stateOf(paused, "ask")).toBe("PAUSED");
    const after = await begin(before.store, before.clock);
    await after.reaches(paused, "TIMED_OUT", "ask");
    const worker = await after.attach("w1", { credit: 1 });
    expect((await worker.assigned()).run).toBe(keyOf("r1"));
    await after.engine.stop();
  });
});

test("an engine that stops in the middle of everything leaves no timer", async () => {
  const { engine, attach, createRun, clock } = await begin();
  const frames = engine.feeds.follow({
    after: "now",
    matches: () => true,
    signal: new AbortController().signal,
  });
  await frames.next();
  const worker = await attach("w1", { credit: 2, pulses: false });
  await createRun("r1");
  await worker.assigned();
  const running = [
    createRun("r2"),
    createRun("r3", { timeouts: { queueToStartMs: 5, startToEndMs: 5, heartbeatMs: 5 } }),
  ];
  await engine.stop();
  await Promise.all(running);
  await settle();
  expect(clock.timerCount).toBe(0);
  expect(worker.outlet.of("leave").length).toBe(1);
});
