import { describe, expect, test } from "vitest";
import type { Counter, LimitContent } from "../../src/core/limits/limit.ts";
import { isFull, limitsOf } from "../../src/core/limits/limits-of.ts";
import { afterStartMs, nextStartMs, startsLeft } from "../../src/core/limits/rate.ts";
import { runKey } from "../../src/core/name.ts";
import { asidePerAssignMax, limitsPerNamespaceMax, unparkedPerCommandMax } from "../../src/limits.ts";
import { aTask, noRequest, theTask } from "../support/builders.ts";
import { asking, capacity, createAll, deleteLimit, give, setLimit } from "../support/placing.ts";
import { actionRow, taskSpec } from "../support/rows.ts";
import { World } from "../support/world.ts";

const r = (id: string) => runKey("default", id);
const team = { kind: "label", name: "team", value: undefined } as const;

/** A world with one worker and runs of one task of `work` each. */
function worldOf(runIds: readonly string[], parts: Parameters<typeof createAll>[2] = {}): World {
  const world = new World();
  world.attach();
  createAll(world, Object.fromEntries(runIds.map((id) => [id, theTask()])), parts);
  return world;
}

function finish(world: World, runId: string): void {
  const attempt = world.reference("main", r(runId));
  expect(world.report(attempt, { kind: "succeeded", outputs: {} })).toBeUndefined();
}

function heldCount(world: World, value = "", name = "limit"): number | undefined {
  return world.state.counter(`default/${name}/${value}`)?.heldCount;
}

function parkedRuns(world: World, value = ""): readonly string[] {
  return world.state.parked(`default/limit/${value}`, 1000).map(({ run }) => run.slice("default/".length));
}

