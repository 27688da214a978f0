import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Action } from "../../src/core/action.ts";
import type { CommandKind, CommandOf } from "../../src/core/command.ts";
import type { LimitContent } from "../../src/core/limits/limit.ts";
import { isFull, limitsOf } from "../../src/core/limits/limits-of.ts";
import { runKey } from "../../src/core/name.ts";
import { noCapacity } from "../../src/core/placement/demand.ts";
import { placeOn } from "../../src/core/placement/fit.ts";
import type { AttemptReference } from "../../src/core/stated.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { OpenSession } from "../../src/engine/sessions.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { noRequest, theTask } from "../support/builders.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";
import { KeptLog, KeptOutlet, settings } from "./support.ts";

const hourMs = 3_600_000;
const nothing = {
  cpuMilli: undefined,
  ramMb: undefined,
  vramMb: undefined,
  deviceCount: undefined,
  deviceIndex: undefined,
};

interface Worker {
  readonly workerId: string;
  readonly session: OpenSession;
  readonly outlet: KeptOutlet;
}

/** An engine over a store with rules, whose leases outlast the test. */
class Scene {
  readonly clock = new FakeClock();
  readonly store = new MemoryStore();
  readonly log = new KeptLog();
  readonly engine: Engine;
  readonly workers: Worker[] = [];
  readonly runIds: string[] = [];
  #workerCount = 0;

  constructor() {
    const long = { ...settings, leaseMs: hourMs, acceptTimeoutMs: hourMs };
    const { store, clock, log } = this;
    this.engine = new Engine({ store, clock, chance: { next: () => 0.5 }, log, settings: long });
  }

  /** The answer to a command; undefined if it was refused. */
  async ask<K extends CommandKind>(command: CommandOf<K>) {
    const outcome = await this.engine.execute<K>(command);
    return outcome.ok ? outcome.answer : undefined;
  }

  async attach(ramMb: number, credit: number): Promise<Worker> {
    this.#workerCount += 1;
    const workerId = `w${this.#workerCount}`;
    const answer = await this.ask<"attach">({
      kind: "attach",
      newSessionId: this.engine.newSessionId(),
      namespace: "default",
      workerId,
      incarnation: "1",
      ops: ["work"],
      labels: {},
      capacity: { ...noCapacity, ramMb },
      taints: [],
      sharedNamespaces: [],
      running: [],
      leaseMs: hourMs,
    });
    if (answer === undefined) throw new Error("an attach was refused");
    const outlet = new KeptOutlet();
    const session = this.engine.sessions.open(answer.session, outlet);
    if (credit > 0) session.addCredit(credit);
    const worker = { workerId, session, outlet };
    this.workers.push(worker);
    return worker;
  }

  async create(ramMb: number | undefined, user: string): Promise<void> {
    const runId = `r${this.runIds.length}`;
    this.runIds.push(runId);
    await this.ask<"createRun">({
      kind: "createRun",
      request: noRequest,
      namespace: "default",
      runId,
      newRunId: this.engine.newRunId(),
      labels: { user },
      priority: 0,
      timeoutMs: undefined,
      delivery: undefined,
      createdBy: "anonymous",
      work: { task: { ...theTask(), resources: ramMb === undefined ? undefined : { ...nothing, ramMb } } },
    });
  }

  setLimit(name: string, content: LimitContent) {
    const namespace = "default";
    return this.ask<"setLimit">({ kind: "setLimit", request: noRequest, namespace, name, content });
  }

  /** Ends an attempt that a worker holds; it permits one more then. */
  async finish(worker: Worker, attempt: AttemptReference): Promise<void> {
    const reports = [{ attempt, sequence: 1, content: { kind: "succeeded", outputs: {} } as const }];
    const { sessionId } = worker.session;
    await this.ask<"report">({ kind: "report", sessionId, reports });
    worker.session.addCredit(1);
  }

  async stateOf(runId: string): Promise<string | undefined> {
    return (await this.store.action(runKey("default", runId), "main"))?.state;
  }

  async held(worker: Worker): Promise<readonly Action[]> {
    return this.store.listHeld(worker.session.sessionId, 100);
  }

  /** What is queued although no limit is full for it and a worker that permits it has room. */
  async forgotten(): Promise<readonly string[]> {
    const { items: limits } = await this.store.listLimits({
      namespace: "default",
      after: undefined,
      limit: 100,
    });
    const { items: sessions } = await this.store.listSessions({
      namespace: "default",
      labels: {},
      after: undefined,
      limit: 100,
    });
    const forgotten: string[] = [];
    for (const runId of this.runIds) {
      const key = runKey("default", runId);
      const action = await this.store.action(key, "main");
      if (action?.state !== "QUEUED" || action.spec.kind !== "task") continue;
      const { demand } = action.spec;
      const labels = (await this.store.run(key))?.labels ?? {};
      const applied = limitsOf(action, labels, limits);
      const counters = await Promise.all(applied.map((one) => this.store.counter(one.key)));
      if (applied.some(({ limit }, at) => isFull(counters[at], limit, this.clock.nowMs()))) continue;
      const isTakeable = sessions.some(
        (session) =>
          session.state === "ATTACHED" &&
          (this.engine.sessions.creditOf(session.id) ?? 0) > 0 &&
          placeOn(demand, session) !== undefined,
      );
      if (isTakeable) forgotten.push(runId);
    }
    return forgotten;
  }
}

async function withScene(play: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = new Scene();
  await scene.engine.start();
  await play(scene);
  await scene.engine.stop();
  expect([...scene.log.sentences("error"), ...scene.log.sentences("warn")]).toEqual([]);
}

