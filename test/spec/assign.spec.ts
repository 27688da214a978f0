import { describe, expect, test } from "vitest";
import { asidePerAssignMax } from "../../src/limits.ts";
import { aTask, int, theTask } from "../support/builders.ts";
import { acceptTimeoutMs, World } from "../support/world.ts";

/** What a lot of sessions is given, as `session: run/action`, and what else the answer says. */
function assign(world: World, credits: Readonly<Record<string, number>>, limit = 100) {
  const sessions = Object.entries(credits).map(([sessionId, credit]) => ({ sessionId, credit }));
  const answer = world.must<"assign">({ kind: "assign", sessions, limit, acceptTimeoutMs });
  const { emptyQueues, closedSessions } = answer;
  const given = answer.assignments.map(({ sessionId, assignment: { attempt } }) => {
    return `${sessionId}: ${attempt.run.slice("default/".length)}/${attempt.action}`;
  });
  return { given, emptyQueues, closedSessions };
}

describe("queued tasks are given away", () => {
  test("G-150 by priority, then by age, then by name", () => {
    const world = new World();
    world.create({ runId: "old" });
    world.at(5).create({ runId: "b" });
    world.create({ runId: "a" });
    world.at(9).create({ runId: "high", priority: 1 });
    world.create({ runId: "low", priority: -1 });
    world.attach();
    expect(assign(world, { s1: 9 }).given).toEqual([
      "s1: high/main",
      "s1: old/main",
      "s1: a/main",
      "s1: b/main",
      "s1: low/main",
    ]);
  });

  test("by the age of their first queueing, however often they come back", () => {
    const world = new World();
    world.create({ runId: "r", task: theTask({ retry: { maxAttempts: 2 } }) });
    world.attach();
    world.start();
    world.at(10).create({ runId: "later" });
    world.fail("main");
    world.at(2000);
    expect(assign(world, { s1: 9 }).given).toEqual(["s1: r/main", "s1: later/main"]);
  });

  test("by the time of the retry, once their run was opened again", () => {
    const world = new World();
    world.create({ runId: "r" });
    world.attach();
    world.start();
    world.succeed("main");
    world.at(10).create({ runId: "later" });
    world.at(20).retry({ force: true });
    expect(assign(world, { s1: 9 }).given).toEqual(["s1: later/main", "s1: r/main"]);
  });

  test("by the priority that their run has at the time", () => {
    const world = new World();
    const request = { requestId: "", digest: "" };
    world.create({ runId: "r", plan: [aTask("a"), aTask("b", { after: ["a"] })] });
    world.create({ runId: "q", priority: 3 });
    world.must<"updateRun">({
      kind: "updateRun",
      request,
      run: world.run().key,
      priority: 5,
      setLabels: {},
      removeLabels: [],
    });
    world.attach();
    expect(assign(world, { s1: 1 }).given).toEqual(["s1: r/a"]);
    world.succeed("a");
    expect(assign(world, { s1: 9 }).given).toEqual(["s1: r/b", "s1: q/main"]);
  });

  test("over all queues of a session in one order", () => {
    const world = new World();
    world.create({ runId: "a", task: theTask({ op: "x" }) });
    world.create({ runId: "b", task: theTask({ op: "y" }), priority: 1 });
    world.create({ runId: "c", task: theTask({ op: "z" }), priority: 2 });
    world.attach("w", { ops: ["x", "y"] });
    expect(assign(world, { s1: 1 }).given).toEqual(["s1: b/main"]);
    expect(assign(world, { s1: 9 }).given).toEqual(["s1: a/main"]);
  });

  test("up to the credit of each session and the limit of the command", () => {
    const world = new World();
    world.create({ plan: Array.from({ length: 9 }, (_, index) => aTask(`t${index}`)) });
    world.attach("v");
    world.attach("w");
    expect(assign(world, { s1: 2, s2: 1 }).given).toHaveLength(3);
    expect(assign(world, { s1: 9, s2: 9 }, 4).given).toHaveLength(4);
    expect(assign(world, { s1: 0, s2: 0 }).given).toHaveLength(0);
    expect(assign(world, { s1: 9 }, 0).given).toHaveLength(0);
    expect(assign(world, { s1: 9 }).given).toHaveLength(2);
  });

  test("to the session with the most credit left among those that could take one", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b"), aTask("c"), aTask("d", { op: "only" })] });
    world.attach("v");
    world.attach("w", { ops: ["work", "only"] });
    expect(assign(world, { s1: 2, s2: 3 }).given).toEqual(["s2: r/a", "s1: r/b", "s2: r/c", "s2: r/d"]);
  });

  test("only within the namespace of a session", () => {
    const world = new World();
    world.create({ namespace: "other" });
    world.attach();
    expect(assign(world, { s1: 9 }).given).toEqual([]);
    world.attach("w", { namespace: "other" });
    expect(assign(world, { s2: 9 }).given).toHaveLength(1);
  });

  test("with their inputs, limits and the labels of their run", () => {
    const world = new World();
    const timeouts = { queueToStartMs: undefined, startToEndMs: 7, heartbeatMs: 3 };
    world.create({ task: theTask({ timeouts, inputs: { x: { kind: "null" } } }), labels: { team: "a" } });
    world.attach();
    expect(world.assign()).toEqual([
      {
        attempt: { run: "default/r", action: "main", attempt: 1, epoch: 1 },
        op: "work",
        opVersion: 0,
        inputs: { x: { kind: "null" } },
        runLabels: { team: "a" },
        startToEndMs: 7,
        heartbeatMs: 3,
        image: "",
        handler: "",
        resources: undefined,
        deviceIndexes: [],
      },
    ]);
    expect(world.eventsOf("action_assigned")).toMatchObject([
      { attempt: 1, detail: { workerId: "w", epoch: 1, deviceIndexes: [] } },
    ]);
  });
});

