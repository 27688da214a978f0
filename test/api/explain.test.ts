import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ExplainActionResponse_Cause as Cause } from "../../gen/signalbox/v1/explanation_pb.ts";
import { explainAction } from "../../src/api/explain.ts";
import type { CommandKind, CommandOf } from "../../src/core/command.ts";
import type { LimitContent } from "../../src/core/limits/limit.ts";
import { runKey } from "../../src/core/name.ts";
import { noCapacity, type Resources } from "../../src/core/placement/demand.ts";
import type { Session } from "../../src/core/session.ts";
import type { AttemptReference, NewTask } from "../../src/core/stated.ts";
import { Engine } from "../../src/engine/engine.ts";
import { passedOverMsMax } from "../../src/limits.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { KeptLog, KeptOutlet, settings } from "../engine/support.ts";
import { noRequest, theTask } from "../support/builders.ts";
import { FakeClock, settle } from "../support/fake-clock.ts";

let clock: FakeClock;
let engine: Engine;

beforeEach(async () => {
  clock = new FakeClock();
  engine = new Engine({
    store: new MemoryStore(),
    clock,
    chance: { next: () => 0.5 },
    log: new KeptLog(),
    settings: { ...settings, leaseMs: 3_600_000, acceptTimeoutMs: 3_600_000 },
  });
  await engine.start();
});

afterEach(async () => {
  await engine.stop();
});

async function ask<K extends CommandKind>(command: CommandOf<K>) {
  const outcome = await engine.execute<K>(command);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.refusal));
  return outcome.answer;
}

/** Attaches a worker of the op `work`, which permits so many assignments. */
async function attach(workerId: string, said: Partial<Session> & { readonly credit?: number } = {}) {
  const { credit = 1, ...more } = said;
  const { session } = await ask<"attach">({
    kind: "attach",
    newSessionId: engine.newSessionId(),
    namespace: "default",
    workerId,
    incarnation: "1",
    ops: ["work"],
    labels: {},
    capacity: noCapacity,
    taints: [],
    sharedNamespaces: [],
    running: [],
    leaseMs: 3_600_000,
    ...more,
  });
  const outlet = new KeptOutlet();
  const open = engine.sessions.open(session, outlet);
  if (credit > 0) open.addCredit(credit);
  return { session, open, outlet };
}

const nothing: Resources = {
  cpuMilli: undefined,
  ramMb: undefined,
  vramMb: undefined,
  deviceCount: undefined,
  deviceIndex: undefined,
};
const ram = (ramMb: number) => ({ ...nothing, ramMb });
const withRam = (ramMb: number) => ({ ...noCapacity, ramMb });

/** Creates a run of one task. */
async function create(
  runId: string,
  task: Partial<NewTask> = {},
  { namespace = "default", labels = {}, priority = 0 } = {},
) {
  await ask<"createRun">({
    kind: "createRun",
    request: noRequest,
    namespace,
    runId,
    newRunId: engine.newRunId(),
    labels,
    priority,
    timeoutMs: undefined,
    delivery: undefined,
    createdBy: "anonymous",
    work: { task: { ...theTask(), ...task } },
  });
  await settle();
}

async function explain(runId: string, namespace = "default") {
  const action = await engine.store.action(runKey(namespace, runId), "main");
  if (action === undefined) throw new Error(`no run ${runId}`);
  return explainAction(engine, action);
}

async function succeed(attempt: AttemptReference | undefined, sessionId: string) {
  if (attempt === undefined) throw new Error("nothing was assigned");
  const reports = [{ attempt, sequence: 1, content: { kind: "succeeded", outputs: {} } as const }];
  await ask<"report">({ kind: "report", sessionId, reports });
  await settle();
}

const setLimit = (name: string, content: Partial<LimitContent>) =>
  ask<"setLimit">({
    kind: "setLimit",
    request: noRequest,
    namespace: "default",
    name,
    content: {
      scope: { kind: "op", op: "work" },
      concurrentMax: 0,
      rate: undefined,
      shareWeight: 1,
      ...content,
    },
  });