describe("a limit on how many run at once", () => {
  test.each<{ of: string; scope: LimitContent["scope"] }>([
    { of: "an op", scope: { kind: "op", op: "work" } },
    { of: "a namespace", scope: { kind: "namespace" } },
    { of: "a label with a value", scope: { kind: "label", name: "team", value: "a" } },
    { of: "each value of a label", scope: team },
  ])("of $of lets so many be held, and the next one when one of them has ended", ({ scope }) => {
    const world = new World();
    world.attach();
    setLimit(world, { scope, concurrentMax: 2 });
    createAll(world, { a: theTask(), b: theTask(), c: theTask() }, { labels: { team: "a" } });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a", "s1: b"]);
    expect(give(world, { s1: 9 }).given).toEqual([]);
    finish(world, "a");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
    finish(world, "b");
    finish(world, "c");
    expect([...world.state.counters.values()]).toEqual([]);
  });

  test("of an op leaves other ops alone", () => {
    const world = new World();
    world.attach("w", { ops: ["work", "other"] });
    setLimit(world);
    const other = theTask({ op: "other" });
    createAll(world, { a: theTask(), b: theTask(), c: other, d: other });
    expect(give(world, { s1: 9 })).toMatchObject({
      given: ["s1: a", "s1: c", "s1: d"],
      blockedQueues: ["default/work"],
      emptyQueues: ["default/other"],
    });
  });

  test("that is full blocks its queue until it is told that a place is free", () => {
    const world = worldOf(["a", "b"]);
    setLimit(world);
    expect(give(world, { s1: 9 })).toEqual({
      given: ["s1: a"],
      emptyQueues: [],
      blockedQueues: ["default/work"],
      againMs: undefined,
    });
    const effectCount = world.effects.length;
    finish(world, "a");
    expect(world.effects.slice(effectCount)).toContainEqual({ kind: "freed" });
  });

  test("of a label lets those behind go on that do not fall under it", () => {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team });
    createAll(world, { a1: theTask(), a2: theTask(), a3: theTask() }, { labels: { team: "a" } });
    createAll(world, { b1: theTask(), b2: theTask() }, { labels: { team: "b" } });
    createAll(world, { c: theTask() });
    expect(give(world, { s1: 9 })).toEqual({
      given: ["s1: a1", "s1: b1", "s1: c"],
      emptyQueues: ["default/work"],
      blockedQueues: [],
      againMs: undefined,
    });
    expect(parkedRuns(world, "a")).toEqual(["a2", "a3"]);
    expect(world.action("main", r("a2")).state).toBe("QUEUED");
    const effectCount = world.effects.length;
    finish(world, "a1");
    expect(parkedRuns(world, "a")).toEqual(["a3"]);
    expect(world.effects.slice(effectCount)).toContainEqual({ kind: "queued", queue: "default/work" });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a2"]);
  });

  test("of a label takes the task's own before its run's", () => {
    const limits = [
      {
        namespace: "default",
        name: "l",
        scope: team,
        concurrentMax: 1,
        rate: undefined,
        shareWeight: 1,
        updateTimeMs: 0,
      },
    ];
    const action = actionRow("r", "main", { spec: taskSpec({ labels: { team: "own" } }) });
    expect(limitsOf(action, { team: "run" }, limits)).toMatchObject([{ key: "default/l/own", value: "own" }]);
    expect(limitsOf(actionRow("r", "main"), { team: "run" }, limits)).toMatchObject([{ value: "run" }]);
    expect(limitsOf(actionRow("r", "main"), {}, limits)).toEqual([]);
    const named = limits.map((limit) => ({ ...limit, scope: { ...team, name: "toString" } }));
    expect(limitsOf(actionRow("r", "main"), {}, named)).toEqual([]);
  });

  test("counts one that is returned no more, and one whose attempt failed", () => {
    const world = worldOf(["a"]);
    setLimit(world);
    give(world, { s1: 1 });
    expect(heldCount(world)).toBe(1);
    world.decline(world.reference("main", r("a")));
    expect(heldCount(world)).toBeUndefined();
  });

  test("counts what moves to the next session of its worker once", () => {
    const world = worldOf(["a"]);
    setLimit(world);
    const [assignment] = world.start();
    world.attach("w", { running: [assignment?.attempt ?? world.reference("main", r("a"))] });
    expect(heldCount(world)).toBe(1);
  });

  test("holds together with others: a task takes its place in all or in none", () => {
    const world = new World();
    world.attach();
    setLimit(world, { concurrentMax: 3 }, "op");
    setLimit(world, { scope: { kind: "namespace" }, concurrentMax: 2 }, "all");
    setLimit(world, { scope: team, concurrentMax: 1 });
    createAll(world, { a1: theTask(), a2: theTask() }, { labels: { team: "a" } });
    createAll(world, { b1: theTask(), c1: theTask() });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a1", "s1: b1"]);
    expect([heldCount(world, "", "op"), heldCount(world, "", "all"), heldCount(world, "a")]).toEqual([
      2, 2, 1,
    ]);
    expect(world.action("main", r("a1")).holds).toEqual(["default/all/", "default/limit/a", "default/op/"]);
  });
});

