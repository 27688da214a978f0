import { describe, expect, test } from "vitest";
import { runKey } from "../../src/core/name.ts";
import { type Demand, nothingReserved, type Reserved } from "../../src/core/placement/demand.ts";
import { demandOf } from "../../src/core/placement/demand-of.ts";
import { shareMissing } from "../../src/core/placement/shortfall.ts";
import { keptFreeTasksMax, linesPerAssignMax, passedOverMsMax } from "../../src/limits.ts";
import { noRequest, theTask } from "../support/builders.ts";
import {
  type Asked,
  asking,
  capacity,
  createAll,
  give,
  placement,
  resources,
  setLimit,
} from "../support/placing.ts";
import { World } from "../support/world.ts";

/** Runs `<namespace>0`, `<namespace>1` … of a namespace. */
function queue(world: World, namespace: string, count: number, task = theTask()): void {
  const ids = Array.from({ length: count }, (_, index) => `${namespace}${index}`);
  createAll(world, Object.fromEntries(ids.map((id) => [id, task])), { namespace });
}

function finish(world: World, namespace: string, runId: string): void {
  const attempt = world.reference("main", runKey(namespace, runId));
  expect(world.report(attempt, { kind: "succeeded", outputs: {} })).toBeUndefined();
}

/** What is assigned is accepted, so that it is held on. */
function acceptAll(world: World): void {
  const assigned = world.state.allActions().filter(({ state }) => state === "ASSIGNED");
  world.accept(assigned.map(({ run, name }) => world.reference(name, run)));
}

const share = { scope: { kind: "namespace" }, concurrentMax: 0 } as const;

describe("namespaces that share a worker", () => {
  test("take turns by what they hold of it, however much they have queued and since when", () => {
    const world = new World();
    world.attach("w", { namespace: "a", sharedNamespaces: ["b"] });
    queue(world, "a", 6);
    queue(world, "b", 3);
    const names = give(world, { s1: 6 }).given.map((given) => given.replace(/^s1: ./, ""));
    expect(names).toEqual(["/a0", "/b0", "/a1", "/b1", "/a2", "/b2"]);
    expect(world.state.counter("a//")?.heldCount).toBe(3);
    expect(world.state.counter("b//")?.heldCount).toBe(3);
  });

  test("take it by their weights", () => {
    const world = new World();
    setLimit(world, { ...share, shareWeight: 3 }, "weight", "a");
    world.attach("w", { namespace: "a", sharedNamespaces: ["b"] });
    queue(world, "a", 9);
    queue(world, "b", 9);
    expect(give(world, { s1: 8 }).given.filter((given) => given.startsWith("s1: a/"))).toHaveLength(6);
  });

  test("leave it to the one that has work", () => {
    const world = new World();
    world.attach("w", { namespace: "a", sharedNamespaces: ["b"] });
    queue(world, "b", 3);
    expect(give(world, { s1: 9 })).toMatchObject({
      given: ["s1: b/b0", "s1: b/b1", "s1: b/b2"],
      emptyQueues: ["a/work", "b/work"],
    });
  });

  test("come back to it with what they have given back", () => {
    const world = new World();
    world.attach("w", { namespace: "a", sharedNamespaces: ["b"] });
    queue(world, "a", 3);
    give(world, { s1: 2 });
    queue(world, "b", 3);
    expect(give(world, { s1: 1 }).given).toEqual(["s1: b/b0"]);
    for (const id of ["a0", "a1"]) finish(world, "a", id);
    expect(give(world, { s1: 2 }).given).toEqual(["s1: a/a2", "s1: b/b1"]);
    for (const id of ["b0", "b1"]) finish(world, "b", id);
    finish(world, "a", "a2");
    expect(world.state.counters.size).toBe(0);
  });

  test("do not compare their priorities, which hold in each", () => {
    const world = new World();
    world.attach("w", { namespace: "a", sharedNamespaces: ["b"] });
    queue(world, "a", 2);
    createAll(world, { low: theTask() }, { namespace: "b", priority: 50 });
    createAll(world, { high: theTask() }, { namespace: "b", priority: 90 });
    expect(give(world, { s1: 4 }).given).toEqual(["s1: a/a0", "s1: b/high", "s1: a/a1", "s1: b/low"]);
  });

  test("count nothing of workers of their own", () => {
    const world = new World();
    world.attach("own", { namespace: "a" });
    queue(world, "a", 2);
    give(world, { s1: 2 });
    expect(world.state.counters.size).toBe(0);
  });

  test("each have their limits on it", () => {
    const world = new World();
    setLimit(world, { scope: { kind: "namespace" }, concurrentMax: 1 }, "limit", "b");
    world.attach("w", { namespace: "a", sharedNamespaces: ["b"] });
    queue(world, "a", 2);
    queue(world, "b", 2);
    expect(give(world, { s1: 9 })).toMatchObject({
      given: ["s1: a/a0", "s1: b/b0", "s1: a/a1"],
      emptyQueues: ["a/work"],
      blockedQueues: ["b/work"],
    });
  });
});

