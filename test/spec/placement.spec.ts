import { describe, expect, test } from "vitest";
import { runKey } from "../../src/core/name.ts";
import { demandOf } from "../../src/core/placement/demand-of.ts";
import { placeOn, unmetDemands } from "../../src/core/placement/fit.ts";
import type { Labels } from "../../src/core/run.ts";
import { noRequest, theTask } from "../support/builders.ts";
import { type Asked, asking, capacity, createAll, give, placement, resources } from "../support/placing.ts";
import { sessionRow } from "../support/rows.ts";
import { World } from "../support/world.ts";

const r = (id: string) => runKey("default", id);

describe("the demand of a task", () => {
  test("is none if nothing is asked for", () => {
    expect(demandOf(undefined, undefined)).toBeUndefined();
    expect(demandOf(resources({}), placement({}))).toBeUndefined();
  });

  test.each([
    { one: { cpu: 1 }, other: { cpu: 1 }, isSame: true },
    { one: { cpu: 1 }, other: { cpu: 2 }, isSame: false },
    { one: { cpu: 0 }, other: { ramMb: 0 }, isSame: false },
    { one: { vramMb: 8 }, other: { vramMb: 8, deviceCount: 1 }, isSame: true },
    { one: { deviceCount: 1 }, other: { vramMb: 0 }, isSame: false },
    { one: { deviceIndex: 0 }, other: { deviceCount: 1 }, isSame: false },
  ])("of $one has the same shape as one of $other: $isSame", ({ one, other, isSame }) => {
    const [first, second] = [one, other].map((asked: Asked) => demandOf(resources(asked), undefined)?.shape);
    expect(first === second).toBe(isSame);
  });

  test("has a shape that the order of labels and tolerations makes no difference to", () => {
    const [a, b] = [
      { key: "a", value: "" },
      { key: "b", value: "1" },
    ];
    const one = demandOf(undefined, { workerLabels: { x: "1", y: "2" }, tolerations: [a, b] });
    const other = demandOf(undefined, { workerLabels: { y: "2", x: "1" }, tolerations: [b, a] });
    expect(one?.shape).toBe(other?.shape);
    expect(one?.shape).not.toBe(demandOf(undefined, placement({ workerLabels: { x: "1" } }))?.shape);
  });

  test("G-005 G-006 G-007 G-008 G-009 G-010 keeps what is not asked for apart from 0", () => {
    expect(demandOf(resources({ cpu: 0 }), undefined)?.resources).toEqual({
      cpuMilli: 0,
      ramMb: undefined,
      vramMb: undefined,
      deviceCount: undefined,
      deviceIndex: undefined,
    });
  });
});

const worker = {
  labels: { zone: "eu", constructor: "no" },
  taints: [],
  capacity: capacity({ cpu: 4, ramMb: 8000, devices: [8000, 16000] }),
};