describe("what is parked on a full limit", () => {
  function parked(): World {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team });
    createAll(world, { a: theTask(), b: theTask(), c: theTask() }, { labels: { team: "x" } });
    give(world, { s1: 9 });
    expect(parkedRuns(world, "x")).toEqual(["b", "c"]);
    return world;
  }

  test("leaves nothing behind when it is cancelled", () => {
    const world = parked();
    world.cancel(r("b"));
    world.cancel(r("c"));
    expect(parkedRuns(world, "x")).toEqual([]);
    expect(world.action("main", r("b"))).toMatchObject({ state: "CANCELLED", parkedOn: undefined });
    finish(world, "a");
    expect(world.state.counters.size).toBe(0);
  });

  test("times out as it would in the queue", () => {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team });
    const timeouts = { queueToStartMs: 1000, startToEndMs: undefined, heartbeatMs: undefined };
    createAll(world, { a: theTask(), b: theTask({ timeouts }) }, { labels: { team: "x" } });
    give(world, { s1: 9 });
    world.at(2000);
    expect(world.action("main", r("b"))).toMatchObject({ state: "TIMED_OUT", parkedOn: undefined });
  });

  test("is let out when its place goes to another one that cannot run", () => {
    const world = parked();
    finish(world, "a");
    expect(parkedRuns(world, "x")).toEqual(["c"]);
    world.cancel(r("b"));
    expect(world.state.counter("default/limit/x")?.dueMs).toBe(world.nowMs + 1000);
    world.at(world.nowMs + 1000);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
  });

  test("is let out past those that end in the same moment", () => {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team });
    createAll(world, { r: theTask(), behind: theTask() }, { labels: { team: "x" } });
    give(world, { s1: 1 });
    world.accept([world.reference("main", r("r"))]);
    world.must({
      kind: "updateRun",
      request: noRequest,
      run: r("r"),
      priority: 1,
      setLabels: {},
      removeLabels: [],
    });
    world.add("main", aTask("b"), aTask("c"), aTask("d"));
    give(world, { s1: 9 });
    expect(parkedRuns(world, "x")).toEqual(["r", "r", "r", "behind"]);
    finish(world, "r");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: behind"]);
  });

  test("comes out in the order of the queue, by the priority of the time", () => {
    const world = parked();
    world.do({
      kind: "updateRun",
      request: noRequest,
      run: r("c"),
      priority: 1,
      setLabels: {},
      removeLabels: [],
    });
    finish(world, "a");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
    expect(parkedRuns(world, "x")).toEqual(["b"]);
  });

  test("makes way again for one with a higher priority that came meanwhile", () => {
    const world = parked();
    finish(world, "a");
    world.create({ runId: "first", priority: 5, labels: { team: "x" } });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: first"]);
    expect(parkedRuns(world, "x")).toEqual(["b", "c"]);
    expect(world.state.counter("default/limit/x")?.dueMs).toBeUndefined();
  });

  test("is parked a bounded lot at once, and the rest is asked for at once", () => {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team, concurrentMax: 1 });
    const plan = Array.from({ length: asidePerAssignMax + 10 }, (_, index) => aTask(`t${index}`));
    world.create({ plan, labels: { team: "x" } });
    expect(give(world, { s1: 1000 })).toMatchObject({ given: ["s1: r"], emptyQueues: [], blockedQueues: [] });
    expect(world.state.parked("default/limit/x", 1000)).toHaveLength(asidePerAssignMax);
    expect(give(world, { s1: 999 })).toMatchObject({ given: [], emptyQueues: ["default/work"] });
    expect(world.state.parked("default/limit/x", 1000)).toHaveLength(asidePerAssignMax + 9);
  });
});