describe("the answer to assign", () => {
  function world(): World {
    const made = new World();
    made.create({ plan: [aTask("a", { op: "x" }), aTask("b", { op: "x" }), aTask("c", { op: "y" })] });
    made.attach("w", { ops: ["x", "y", "z"] });
    return made;
  }

  test.each([
    { credit: 9, limit: 9, empty: ["default/x", "default/y", "default/z"] },
    { credit: 3, limit: 9, empty: ["default/x", "default/y", "default/z"] },
    { credit: 2, limit: 9, empty: ["default/z"] },
    { credit: 1, limit: 9, empty: ["default/z"] },
    { credit: 9, limit: 1, empty: ["default/z"] },
  ])(
    "for a credit of $credit and a limit of $limit names only queues that are empty",
    ({ credit, limit, empty }) => {
      expect(assign(world(), { s1: credit }, limit).emptyQueues.toSorted()).toEqual(empty);
    },
  );

  test("says nothing of queues that it did not look at", () => {
    expect(assign(world(), { s1: 0 }).emptyQueues).toEqual([]);
    expect(assign(world(), { nobody: 5 }).emptyQueues).toEqual([]);
  });

  test.each([
    { given: "is draining", act: { kind: "drain" as const, sessionId: "s1" } },
    { given: "is detached", act: { kind: "detach" as const, sessionId: "s1" } },
    { given: "has left", act: { kind: "leave" as const, sessionId: "s1", cause: "" } },
    { given: "was there before a restart", act: { kind: "boot" as const, leaseMs: 1 } },
  ])("names a session that $given, and gives it nothing", ({ act }) => {
    const made = world();
    made.must(act);
    expect(assign(made, { s1: 5 })).toEqual({ given: [], emptyQueues: [], closedSessions: ["s1"] });
  });
});

describe("what is queued", () => {
  test.each([
    { when: "its run is created", act: (world: World) => void world.create() },
    {
      when: "its dependencies have ended",
      act: (world: World) => {
        world.create({ plan: [aTask("a", { op: "other" }), aTask("b", { after: ["a"] })] });
        world.attach("v", { ops: ["other"] });
        world.start("v");
        world.succeed("a");
      },
    },
  ])("is told by its queue when $when", ({ act }) => {
    const world = new World();
    act(world);
    expect(world.effects).toContainEqual({ kind: "queued", queue: "default/work" });
  });
});

test("tasks whose inputs are not to be had any more wait for them again, a bounded lot at once", () => {
  const world = new World();
  world.attach();
  world.attach("v", { ops: ["other"] });
  world.create({ plan: [aTask("p")] });
  world.start();
  const count = asidePerAssignMax + 10;
  const names = Array.from({ length: count }, (_, index) => `b${index}`);
  const users = names.map((name) => aTask(name, { inputs: { x: "from a.x" } }));
  world.add("p", aTask("a", { op: "other" }), ...users);
  world.start("v");
  world.succeed("p/a", { x: int(1) });
  world.start("w", 1000);
  for (const name of names) world.succeed(`p/${name}`);
  world.succeed("p");
  world.retry({ force: true, all: true });
  world.start();
  world.add("p", ...users);
  world.add("p", aTask("a", { op: "other" }));
  const waiting = () => names.filter((name) => world.action(`p/${name}`).state === "PENDING").length;
  const session = { sessionId: world.sessionOf("w"), credit: 1000 };
  const answer = world.must<"assign">({ kind: "assign", sessions: [session], limit: 1000, acceptTimeoutMs });
  expect(answer).toMatchObject({ assignments: [], blockedQueues: ["default/work"], againMs: world.nowMs });
  expect(waiting()).toBe(asidePerAssignMax);
  expect(world.assign("w", 1000)).toEqual([]);
  expect(waiting()).toBe(count);
});