describe("a queued task", () => {
  test("that no worker takes says so, and what to do", async () => {
    await create("r1");
    expect(await explain("r1")).toMatchObject({
      cause: Cause.NO_WORKER,
      message: expect.stringContaining("no attached worker takes op work; start one that does"),
      workerCount: 0,
    });
  });

  test("G-153 that no worker could ever hold names every demand, with the best there is", async () => {
    await attach("w1", { capacity: { cpuMilli: 2_000, ramMb: 8_000, devices: [] }, labels: { zone: "a" } });
    await attach("w2", { capacity: { cpuMilli: 4_000, ramMb: 4_000, devices: [] } });
    await create("r1", {
      resources: { ...nothing, cpuMilli: 16_000, ramMb: 64_000 },
      placement: { workerLabels: { zone: "b" }, tolerations: [] },
    });
    expect(await explain("r1")).toMatchObject({
      cause: Cause.NO_WORKER_FITS,
      message:
        "no attached worker of op work could ever hold it (cpu 16: the largest worker has 4, and 2 more); " +
        "start one that could, or have the task ask for less",
      unmet: [
        "cpu 16: the largest worker has 4",
        "ram_mb 64000: the largest worker has 8000",
        'worker label zone "b": workers have "a"',
      ],
      workerCount: 2,
    });
  });

  test("G-154 that fits no worker at the moment says so, and after 30 s that one is kept free for it", async () => {
    const { outlet, session } = await attach("w1", { capacity: withRam(10), credit: 5 });
    await attach("w2", { capacity: withRam(1), credit: 5 });
    await create("small", { resources: ram(4) });
    await create("big", { resources: ram(8) });
    expect(await explain("big")).toMatchObject({
      cause: Cause.NO_CAPACITY,
      message: "no worker of op work that could hold it has enough free, of 1; wait, or start more of them",
      workerCount: 2,
      queuePosition: 0,
      reserved: false,
    });
    await clock.advance(passedOverMsMax);
    await create("late", { resources: ram(4) });
    expect(await explain("big")).toMatchObject({
      cause: Cause.NO_CAPACITY,
      message: expect.stringContaining("one is kept free for it"),
      reserved: true,
    });
    await succeed(outlet.assignments[0]?.attempt, session.id);
    expect(outlet.assignments.map(({ attempt }) => attempt.run)).toEqual(["default/small", "default/big"]);
  });

  test("whose workers all have enough to do says so", async () => {
    await attach("w1", { capacity: withRam(10), credit: 1 });
    await attach("w2", { credit: 3 });
    await create("r1", { resources: ram(1) });
    await create("r2", { resources: ram(1) });
    expect(await explain("r2")).toMatchObject({
      cause: Cause.NO_CREDIT,
      message: "every worker of op work that could hold it is busy, 1 in all; wait, or start more of them",
      workerCount: 2,
    });
  });

  test("counts those of its op that come before it, whatever they ask for", async () => {
    await attach("w1", { credit: 0, capacity: withRam(10) });
    await create("r1", { resources: ram(1) });
    await create("r2");
    await create("r3", { resources: ram(2) });
    await create("r4", {}, { priority: 1 });
    expect((await explain("r3")).queuePosition).toBe(3);
    expect((await explain("r4")).queuePosition).toBe(0);
  });

  test("that a limit holds up names it and who takes it up", async () => {
    await attach("w1", { credit: 10 });
    await setLimit("two", { concurrentMax: 2 });
    for (const runId of ["r1", "r2", "r3"]) await create(runId);
    expect(await explain("r3")).toMatchObject({
      cause: Cause.LIMIT_FULL,
      message: "all 2 places of limit two are taken; wait for the end of one, or set it higher",
      limit: "two",
      holders: ["r1/main", "r2/main"],
      nextStartTime: undefined,
    });
  });

  test("that the limit of a label's value holds up names the value, and only who has that", async () => {
    await attach("w1", { credit: 10 });
    await setLimit("per-user", {
      scope: { kind: "label", name: "user", value: undefined },
      concurrentMax: 1,
    });
    await create("r1", {}, { labels: { user: "ada" } });
    await create("r2", {}, { labels: { user: "bob" } });
    await create("r3", {}, { labels: { user: "ada" } });
    expect(await explain("r3")).toMatchObject({
      cause: Cause.LIMIT_FULL,
      message: 'the one place of limit per-user for "ada" is taken; wait for its end, or set it higher',
      limit: "per-user",
      holders: ["r1/main"],
    });
  });

  test("that a rate holds up says when the next one may start, and starts then", async () => {
    const { outlet } = await attach("w1", { credit: 10 });
    await setLimit("slow", { rate: { count: 1, periodMs: 10_000 } });
    await create("r1");
    await clock.advance(1_000);
    await create("r2");
    const explained = await explain("r2");
    expect(explained).toMatchObject({ cause: Cause.LIMIT_FULL, limit: "slow", holders: [] });
    expect(Number(explained.nextStartTime?.seconds) * 1_000).toBe(clock.nowMs() + 9_000);
    expect(explained.message).toMatch(/^the rate of limit slow lets the next one start at 20\S+Z; wait, or/);
    await clock.advance(9_000);
    expect(outlet.assignments.length).toBe(2);
  });

  test("of a namespace that shares its workers counts and knows them", async () => {
    await attach("w1", { namespace: "default", sharedNamespaces: ["lab"], capacity: withRam(4), credit: 2 });
    await create("r1", { resources: ram(9) }, { namespace: "lab" });
    expect(await explain("r1", "lab")).toMatchObject({
      cause: Cause.NO_WORKER_FITS,
      unmet: ["ram_mb 9: the largest worker has 4"],
      workerCount: 1,
    });
  });

  test("counts no worker that drains", async () => {
    await attach("w1", { credit: 1 });
    await ask<"drainWorker">({
      kind: "drainWorker",
      request: noRequest,
      namespace: "default",
      workerId: "w1",
    });
    await create("r1");
    expect(await explain("r1")).toMatchObject({ cause: Cause.NO_WORKER, workerCount: 0 });
  });
});