describe("setting a limit", () => {
  test("counts what is held already, and stops none of it", () => {
    const world = worldOf(["a", "b", "c"]);
    give(world, { s1: 2 });
    setLimit(world, { concurrentMax: 1 });
    expect(heldCount(world)).toBe(2);
    expect(world.action("main", r("a")).holds).toEqual(["default/limit/"]);
    finish(world, "a");
    expect(give(world, { s1: 9 }).given).toEqual([]);
    finish(world, "b");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
  });

  test("to a higher number lets in what waits", () => {
    const world = worldOf(["a", "b", "c", "d"], { labels: { team: "x" } });
    setLimit(world, { scope: team });
    give(world, { s1: 9 });
    const effectCount = world.effects.length;
    setLimit(world, { scope: team, concurrentMax: 3 });
    expect(world.effects.slice(effectCount)).toContainEqual({ kind: "due", atMs: world.nowMs });
    expect(world.effects.slice(effectCount)).toContainEqual({ kind: "freed" });
    world.at(world.nowMs);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b", "s1: c"]);
    expect(parkedRuns(world, "x")).toEqual(["d"]);
  });

  test("to any number lets in all", () => {
    const world = worldOf(["a", "b", "c"], { labels: { team: "x" } });
    setLimit(world, { scope: team });
    give(world, { s1: 9 });
    setLimit(world, { scope: team, concurrentMax: 0 });
    world.at(world.nowMs);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b", "s1: c"]);
  });

  test("to a lower number stops nothing, and lets the next in when it is undercut", () => {
    const world = worldOf(["a", "b", "c"]);
    setLimit(world, { concurrentMax: 2 });
    give(world, { s1: 9 });
    setLimit(world, { concurrentMax: 1 });
    expect([world.action("main", r("a")).state, world.action("main", r("b")).state]).toEqual([
      "ASSIGNED",
      "ASSIGNED",
    ]);
    finish(world, "a");
    expect(give(world, { s1: 9 }).given).toEqual([]);
    finish(world, "b");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
  });

  test.each<{ to: string; scope: LimitContent["scope"]; counted: readonly string[] }>([
    {
      to: "another label",
      scope: { kind: "label", name: "stage", value: undefined },
      counted: ["default/limit/x"],
    },
    {
      to: "one value of the label",
      scope: { kind: "label", name: "team", value: "x" },
      counted: ["default/limit/"],
    },
    { to: "an op that nothing is of", scope: { kind: "op", op: "none" }, counted: [] },
    { to: "the namespace", scope: { kind: "namespace" }, counted: ["default/limit/"] },
  ])("to $to counts anew, and lets everything out that waits", ({ scope, counted }) => {
    const world = worldOf(["a", "b", "c"], { labels: { team: "x", stage: "x" } });
    setLimit(world, { scope: team });
    give(world, { s1: 9 });
    setLimit(world, { scope });
    world.at(world.nowMs);
    expect(world.state.parked("default/limit/x", 9)).toEqual([]);
    expect([...world.state.counters.values()].map(({ key, dueMs }) => [key, dueMs])).toEqual(
      counted.map((key) => [key, undefined]),
    );
    expect(world.action("main", r("a")).holds).toEqual(counted);
    for (const key of counted) expect(world.state.counter(key)?.heldCount).toBe(1);
  });

  test("lets much that waits out in bounded lots, and parks nothing until that is done", () => {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team });
    const count = unparkedPerCommandMax * 2 + 5;
    world.create({
      plan: Array.from({ length: count }, (_, index) => aTask(`t${index}`)),
      labels: { team: "x" },
    });
    while (give(world, { s1: 9999 }).emptyQueues.length === 0);
    expect(world.state.parked("default/limit/x", 9999)).toHaveLength(count - 1);
    deleteLimit(world);
    world.do<"fire">({ kind: "fire", due: { kind: "counter", key: "default/limit/x" } });
    expect(world.state.parked("default/limit/x", 9999)).toHaveLength(count - 1 - unparkedPerCommandMax);
    setLimit(world, { scope: team });
    expect(give(world, { s1: 9999 })).toMatchObject({
      given: [],
      blockedQueues: ["default/work"],
      againMs: 1000,
    });
    expect(world.state.parked("default/limit/x", 9999)).toHaveLength(count - 1 - unparkedPerCommandMax);
    world.at(world.nowMs);
    expect(world.state.parked("default/limit/x", 9999)).toEqual([]);
    expect(world.state.counter("default/limit/x")).toMatchObject({ heldCount: 1, dueMs: undefined });
  });

  test("to a lower number of a label lets out nobody of what is parked", () => {
    const world = worldOf(["a", "b", "c", "d"], { labels: { team: "x" } });
    setLimit(world, { scope: team, concurrentMax: 2 });
    give(world, { s1: 9 });
    expect(parkedRuns(world, "x")).toEqual(["c", "d"]);
    setLimit(world, { scope: team, concurrentMax: 1 });
    world.at(world.nowMs);
    expect(parkedRuns(world, "x")).toEqual(["c", "d"]);
    finish(world, "a");
    expect(parkedRuns(world, "x")).toEqual(["c", "d"]);
    finish(world, "b");
    expect(parkedRuns(world, "x")).toEqual(["d"]);
  });

  test("to any number lets out at once however much is parked", () => {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team });
    const count = unparkedPerCommandMax * 2 + 5;
    world.create({
      plan: Array.from({ length: count }, (_, index) => aTask(`t${index}`)),
      labels: { team: "x" },
    });
    while (give(world, { s1: 9999 }).emptyQueues.length === 0);
    setLimit(world, { scope: team, concurrentMax: 0 });
    world.at(world.nowMs);
    expect(parkedRuns(world, "x")).toEqual([]);
  });

  test("to other tasks lets out all that waited before, also once the new ones have all its places", () => {
    const world = new World();
    world.attach();
    setLimit(world, { scope: team });
    const count = unparkedPerCommandMax + 5;
    world.create({
      plan: Array.from({ length: count }, (_, index) => aTask(`t${index}`, { labels: { team: "x" } })),
    });
    while (give(world, { s1: 9999 }).emptyQueues.length === 0);
    setLimit(world, { scope: { kind: "label", name: "customer", value: undefined } });
    createAll(world, { c: theTask() }, { labels: { customer: "x" } });
    expect(give(world, { s1: 1 }).given).toEqual(["s1: c"]);
    expect(world.state.counter("default/limit/x")?.heldCount).toBe(1);
    world.at(world.nowMs);
    expect(parkedRuns(world, "x")).toEqual([]);
    expect(give(world, { s1: 9999 }, 9999).given).toHaveLength(count - 1);
  });

  test("is said in the feed, unless it changes nothing", () => {
    const world = new World();
    setLimit(world);
    const first = setLimit(world, { concurrentMax: 5 });
    world.at(9);
    expect(setLimit(world, { concurrentMax: 5 })).toMatchObject(first.ok ? { answer: first.answer } : {});
    deleteLimit(world);
    expect(world.eventsOf("limit_set").map(({ detail }) => detail)).toEqual([
      { kind: "limit_set", limit: "limit", concurrentMax: 1 },
      { kind: "limit_set", limit: "limit", concurrentMax: 5 },
    ]);
    expect(world.eventsOf("limit_deleted").map(({ detail }) => detail)).toEqual([
      { kind: "limit_deleted", limit: "limit" },
    ]);
  });

  test("is done once by a request id", () => {
    const world = new World();
    const request = { requestId: "x", digest: "1" };
    const content: LimitContent = {
      scope: { kind: "namespace" },
      concurrentMax: 1,
      rate: undefined,
      shareWeight: 1,
    };
    const command = { kind: "setLimit", request, namespace: "default", name: "l", content } as const;
    const first = world.must<"setLimit">(command);
    setLimit(world, { scope: { kind: "namespace" }, concurrentMax: 7 }, "l");
    expect(world.must<"setLimit">(command)).toEqual(first);
    expect(world.state.limits("default")).toMatchObject([{ concurrentMax: 7 }]);
    const other = { ...command, request: { requestId: "x", digest: "2" } };
    expect(world.do<"setLimit">(other)).toMatchObject({ refusal: { reason: "REQUEST_ID_REUSED" } });
  });

  test(`is refused for more than ${limitsPerNamespaceMax} in a namespace: LIMIT_REACHED`, () => {
    const world = new World();
    for (let index = 0; index < limitsPerNamespaceMax; index++) setLimit(world, {}, `l${index}`);
    expect(setLimit(world, {}, "more")).toEqual({
      ok: false,
      refusal: { reason: "LIMIT_REACHED", limit: "limitsPerNamespaceMax", maximum: limitsPerNamespaceMax },
    });
    expect(setLimit(world, { concurrentMax: 2 }, "l0").ok).toBe(true);
    expect(setLimit(world, {}, "more", "other").ok).toBe(true);
  });
});