describe("what a worker could never hold", () => {
  test.each<{ asked: Asked; unmet: readonly string[] }>([
    { asked: { cpu: 4, ramMb: 8000, vramMb: 16000 }, unmet: [] },
    { asked: { cpu: 0, ramMb: 0, vramMb: 0 }, unmet: [] },
    { asked: { cpu: 4.001 }, unmet: ["cpu 4.001: the worker has 4"] },
    { asked: { ramMb: 8001 }, unmet: ["ram_mb 8001: the worker has 8000"] },
    { asked: { vramMb: 24000 }, unmet: ["vram_mb 24000: the largest device has 16000"] },
    { asked: { vramMb: 9000, deviceIndex: 0 }, unmet: ["vram_mb 9000: device 0 has 8000"] },
    { asked: { deviceIndex: 2 }, unmet: ["device_index 2: the worker has no such device"] },
    { asked: { deviceIndex: 1, deviceCount: 2 }, unmet: ["device_count 2: the worker has 1"] },
    { asked: { deviceCount: 3 }, unmet: ["device_count 3: the worker has 2"] },
    {
      asked: { deviceCount: 2, vramMb: 9000 },
      unmet: ["device_count 2 with vram_mb 9000: the worker has 1"],
    },
    { asked: { deviceCount: 2, vramMb: 8000 }, unmet: [] },
    { asked: { deviceCount: 0, vramMb: 99000 }, unmet: [] },
    {
      asked: { cpu: 5, ramMb: 9000 },
      unmet: ["cpu 5: the worker has 4", "ram_mb 9000: the worker has 8000"],
    },
  ])("G-151 G-153 G-155 of $asked: $unmet", ({ asked, unmet }) => {
    const demand = demandOf(resources(asked), undefined);
    expect(unmetDemands(demand, worker)).toEqual(unmet);
    const place = { ...sessionRow("s", worker) };
    expect(placeOn(demand, place) === undefined).toBe(unmet.length > 0);
  });

  test("G-008 is 0 of what it does not announce, and is not what nobody asks for", () => {
    const bare = { labels: {}, taints: [], capacity: capacity({}) };
    const zero = demandOf(resources({ cpu: 0, ramMb: 0, vramMb: 0 }), undefined);
    expect(unmetDemands(zero, bare)).toEqual([
      "cpu 0: the worker announces none",
      "ram_mb 0: the worker announces none",
      "vram_mb 0: the worker has no device",
    ]);
    expect(placeOn(zero, sessionRow("s", bare))).toBeUndefined();
    expect(unmetDemands(undefined, bare)).toEqual([]);
    expect(placeOn(undefined, sessionRow("s", bare))).toEqual({ deviceIndexes: [] });
  });

  test.each<{ given: string; workerLabels: Labels; unmet: readonly string[] }>([
    { given: "the label", workerLabels: { zone: "eu" }, unmet: [] },
    {
      given: "another value",
      workerLabels: { zone: "us" },
      unmet: ['worker label zone "us": the worker has "eu"'],
    },
    {
      given: "no such label",
      workerLabels: { rack: "1" },
      unmet: ['worker label rack "1": the worker has no such label'],
    },
    {
      given: "a label that every JavaScript object has",
      workerLabels: { toString: "1" },
      unmet: ['worker label toString "1": the worker has no such label'],
    },
    { given: "the name of such one as a label", workerLabels: { constructor: "no" }, unmet: [] },
  ])("is by its labels what asks for $given", ({ workerLabels, unmet }) => {
    const demand = demandOf(undefined, placement({ workerLabels }));
    expect(unmetDemands(demand, worker)).toEqual(unmet);
    expect(placeOn(demand, sessionRow("s", worker)) === undefined).toBe(unmet.length > 0);
  });

  test.each([
    { given: "nothing", tolerations: undefined, isBorne: false },
    { given: "another taint", tolerations: [{ key: "spot", value: "" }], isBorne: false },
    { given: "another value", tolerations: [{ key: "team", value: "b" }], isBorne: false },
    { given: "the taint", tolerations: [{ key: "team", value: "a" }], isBorne: true },
    { given: "every value of its key", tolerations: [{ key: "team", value: "" }], isBorne: true },
  ])("is by its taints what bears $given", ({ tolerations, isBorne }) => {
    const tainted = { ...worker, taints: [{ key: "team", value: "a" }] };
    const demand = tolerations === undefined ? undefined : demandOf(undefined, placement({ tolerations }));
    const unmet = isBorne ? [] : ['taint team "a": the task does not tolerate it'];
    expect(unmetDemands(demand, tainted)).toEqual(unmet);
    expect(placeOn(demand, sessionRow("s", tainted)) === undefined).toBe(!isBorne);
  });
});