describe("what is queued for workers with room", () => {
  test("comes to the one of 100 workers that could hold it", async () => {
    await withScene(async (scene) => {
      for (let count = 0; count < 85; count += 1) await scene.attach(1_000, 2);
      const { outlet } = await scene.attach(64_000, 2);
      for (let count = 0; count < 14; count += 1) await scene.attach(1_000, 2);
      await settle();
      await scene.create(32_000, "ada");
      await settle();
      expect(outlet.assignments.map(({ attempt }) => attempt.run)).toEqual(["default/r0"]);
    });
  });

  test("waits for what a worker holds, and comes when that has ended, without new credit", async () => {
    await withScene(async (scene) => {
      const worker = await scene.attach(10, 5);
      await scene.create(8, "ada");
      await scene.create(8, "ada");
      await settle();
      expect(worker.outlet.assignments.length).toBe(1);
      const [first] = worker.outlet.assignments;
      if (first !== undefined) await scene.finish(worker, first.attempt);
      await settle();
      expect(worker.outlet.assignments.length).toBe(2);
    });
  });

  test("comes when the rate of its label's value lets it start, by the deadline of that counter", async () => {
    await withScene(async (scene) => {
      const { outlet } = await scene.attach(10, 5);
      const scope = { kind: "label", name: "user", value: undefined } as const;
      const rate = { count: 1, periodMs: 10_000 };
      await scene.setLimit("slow", { scope, concurrentMax: 0, rate, shareWeight: 1 });
      for (const user of ["ada", "ada", "bob"]) await scene.create(1, user);
      await settle();
      const given = () => outlet.assignments.map(({ attempt }) => attempt.run.slice("default/".length));
      expect(given()).toEqual(["r0", "r2"]);
      await scene.clock.advance(9_998);
      expect(given()).toEqual(["r0", "r2"]);
      await scene.clock.advance(2);
      expect(given()).toEqual(["r0", "r2", "r1"]);
    });
  });
});

const user = fc.constantFrom("ada", "bob");
const count = fc.integer({ min: 0, max: 3 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("create"),
      ramMb: fc.option(fc.nat(6), { nil: undefined }),
      user,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("attach"), ramMb: fc.nat(8), credit: fc.nat(3) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("finish"), who: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel", "evict", "drain", "leave", "credit"),
      who: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("limitUser", "limitOp", "limitRate"), count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("unlimit"), count }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("wait"), byMs: fc.nat(300) }) },
);
type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;
const limitNames = ["limitUser", "limitOp", "limitRate"] as const;

async function takeStep(scene: Scene, one: Step): Promise<void> {
  const of = { namespace: "default", request: noRequest };
  if (one.do === "create" && "user" in one) return scene.create(one.ramMb, one.user);
  if (one.do === "attach" && "credit" in one) return void (await scene.attach(one.ramMb ?? 0, one.credit));
  if (one.do === "wait" && "byMs" in one) return scene.clock.advance(one.byMs);
  if ("count" in one) {
    const name = one.do === "unlimit" ? limitNames[one.count % limitNames.length] : one.do;
    if (one.do === "unlimit")
      await scene.ask<"deleteLimit">({ kind: "deleteLimit", ...of, name: name ?? "" });
    else await scene.setLimit(name ?? "", contentOf(name ?? "", one.count));
    return;
  }
  if (!("who" in one)) return;
  if (one.do === "cancel") {
    const runId = scene.runIds[one.who % Math.max(1, scene.runIds.length)];
    const run = runKey("default", runId ?? "none");
    return void (await scene.ask<"cancelRun">({ kind: "cancelRun", request: noRequest, run, cause: "" }));
  }
  const worker = scene.workers[one.who % Math.max(1, scene.workers.length)];
  if (worker === undefined) return;
  const { workerId, session } = worker;
  const { sessionId } = session;
  if (one.do === "finish") {
    const [held] = await scene.held(worker);
    if (held === undefined) return;
    const { run, name: action, attempt, epoch } = held;
    return scene.finish(worker, { run, action, attempt, epoch });
  }
  if (one.do === "credit") session.addCredit(1);
  else if (one.do === "evict")
    await scene.ask<"evictWorker">({ kind: "evictWorker", ...of, workerId, cause: "" });
  else if (one.do === "drain") await scene.ask<"drainWorker">({ kind: "drainWorker", ...of, workerId });
  else {
    await scene.ask<"leave">({ kind: "leave", sessionId, cause: "" });
    session.close();
  }
}

function contentOf(name: string, concurrentMax: number): LimitContent {
  const common = { concurrentMax, rate: undefined, shareWeight: 1 };
  if (name === "limitUser") return { ...common, scope: { kind: "label", name: "user", value: undefined } };
  if (name === "limitOp") return { ...common, scope: { kind: "op", op: "work" } };
  const rate = { count: concurrentMax + 1, periodMs: 1_000 };
  return { scope: { kind: "label", name: "user", value: "ada" }, concurrentMax: 0, rate, shareWeight: 1 };
}

describe("whatever happens to workers, work and limits", () => {
  test("nothing waits that a worker with room and credit could take", async () => {
    const pause = fc.boolean();
    const property = fc.asyncProperty(
      fc.array(fc.tuple(step, pause), { minLength: 5, maxLength: 40, size: "max" }),
      (steps) =>
        withScene(async (scene) => {
          for (const [one, isSettled] of steps) {
            await takeStep(scene, one);
            if (isSettled) await settle();
          }
          // What a limit let out and nobody can hold keeps its place from the next one for a second.
          for (let seconds = 0; (await scene.forgotten()).length > 0 && seconds < 15; seconds += 1) {
            await scene.clock.advance(1_000);
          }
          expect(await scene.forgotten()).toEqual([]);
        }),
    );
    await fc.assert(property, { numRuns: 150 });
  });
});