describe("deleting a limit", () => {
  test("lets out all that waits for it, and forgets what it counted", () => {
    const world = worldOf(["a", "b", "c"], { labels: { team: "x" } });
    setLimit(world, { scope: team });
    give(world, { s1: 9 });
    deleteLimit(world);
    world.at(world.nowMs);
    expect(world.state.counters.size).toBe(0);
    expect(world.action("main", r("a")).holds).toEqual([]);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b", "s1: c"]);
    for (const id of ["a", "b", "c"]) finish(world, id);
    expect(world.state.counters.size).toBe(0);
  });

  test("lets go on what an op's limit held up", () => {
    const world = worldOf(["a", "b"]);
    setLimit(world);
    give(world, { s1: 9 });
    const effectCount = world.effects.length;
    deleteLimit(world);
    expect(world.effects.slice(effectCount)).toEqual([{ kind: "freed" }]);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b"]);
  });

  test("is refused for one that is not there: LIMIT_NOT_FOUND", () => {
    expect(deleteLimit(new World())).toEqual({
      ok: false,
      refusal: { reason: "LIMIT_NOT_FOUND", limit: "limit" },
    });
  });

  test("and setting it again counts from what is held then", () => {
    const world = worldOf(["a", "b"]);
    setLimit(world);
    give(world, { s1: 9 });
    deleteLimit(world);
    setLimit(world, { concurrentMax: 1 });
    expect(heldCount(world)).toBe(1);
    finish(world, "a");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b"]);
  });
});