describe("a task goes", () => {
  test("G-151 only where all that it asks for is free, and what asks for nothing goes anywhere", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ cpu: 2, ramMb: 1000 }) });
    createAll(world, {
      a: asking({ cpu: 1, ramMb: 600 }),
      b: asking({ cpu: 1, ramMb: 600 }),
      c: asking({ cpu: 2 }),
      d: asking({ ramMb: 400 }),
      e: asking({ cpu: 1 }),
      f: theTask(),
    });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a", "s1: d", "s1: e", "s1: f"]);
    expect(world.state.session("s1")?.reserved).toEqual({ cpuMilli: 2000, ramMb: 1000, devices: [] });
  });

  test("G-155 whole to one device: two of 8000 MB do not hold 12000", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ devices: [8000, 8000] }) });
    createAll(world, {
      a: asking({ vramMb: 12000 }),
      b: asking({ vramMb: 5000 }),
      c: asking({ vramMb: 5000 }),
    });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b on 0", "s1: c on 1"]);
  });

  test("G-155 to any device that is large enough, not only to the first ones", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ devices: [4000, 8000, 2000] }) });
    createAll(world, { a: asking({ vramMb: 8000 }), b: asking({ deviceIndex: 2, vramMb: 2000 }) });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a on 1", "s1: b on 2"]);
  });

  test("beside others to one device as long as its memory lasts, and where least is left", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ devices: [16000, 8000] }) });
    createAll(world, {
      a: asking({ vramMb: 6000 }),
      b: asking({ vramMb: 6000 }),
      c: asking({ vramMb: 2000 }),
      d: asking({ vramMb: 10000 }),
      e: asking({ vramMb: 1 }),
    });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a on 1", "s1: b on 0", "s1: c on 1", "s1: d on 0"]);
  });

  test("alone to whole devices if it asks for a count and no memory", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ devices: [8000, 8000, 8000] }) });
    createAll(world, {
      a: asking({ vramMb: 1000 }),
      b: asking({ deviceCount: 2 }),
      c: asking({ vramMb: 8000 }),
      d: asking({ vramMb: 7000 }),
      e: asking({ deviceCount: 1 }),
    });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a on 0", "s1: b on 1 and 2", "s1: d on 0"]);
    expect(world.state.session("s1")?.reserved.devices).toEqual([
      { index: 0, vramMb: 8000, actionCount: 2, whole: false },
      { index: 1, vramMb: 0, actionCount: 1, whole: true },
      { index: 2, vramMb: 0, actionCount: 1, whole: true },
    ]);
  });

  test("to as many devices as it asks for, each with all the memory", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ devices: [8000, 4000, 8000] }) });
    createAll(world, { a: asking({ vramMb: 5000, deviceCount: 2 }), b: asking({ vramMb: 5000 }) });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a on 0 and 2"]);
  });

  test("G-011 G-024 to the device that it names, of which 0 is one", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ devices: [8000, 8000] }) });
    createAll(world, {
      a: asking({ deviceIndex: 1 }),
      b: asking({ deviceIndex: 0, vramMb: 1 }),
      c: asking({ deviceIndex: 1 }),
    });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a on 1", "s1: b on 0"]);
    world.accept([world.reference("main", r("b"))]);
    world.report(world.reference("main", r("b")), { kind: "succeeded", outputs: {} });
    expect(world.action("main", r("b")).deviceIndexes).toEqual([0]);
    expect(world.attempts("main", r("b"))).toMatchObject([{ deviceIndexes: [0], workerId: "w" }]);
    expect(world.eventsOf("action_assigned")).toMatchObject([
      { detail: { deviceIndexes: [1] } },
      { detail: { deviceIndexes: [0] } },
    ]);
  });

  test("where it leaves least free, so that room for large ones stays whole", () => {
    const world = new World();
    world.attach("large", { capacity: capacity({ cpu: 8 }) });
    world.attach("small", { capacity: capacity({ cpu: 2 }) });
    createAll(world, {
      a: asking({ cpu: 1 }),
      b: asking({ cpu: 1 }),
      c: asking({ cpu: 8 }),
      d: asking({ cpu: 1 }),
    });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s2: a", "s2: b", "s1: c"]);
  });

  test("where others already are, among equals", () => {
    const world = new World();
    for (const workerId of ["v", "w"]) world.attach(workerId, { capacity: capacity({ cpu: 4 }) });
    createAll(world, {
      a: asking({ cpu: 1 }),
      b: asking({ cpu: 1 }),
      c: asking({ cpu: 1 }),
      d: asking({ cpu: 4 }),
    });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s1: a", "s1: b", "s1: c", "s2: d"]);
  });

  test("to a worker without devices before one with some, if it asks for none", () => {
    const world = new World();
    world.attach("gpu", { capacity: capacity({ cpu: 4, devices: [8000] }) });
    world.attach("plain", { capacity: capacity({ cpu: 16 }) });
    createAll(world, { a: asking({ cpu: 4 }), b: asking({ cpu: 12 }), c: asking({ cpu: 4 }) });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s2: a", "s2: b", "s1: c"]);
  });

  test("to the session with the most credit left, if it asks for labels only", () => {
    const world = new World();
    for (const workerId of ["v", "w"]) world.attach(workerId, { labels: { zone: "eu" } });
    world.attach("x");
    const task = theTask({ placement: placement({ workerLabels: { zone: "eu" } }) });
    createAll(world, { a: task, b: task, c: task });
    expect(give(world, { s1: 2, s2: 3, s3: 9 }).given).toEqual(["s2: a", "s1: b", "s2: c"]);
  });

  test("to no worker whose taints it does not bear", () => {
    const world = new World();
    world.attach("w", { taints: [{ key: "team", value: "a" }] });
    const borne = placement({ tolerations: [{ key: "team", value: "a" }] });
    createAll(world, { a: theTask(), b: theTask({ placement: borne }) });
    expect(give(world, { s1: 9 })).toMatchObject({ given: ["s1: b"], blockedQueues: ["default/work"] });
  });

  test("G-153 nowhere while no worker could ever hold it, and stays QUEUED", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ cpu: 2 }) });
    createAll(world, { a: asking({ cpu: 3 }) });
    expect(give(world, { s1: 9 })).toEqual({
      given: [],
      emptyQueues: [],
      blockedQueues: ["default/work"],
      againMs: undefined,
    });
    expect(world.action("main", r("a")).state).toBe("QUEUED");
    world.attach("larger", { capacity: capacity({ cpu: 3 }) });
    expect(give(world, { s2: 9 })).toMatchObject({ given: ["s2: a"], emptyQueues: ["default/work"] });
  });

  test("G-110 G-113 from QUEUED to ASSIGNED, with its worker's name, and G-111 G-112 only from there", () => {
    const world = new World();
    world.attach();
    createAll(world, { a: theTask() });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a"]);
    expect(world.action("main", r("a"))).toMatchObject({ state: "ASSIGNED", workerId: "w", attempt: 1 });
    expect(give(world, { s1: 9 }).given).toEqual([]);
    world.accept([world.reference("main", r("a"))]);
    expect(give(world, { s1: 9 }).given).toEqual([]);
    world.report(world.reference("main", r("a")), { kind: "succeeded", outputs: {} });
    expect(give(world, { s1: 9 }).given).toEqual([]);
    expect(world.attempts("main", r("a"))).toMatchObject([{ workerId: "w" }]);
  });
});