describe("a large task that fits nowhere at the moment", () => {
  /** Two workers, each with a running task on half of it, and a task that wants a whole one. */
  function waiting(): World {
    const world = new World();
    world.attach("v", { capacity: capacity({ cpu: 4, ramMb: 400 }) });
    world.attach("w", { capacity: capacity({ cpu: 4, ramMb: 400 }) });
    createAll(world, { v: asking({ cpu: 3 }), w: asking({ cpu: 2 }) });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: v"]);
    expect(give(world, { s2: 1 }).given).toEqual(["s2: w"]);
    for (const id of ["v", "w"]) world.accept([world.reference("main", runKey("default", id))]);
    createAll(world, { large: asking({ cpu: 4 }) });
    return world;
  }
  const small = asking({ cpu: 1 });

  test("G-154 is passed over at first by smaller ones, also of lower priority", () => {
    const world = waiting();
    createAll(world, { x: small, y: small, z: small }, { priority: -1 });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s1: x", "s2: y", "s2: z"]);
  });

  test("G-154 has the worker that misses the least kept free from then on, and starts there", () => {
    const world = waiting();
    world.at(world.nowMs + passedOverMsMax);
    createAll(world, { x: small, y: small, z: small });
    expect(give(world, { s1: 9, s2: 9 })).toEqual({
      given: ["s1: x"],
      emptyQueues: [],
      blockedQueues: ["default/work"],
      againMs: world.nowMs + 1000,
    });
    finish(world, "default", "w");
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s2: large"]);
  });

  test("G-154 has one worker more kept free each time it has waited that long again", () => {
    const world = waiting();
    world.at(world.nowMs + 2 * passedOverMsMax);
    createAll(world, { x: small, y: small });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual([]);
    finish(world, "default", "v");
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s1: large", "s2: x", "s2: y"]);
  });

  test("G-154 lets others take on the worker that is kept free what it does not miss there", () => {
    const world = waiting();
    world.at(world.nowMs + 2 * passedOverMsMax);
    createAll(world, { memory: asking({ ramMb: 300 }), none: theTask() });
    const { given } = give(world, { s1: 0, s2: 9 });
    expect(given).toEqual(["s2: memory", "s2: none"]);
  });

  test("G-154 is passed over all the time by what comes before it, such as a higher priority", () => {
    const world = waiting();
    world.at(world.nowMs + 2 * passedOverMsMax);
    createAll(world, { high: small }, { priority: 1 });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s1: high"]);
  });

  test("holds up nobody once it is cancelled", () => {
    const world = waiting();
    world.at(world.nowMs + 2 * passedOverMsMax);
    createAll(world, { x: small });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual([]);
    world.cancel(runKey("default", "large"));
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s1: x"]);
  });

  test("holds up nobody while no worker could ever hold it, or while a limit holds it up itself", () => {
    const world = waiting();
    createAll(world, { huge: asking({ cpu: 5 }) });
    setLimit(world, { scope: { kind: "label", name: "team", value: undefined } });
    world.cancel(runKey("default", "large"));
    createAll(world, { one: theTask(), limited: asking({ cpu: 4 }) }, { labels: { team: "a" } });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: one"]);
    world.accept([world.reference("main", runKey("default", "one"))]);
    world.at(world.nowMs + 9 * passedOverMsMax);
    createAll(world, { x: small, y: small });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s1: x", "s2: y"]);
    expect(world.action("main", runKey("default", "limited")).parkedOn).toBe("default/limit/a");
  });

  test("G-154 is not passed over by younger ones of another namespace either, whoever's turn it is", () => {
    const world = new World();
    const shared = { namespace: "a", sharedNamespaces: ["b"], capacity: capacity({ cpu: 4 }) };
    world.attach("w", shared);
    createAll(world, { holder: asking({ cpu: 1 }), large: asking({ cpu: 4 }) }, { namespace: "a" });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: a/holder"]);
    world.accept([world.reference("main", runKey("a", "holder"))]);
    world.at(world.nowMs + passedOverMsMax);
    createAll(world, { small }, { namespace: "b" });
    expect(give(world, { s1: 9 })).toMatchObject({ given: [], blockedQueues: ["a/work", "b/work"] });
    finish(world, "a", "holder");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a/large"]);
  });

  test("G-154 waits anew each time it is queued again, however old it is", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ cpu: 4 }) });
    createAll(world, { large: asking({ cpu: 4 }) });
    world.at(passedOverMsMax);
    expect(give(world, { s1: 1 }).given).toEqual(["s1: large"]);
    world.decline(world.reference("main", runKey("default", "large")));
    createAll(world, { holder: asking({ cpu: 1 }) });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: holder"]);
    acceptAll(world);
    world.at(world.nowMs + 1000);
    expect(world.action("main", runKey("default", "large")).state).toBe("QUEUED");
    createAll(world, { small });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: small"]);
  });

  test("G-154 has no worker kept free that drains: the next one is", () => {
    const world = waiting();
    world.at(world.nowMs + passedOverMsMax);
    world.do<"drainWorker">({
      kind: "drainWorker",
      request: noRequest,
      namespace: "default",
      workerId: "w",
    });
    createAll(world, { x: small });
    expect(give(world, { s1: 9 }).given).toEqual([]);
  });

  test("G-154 has the worker kept free that misses the least by then, in the middle of a command too", () => {
    const world = new World();
    world.attach("v", { capacity: capacity({ cpu: 4 }), labels: { zone: "v" } });
    world.attach("w", { capacity: capacity({ cpu: 4 }) });
    createAll(world, { v: asking({ cpu: 1 }), w: asking({ cpu: 2 }) });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: v"]);
    expect(give(world, { s2: 1 }).given).toEqual(["s2: w"]);
    acceptAll(world);
    createAll(world, { large: asking({ cpu: 4 }) });
    world.at(passedOverMsMax * 1.5);
    const there = { placement: placement({ workerLabels: { zone: "v" } }) };
    createAll(world, { first: asking({ cpu: 2 }, there) }, { priority: 1 });
    createAll(world, { x: small });
    expect(give(world, { s1: 9, s2: 9 }).given).toEqual(["s1: first", "s1: x"]);
  });

  test.each<{ waits: string; large: Asked; small: Asked }>([
    { waits: "device memory", large: { vramMb: 8000 }, small: { vramMb: 1000 } },
    { waits: "a whole device", large: { deviceIndex: 0 }, small: { vramMb: 1000 } },
    { waits: "memory", large: { ramMb: 100 }, small: { ramMb: 10 } },
  ])("G-154 has a worker kept free that waits for $waits", ({ large, small: asked }) => {
    const world = new World();
    world.attach("w", { capacity: capacity({ cpu: 4, ramMb: 100, devices: [8000] }) });
    createAll(world, { holder: asking({ ...asked }) });
    expect(give(world, { s1: 1 }).given).toHaveLength(1);
    acceptAll(world);
    createAll(world, { large: asking(large) });
    world.at(world.nowMs + passedOverMsMax);
    createAll(world, { x: asking(asked), y: asking({ cpu: 1 }) });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: y"]);
  });

  test("G-154 does not hold back older ones of another namespace", () => {
    const world = new World();
    world.attach("w", { namespace: "a", sharedNamespaces: ["b"], capacity: capacity({ cpu: 4 }) });
    createAll(world, { holder: asking({ cpu: 1 }) }, { namespace: "a" });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: a/holder"]);
    acceptAll(world);
    createAll(world, { older: small }, { namespace: "b" });
    createAll(world, { large: asking({ cpu: 4 }) }, { namespace: "a" });
    createAll(world, { younger: small }, { namespace: "b" });
    world.at(world.nowMs + passedOverMsMax);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b/older"]);
  });

  test("holds up nobody of another namespace while a limit holds it up itself", () => {
    const world = new World();
    const ops = ["work", "heavy"];
    world.attach("w", { ops, namespace: "a", sharedNamespaces: ["b"], capacity: capacity({ cpu: 4 }) });
    setLimit(world, { scope: { kind: "op", op: "heavy" } }, "limit", "a");
    const heavy = (cpu: number) => asking({ cpu }, { op: "heavy" });
    createAll(world, { holder: heavy(1), large: heavy(4) }, { namespace: "a" });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: a/holder"]);
    acceptAll(world);
    world.at(world.nowMs + passedOverMsMax);
    createAll(world, { small }, { namespace: "b" });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b/small"]);
  });

  test.each([
    { of: "its own", namespace: "a" },
    { of: "another", namespace: "b" },
  ])(
    `is one of ${keptFreeTasksMax} that hold back the younger ones of $of namespace: the oldest`,
    ({ namespace }) => {
      const world = new World();
      const indexes = Array.from({ length: keptFreeTasksMax + 1 }, (_, index) => String(index));
      const on = (n: string, cpu: number) => {
        return asking({ cpu }, { placement: placement({ workerLabels: { n } }) });
      };
      const each = (word: string, cpu: number) => {
        return Object.fromEntries(indexes.map((n) => [`${word}${n}`, on(n, cpu)]));
      };
      for (const n of indexes) {
        const shared = { namespace: "a", sharedNamespaces: ["b"], capacity: capacity({ cpu: 4 }) };
        world.attach(`w${n}`, { ...shared, labels: { n } });
      }
      const credits = Object.fromEntries(indexes.map((n) => [`s${Number(n) + 1}`, 9]));
      createAll(world, each("holder", 1), { namespace: "a" });
      expect(give(world, credits).given).toHaveLength(indexes.length);
      acceptAll(world);
      createAll(world, each("large", 4), { namespace: "a" });
      world.at(world.nowMs + passedOverMsMax);
      createAll(world, each("small", 1), { namespace });
      const last = indexes.length;
      expect(give(world, credits).given).toEqual([`s${last}: ${namespace}/small${last - 1}`]);
    },
  );
});