describe("a rate", () => {
  const limit = {
    namespace: "default",
    name: "limit",
    scope: { kind: "op", op: "work" },
    concurrentMax: 0,
    rate: { count: 3, periodMs: 1000 },
    shareWeight: 1,
    updateTimeMs: 0,
  } as const;
  const counter: Counter = {
    key: "default/limit/",
    namespace: "default",
    limit: "limit",
    value: "",
    heldCount: 0,
    fullTimeMs: 0,
    dueMs: undefined,
  };

  test("lets as many start at once as have not been used, and then one after the other", () => {
    const starts: number[] = [];
    let { fullTimeMs } = counter;
    for (let nowMs = 5000; nowMs < 8000; nowMs++) {
      while (!isFull({ ...counter, fullTimeMs }, limit, nowMs)) {
        expect(startsLeft({ fullTimeMs }, limit, nowMs)).toBeGreaterThan(0);
        fullTimeMs = afterStartMs(fullTimeMs, limit, nowMs);
        starts.push(nowMs);
      }
      expect(startsLeft({ fullTimeMs }, limit, nowMs)).toBe(0);
    }
    expect(starts).toEqual([5000, 5000, 5000, 5334, 5667, 6000, 6334, 6667, 7000, 7334, 7667]);
  });

  test("is never more than its count in any period, and one more at its ends", () => {
    const { count, periodMs } = limit.rate;
    let { fullTimeMs } = counter;
    const starts: number[] = [];
    for (let nowMs = 0; nowMs < 20_000; nowMs += 7) {
      if (nowMs % 13 > 9 || isFull({ ...counter, fullTimeMs }, limit, nowMs)) continue;
      fullTimeMs = afterStartMs(fullTimeMs, limit, nowMs);
      starts.push(nowMs);
    }
    for (const [index, startMs] of starts.entries()) {
      const after = starts.slice(index).filter((other) => other < startMs + periodMs);
      expect(after.length).toBeLessThanOrEqual(2 * count);
    }
    expect(starts.length).toBeLessThanOrEqual(count + (20_000 / periodMs) * count);
  });

  test("says when the next one may start", () => {
    expect(nextStartMs(undefined, limit)).toBe(0);
    expect(nextStartMs({ fullTimeMs: 2000 }, limit)).toBeCloseTo(1333.3, 0);
  });

  test("of an op blocks its queue until then, and the answer says when", () => {
    const world = worldOf(["a", "b", "c"]);
    setLimit(world, { concurrentMax: 0, rate: { count: 1, periodMs: 60_000 } });
    const startMs = world.nowMs;
    expect(give(world, { s1: 9 })).toEqual({
      given: ["s1: a"],
      emptyQueues: [],
      blockedQueues: ["default/work"],
      againMs: startMs + 60_000,
    });
    finish(world, "a");
    expect(give(world, { s1: 9 })).toMatchObject({ given: [], againMs: startMs + 60_000 });
    world.at(startMs + 60_000);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b"]);
  });

  test("of one op among several is asked for at the first of their times", () => {
    const world = new World();
    world.attach("w", { ops: ["work", "heavy"] });
    setLimit(world, { concurrentMax: 0, rate: { count: 1, periodMs: 10_000 } });
    const heavy = { scope: { kind: "op", op: "heavy" }, rate: { count: 1, periodMs: 5_000 } } as const;
    setLimit(world, { concurrentMax: 0, ...heavy }, "other");
    const other = theTask({ op: "heavy" });
    createAll(world, { a: theTask(), b: theTask(), c: other, d: other });
    expect(give(world, { s1: 9 })).toMatchObject({
      given: ["s1: a", "s1: c"],
      againMs: world.nowMs + 5_000,
    });
  });

  test("of a label parks what comes too early, and lets it out when its time comes", () => {
    const world = worldOf(["a", "b", "c", "d"], { labels: { team: "x" } });
    setLimit(world, { scope: team, concurrentMax: 0, rate: { count: 2, periodMs: 4000 } });
    const startMs = world.nowMs;
    expect(give(world, { s1: 9 })).toMatchObject({
      given: ["s1: a", "s1: b"],
      emptyQueues: ["default/work"],
    });
    expect(parkedRuns(world, "x")).toEqual(["c", "d"]);
    world.at(startMs + 1999);
    expect(give(world, { s1: 9 }).given).toEqual([]);
    world.at(startMs + 2000);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
    world.at(startMs + 4000);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: d"]);
    for (const id of ["a", "b", "c", "d"]) finish(world, id);
    expect(world.state.counter("default/limit/x")).toMatchObject({ heldCount: 0, dueMs: startMs + 8000 });
    world.at(startMs + 8000);
    expect(world.state.counters.size).toBe(0);
  });

  test("that is changed keeps the starts that were taken, as far as there are so many", () => {
    const world = worldOf(["a", "b", "c", "d"]);
    setLimit(world, { concurrentMax: 0, rate: { count: 2, periodMs: 3_600_000 } });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a", "s1: b"]);
    setLimit(world, { concurrentMax: 0, rate: { count: 2, periodMs: 1000 } });
    expect(give(world, { s1: 9 })).toMatchObject({ given: [], againMs: world.nowMs + 500 });
    world.at(world.nowMs + 500);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
    setLimit(world, { concurrentMax: 0 });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: d"]);
  });

  test("that is made smaller makes nobody wait for more starts than there are", () => {
    const world = worldOf(["a", "b", "c", "d", "e"]);
    setLimit(world, { concurrentMax: 0, rate: { count: 4, periodMs: 3_600_000 } });
    expect(give(world, { s1: 9 }).given).toHaveLength(4);
    setLimit(world, { concurrentMax: 0, rate: { count: 2, periodMs: 1000 } });
    expect(give(world, { s1: 9 })).toMatchObject({ given: [], againMs: world.nowMs + 500 });
  });

  test("goes together with a number of places", () => {
    const world = worldOf(["a", "b", "c"], { labels: { team: "x" } });
    setLimit(world, { scope: team, concurrentMax: 1, rate: { count: 2, periodMs: 10_000 } });
    expect(give(world, { s1: 9 }).given).toEqual(["s1: a"]);
    finish(world, "a");
    expect(give(world, { s1: 9 }).given).toEqual(["s1: b"]);
    const startMs = world.nowMs;
    finish(world, "b");
    expect(give(world, { s1: 9 }).given).toEqual([]);
    expect(parkedRuns(world, "x")).toEqual(["c"]);
    world.at(startMs + 5000);
    expect(give(world, { s1: 9 }).given).toEqual(["s1: c"]);
  });
});

test("a task that fits nowhere takes no place in a limit", () => {
  const world = new World();
  world.attach("w", { capacity: capacity({ cpu: 1 }) });
  setLimit(world);
  createAll(world, { large: asking({ cpu: 2 }), small: asking({ cpu: 1 }) });
  expect(give(world, { s1: 9 }).given).toEqual(["s1: small"]);
});

test.each([
  { becomes: "another", setLabels: { team: "y" }, removeLabels: [] },
  { becomes: "none", setLabels: {}, removeLabels: ["team"] },
])("what is parked on a label goes back to the queue when its run gets $becomes", (labels) => {
  const world = new World();
  world.attach();
  setLimit(world, { scope: team });
  createAll(world, { a: theTask(), b: theTask(), c: theTask() }, { labels: { team: "x" } });
  expect(give(world, { s1: 9 }).given).toEqual(["s1: a"]);
  const { setLabels, removeLabels } = labels;
  const run = runKey("default", "b");
  const kind = "updateRun" as const;
  world.must({ kind, request: noRequest, run, priority: undefined, setLabels, removeLabels });
  expect(give(world, { s1: 9 }).given).toEqual(["s1: b"]);
});