describe("what a task asked for is reserved", () => {
  /** A worker that holds a task of all that it has, and one more such task waits. */
  function full(state: "ASSIGNED" | "RUNNING"): World {
    const world = new World();
    world.attach("w", { capacity: all });
    const retry = { maxAttempts: 3, initialBackoffMs: 1 };
    createAll(world, { a: asking(wanted, { retry }), b: asking(wanted) });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a on 0"]);
    if (state === "RUNNING") world.accept([world.reference("main", r("a"))]);
    return world;
  }
  const wanted = { cpu: 2, ramMb: 100, vramMb: 500 };
  const all = capacity({ cpu: 2, ramMb: 100, devices: [500] });
  const a = (world: World) => world.reference("main", r("a"));
  const error = { type: "Broken", message: "it broke", stack: "", nonRetryable: true };

  test.each([
    {
      when: "it succeeds",
      state: "RUNNING",
      act: (world: World) => void world.report(a(world), { kind: "succeeded", outputs: {} }),
    },
    {
      when: "it fails for good",
      state: "RUNNING",
      act: (world: World) => void world.report(a(world), { kind: "failed", error }),
    },
    {
      when: "its attempt fails and another one follows",
      state: "RUNNING",
      act: (world: World) =>
        void world.report(a(world), { kind: "failed", error: { ...error, nonRetryable: false } }),
    },
    { when: "it is declined", state: "ASSIGNED", act: (world: World) => void world.decline(a(world)) },
    {
      when: "nobody accepts it",
      state: "ASSIGNED",
      act: (world: World) => void world.at(world.nowMs + 10_000),
    },
    {
      when: "it is cancelled and stops",
      state: "RUNNING",
      act: (world: World) => {
        world.cancel(r("a"));
        world.report(a(world), { kind: "stopped", message: "" });
      },
    },
    {
      when: "its grace is over",
      state: "RUNNING",
      act: (world: World) => {
        world.cancel(r("a"));
        world.at(world.nowMs + 10_000);
      },
    },
  ] as const)("G-152 G-114 until $when, and then given to the next", ({ state, act }) => {
    const world = full(state);
    expect(give(world, { s1: 9 })).toMatchObject({ given: [], blockedQueues: ["default/work"] });
    const effectCount = world.effects.length;
    act(world);
    expect(world.state.session("s1")?.reserved).toEqual({ cpuMilli: 0, ramMb: 0, devices: [] });
    expect(world.effects.slice(effectCount)).toContainEqual({ kind: "freed" });
    expect(give(world, { s1: 9 }).given[0]).toMatch(/^s1: [ab] on 0$/);
  });

  test.each([
    {
      when: "it reports progress",
      act: (world: World) => void world.report(a(world), { kind: "progress", percent: 5, message: "" }),
    },
    { when: "a cancel is asked for", act: (world: World) => void world.cancel(r("a")) },
    {
      when: "its worker detaches",
      act: (world: World) => void world.do({ kind: "detach", sessionId: "s1" }),
    },
    {
      when: "the server starts again",
      act: (world: World) => void world.do({ kind: "boot", leaseMs: 1000 }),
    },
  ])("G-152 still when $when", ({ act }) => {
    const world = full("RUNNING");
    const { reserved } = world.state.session("s1") ?? {};
    act(world);
    expect(world.state.session("s1")?.reserved).toEqual(reserved);
  });

  test("G-158 of the session that its worker attaches with next, if it still runs it", () => {
    const world = full("RUNNING");
    const { reserved } = world.state.session("s1") ?? {};
    world.attach("w", { capacity: all, running: [a(world)] });
    expect(world.state.session("s1")).toBeUndefined();
    expect(world.state.session("s2")?.reserved).toEqual(reserved);
    world.attach("w", { capacity: all, running: [] });
    expect(world.state.session("s3")?.reserved).toEqual({ cpuMilli: 0, ramMb: 0, devices: [] });
  });

  test("of a worker that attaches with less than it holds, which gets nothing more until that ends", () => {
    const world = full("RUNNING");
    world.attach("w", { capacity: capacity({ cpu: 1, ramMb: 500 }), running: [a(world)] });
    expect(world.state.session("s2")?.reserved).toMatchObject({ cpuMilli: 2000, devices: [{ index: 0 }] });
    createAll(world, { c: asking({ cpu: 1 }), d: asking({ cpu: 0 }), e: asking({ ramMb: 1 }) });
    expect(give(world, { s2: 9 }).given).toEqual(["s2: e"]);
    world.report(a(world), { kind: "succeeded", outputs: {} });
    expect(give(world, { s2: 9 }).given).toEqual(["s2: c", "s2: d"]);
  });

  test.each([
    {
      when: "leaves",
      act: (world: World) => world.do({ kind: "leave", sessionId: "s1", cause: "" }),
      type: "LeaseExpired",
    },
    {
      when: "is silent until its lease is over",
      act: (world: World) => world.at(2_000_000),
      type: "LeaseExpired",
    },
    { when: "is evicted", act: (world: World) => evict(world), type: "Evicted" },
    {
      when: "loses its place to another process",
      act: (world: World) => world.attach("w", { incarnation: "2" }),
      type: "LeaseExpired",
    },
  ])(
    "G-156 G-157 until its worker $when: what ran has failed, and its reports are refused",
    ({ act, type }) => {
      const world = full("RUNNING");
      const lost = a(world);
      act(world);
      expect(world.state.session("s1")).toBeUndefined();
      expect(world.attempts("main", r("a"))).toMatchObject([{ number: 1, state: "FAILED", error: { type } }]);
      expect(world.report(lost, { kind: "succeeded", outputs: {} })).toMatchObject({ reason: "STALE_EPOCH" });
      world.attach("v", { capacity: all });
      world.at(world.nowMs + 10);
      expect(give(world, { [world.sessionOf("v")]: 9 }).given).toHaveLength(1);
    },
  );
});