describe("what a task misses on a worker", () => {
  const reservedDevice = { index: 0, vramMb: 0, actionCount: 1, whole: false };
  test.each<{ of: string; asked: Asked; reserved: Partial<Reserved>; share: number }>([
    { of: "nothing", asked: { cpu: 2, ramMb: 100, vramMb: 4000 }, reserved: {}, share: 0 },
    { of: "cores", asked: { cpu: 2 }, reserved: { cpuMilli: 1000 }, share: 0.5 },
    { of: "memory", asked: { ramMb: 100 }, reserved: { ramMb: 25 }, share: 0.25 },
    { of: "both", asked: { cpu: 2, ramMb: 100 }, reserved: { cpuMilli: 2000, ramMb: 25 }, share: 1.25 },
    {
      of: "memory of a device",
      asked: { vramMb: 6000 },
      reserved: { devices: [{ ...reservedDevice, vramMb: 5000 }] },
      share: 0.5,
    },
    {
      of: "a device that somebody has whole",
      asked: { vramMb: 6000 },
      reserved: { devices: [{ ...reservedDevice, whole: true }] },
      share: 1,
    },
    {
      of: "a whole device that others share",
      asked: { deviceCount: 1 },
      reserved: { devices: [{ ...reservedDevice, vramMb: 1, actionCount: 3 }] },
      share: 3,
    },
  ])("is the share of all that it asks for: of $of", ({ asked, reserved, share: missing }) => {
    const demand = demandOf(resources(asked), undefined) as Demand;
    const all = capacity({ cpu: 2, ramMb: 100, devices: [8000] });
    const place = { capacity: all, reserved: { ...nothingReserved, ...reserved } };
    expect(shareMissing(demand, place)).toBe(missing);
  });
});

describe("many lines", () => {
  test("than are looked at by one command all have their turn, as chance has it", () => {
    const world = new World();
    world.attach("w", { capacity: capacity({ cpu: 1 }) });
    const ids = Array.from({ length: linesPerAssignMax + 1 }, (_, index) => `r${index}`);
    const cannot = (id: string) => theTask({ placement: placement({ workerLabels: { [id]: "" } }) });
    createAll(world, Object.fromEntries(ids.map((id) => [id, cannot(id)])));
    const last = world.state.queuedShapes("default", "work").at(-1);
    const [unlucky] = world.state.queued("default", "work", last ?? "", 1);
    world.must({
      kind: "attach",
      newSessionId: "s2",
      namespace: "default",
      workerId: "v",
      incarnation: "1",
      ops: ["work"],
      labels: { [unlucky?.run.slice("default/".length) ?? ""]: "" },
      capacity: capacity({}),
      taints: [],
      sharedNamespaces: [],
      running: [],
      leaseMs: 1_000_000,
    });
    world.chance = 0;
    expect(give(world, { s2: 1 })).toMatchObject({
      given: [],
      blockedQueues: ["default/work"],
      againMs: world.nowMs + 1000,
    });
    world.chance = 0.5;
    expect(give(world, { s2: 1 }).given).toHaveLength(1);
  });
});