function evict(world: World, workerId = "w", requestId = "") {
  const request = { requestId, digest: requestId };
  return world.do<"evictWorker">({
    kind: "evictWorker",
    request,
    namespace: "default",
    workerId,
    cause: "hot",
  });
}

describe("a worker that is evicted", () => {
  test("G-156 gives back what it has not started, and what it has started has failed as Evicted", () => {
    const world = new World();
    world.attach();
    const retry = { maxAttempts: 2, initialBackoffMs: 5000 };
    createAll(world, { a: theTask(), b: theTask({ retry }), c: theTask() });
    give(world, { s1: 9 });
    world.accept([world.reference("main", r("a")), world.reference("main", r("b"))]);
    const done = evict(world);
    expect(done).toMatchObject({ ok: true, answer: { releasedCount: 3 } });
    const message = "its worker was evicted: hot";
    expect(world.action("main", r("a"))).toMatchObject({
      state: "FAILED",
      error: { type: "Evicted", message },
    });
    expect(world.action("main", r("b"))).toMatchObject({
      state: "PENDING",
      attempt: 1,
      error: { type: "Evicted" },
    });
    expect(world.action("main", r("c"))).toMatchObject({ state: "PENDING", attempt: 0 });
    expect(world.eventsOf("worker_left")).toMatchObject([{ detail: { workerId: "w", cause: "evicted" } }]);
    expect(world.effects).toContainEqual({ kind: "gone", sessionId: "s1", cause: "evicted" });
    expect(world.run(r("a")).state).toBe("FAILED");
    world.attach();
    world.at(world.nowMs + 1000);
    expect(give(world, { s2: 9 }).given).toEqual(["s2: c"]);
  });

  test("is evicted once by a request id, and not found when it is gone", () => {
    const world = new World();
    world.attach();
    expect(evict(world, "w", "x")).toMatchObject({ ok: true, answer: { releasedCount: 0 } });
    world.attach();
    expect(evict(world, "w", "x")).toMatchObject({ ok: true, answer: { releasedCount: 0 } });
    expect(world.state.session("s2")).toBeDefined();
    expect(evict(world, "nobody")).toMatchObject({ ok: false, refusal: { reason: "WORKER_NOT_FOUND" } });
    const request = { requestId: "x", digest: "other" };
    const other = { kind: "evictWorker", request, namespace: "default", workerId: "w", cause: "" } as const;
    expect(world.do(other)).toMatchObject({ ok: false, refusal: { reason: "REQUEST_ID_REUSED" } });
  });
});

describe("devices that are announced twice", () => {
  test("count once", () => {
    const world = new World();
    const device = { index: 0, kind: "gpu", vramMb: 8000 };
    world.attach("w", { capacity: { ...capacity({}), devices: [device, device] } });
    createAll(world, {
      both: asking({ deviceCount: 2 }),
      a: asking({ vramMb: 8000 }),
      b: asking({ vramMb: 8000 }),
    });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a on 0"]);
  });
});

test("every request that changes nothing of what is held leaves sessions as they are", () => {
  const world = new World();
  world.attach("w", { capacity: capacity({ cpu: 1 }) });
  world.create({ task: asking({ cpu: 1 }) });
  const before = world.state.session("s1");
  world.do({
    kind: "updateRun",
    request: noRequest,
    run: r("r"),
    priority: 3,
    setLabels: {},
    removeLabels: [],
  });
  expect(world.state.session("s1")).toBe(before);
});
