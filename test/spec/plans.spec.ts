import { describe, expect, test } from "vitest";
import { findCycles } from "../../src/core/runs/find-cycles.ts";
import type { NewAction, NewTask } from "../../src/core/stated.ts";
import { promptBytesMax } from "../../src/limits.ts";
import { aChain, aCondition, anOp, aTask, aTrace, bool, int, text, theTask } from "../support/builders.ts";
import { World } from "../support/world.ts";

function violationsOf(work: { plan: readonly NewAction[] } | { task: NewTask }): readonly string[] {
  const done = new World().create(work);
  if (done.ok) return [];
  if (done.refusal.reason !== "INVALID_REQUEST") return [done.refusal.reason];
  return done.refusal.violations.map(({ field, description }) => `${field}: ${description}`);
}

const guardAfterEnd = {
  ...aTask("b"),
  dependencies: [{ action: "a", requirement: "ended" as const, equals: bool(true) }],
};
const waitingTrace = { ...aTrace("t"), dependencies: aTask("x", { after: ["a"] }).dependencies };

describe("a plan", () => {
  test.each([
    {
      given: "a name twice",
      plan: [aTask("a"), aTask("b"), aTask("a")],
      gives: ["actions[2].name: the name a is taken by run.plan.actions[0]"],
    },
    {
      given: "a dependency that is not there",
      plan: [aTask("a", { after: ["x"] })],
      gives: ["actions[0].dependencies[0].action: there is no action x beside a"],
    },
    {
      given: "a condition with a dependency that is not there",
      plan: [aCondition("a", { after: ["x"] })],
      gives: ["actions[0].dependencies[0].action: there is no action x beside a"],
    },
    {
      given: "a reference to what is not there",
      plan: [aTask("a", { inputs: { "in put": "from x.y" } })],
      gives: ['actions[0].task.inputs["in put"].reference.from: there is no action x beside a'],
    },
    {
      given: "a trace",
      plan: [aTrace("a")],
      gives: ["actions[0].trace: only a running task can add a trace"],
    },
    {
      given: "a trace that waits",
      plan: [aTask("a"), waitingTrace],
      gives: [
        "actions[1].trace: only a running task can add a trace",
        "actions[1].dependencies: a trace waits for nothing",
      ],
    },
    {
      given: "a default of another type, and no time at which it is taken",
      plan: [aCondition("a", { defaultValue: text("yes") })],
      gives: [
        "actions[0].condition.default_value: the default is of type string, the condition of type bool",
        "actions[0].condition.default_value: a default needs a timeout at which it is taken",
      ],
    },
    {
      given: "a guard on what need only end",
      plan: [aTask("a"), guardAfterEnd],
      gives: ["actions[1].dependencies[0].equals: a value can only be asked of an action that must succeed"],
    },
    {
      given: "an action that waits for itself",
      plan: [aTask("a", { after: ["a"] })],
      gives: [": actions wait for each other: a -> a"],
    },
    {
      given: "two that wait for each other by an input",
      plan: [aTask("a", { after: ["b"] }), aTask("b", { inputs: { x: "from a" } })],
      gives: [": actions wait for each other: b -> a -> b"],
    },
    {
      given: "two cycles, what waits for them and what does not",
      plan: [
        aTask("free"),
        aTask("stuck", { after: ["a", "free"] }),
        aTask("a", { after: ["c"] }),
        aTask("b", { after: ["a"] }),
        aTask("c", { after: ["b"] }),
        aTask("self", { after: ["self", "stuck"] }),
      ],
      gives: [
        ": actions wait for each other: b -> c -> a -> b",
        ": actions wait for each other: self -> self",
      ],
    },
    {
      given: "everything at once",
      plan: [
        aTask("a", { after: ["b", "x"] }),
        aTask("b", { after: ["a"] }),
        aTask("a"),
        aCondition("c", { type: "int", timeoutMs: 5, defaultValue: bool(true) }),
      ],
      gives: [
        "actions[2].name: the name a is taken by run.plan.actions[0]",
        "actions[3].condition.default_value: the default is of type bool, the condition of type int",
        "actions[0].dependencies[1].action: there is no action x beside a",
        ": actions wait for each other: b -> a -> b",
      ],
    },
  ])("with $given is refused, and each place is named", ({ plan, gives }) => {
    const prefix = "run.plan.";
    const expected = gives.map((line) => (line.startsWith(":") ? `${prefix}actions${line}` : prefix + line));
    expect(violationsOf({ plan })).toEqual(expected);
  });

  test.each([
    { given: "dependencies on what comes later", plan: [aTask("a", { after: ["b"] }), aTask("b")] },
    {
      given: "a whole number as the default of a float",
      plan: [aCondition("a", { type: "float", timeoutMs: 1, defaultValue: int(1) })],
    },
    {
      given: "names of what every JavaScript object has",
      plan: [aTask("constructor"), aTask("b", { after: ["constructor"] })],
    },
    { given: "a chain of 10,000", plan: aChain(10_000) },
  ])("with $given is taken", ({ plan }) => {
    expect(violationsOf({ plan })).toEqual([]);
  });

  test("with a cycle of 10,000 is refused with the first 20 names of it", () => {
    const [, ...rest] = aChain(10_000);
    const [line = ""] = violationsOf({ plan: [aTask("t0", { after: ["t9999"] }), ...rest] });
    expect(line).toContain("t1 -> t2 -> t3");
    expect(line).toContain("-> (9980 more) ->");
  });

  test("with 1,000 cycles is refused with 20 of them", () => {
    const plan = Array.from({ length: 1000 }, (_, index) => aTask(`t${index}`, { after: [`t${index}`] }));
    expect(violationsOf({ plan })).toHaveLength(20);
  });

  test("whose prompts take more than their bound in all is refused", () => {
    const prompt = "x".repeat(promptBytesMax / 2);
    const plan = [aCondition("a", { prompt }), aCondition("b", { prompt })];
    expect(violationsOf({ plan })).toEqual([]);
    expect(violationsOf({ plan: [...plan, aCondition("c")] })).toEqual([
      `run.plan.actions: the prompts take ${promptBytesMax + 2} bytes, more than ${promptBytesMax}`,
    ]);
  });

  test("that is refused leaves nothing behind", () => {
    const world = new World();
    world.create({ plan: [aTask("a", { after: ["x"] })] });
    expect(world.state.runs.size).toBe(0);
    expect(world.feed).toEqual([]);
    expect(world.create().ok).toBe(true);
  });
});

describe("cycles", () => {
  test.each([
    { graph: [], cycles: [] },
    { graph: [[], [0], [0, 1]], cycles: [] },
    { graph: [[0]], cycles: [[0]] },
    { graph: [[1], [0]], cycles: [[1, 0]] },
    { graph: [[1], [2], [0, 3], []], cycles: [[2, 1, 0]] },
    { graph: [[1], [2], [1]], cycles: [[2, 1]] },
    {
      graph: [[1], [0], [3, 0], [2]],
      cycles: [
        [1, 0],
        [3, 2],
      ],
    },
  ])("in $graph are $cycles", ({ graph, cycles }) => {
    expect(
      findCycles(
        graph.map((sources) => new Set(sources)),
        10,
      ),
    ).toEqual(cycles);
  });

  test("are found up to the limit", () => {
    expect(findCycles([new Set([0]), new Set([1]), new Set([2])], 2)).toEqual([[0], [1]]);
  });
});

describe("a run of one task", () => {
  test("has one action, main, and its outputs are the run's", () => {
    const world = new World();
    world.create();
    expect(world.state.actions(world.run().key).map(({ name }) => name)).toEqual(["main"]);
    world.attach();
    world.start();
    world.succeed("main", { n: int(1) });
    expect(world.run()).toMatchObject({ state: "SUCCEEDED", outputs: { n: int(1) }, isSingle: true });
  });

  test("cannot refer to another action", () => {
    expect(violationsOf({ task: theTask({ inputs: { x: "from a.b" } }) })).toEqual([
      'run.task.inputs["x"].reference: a run of one task has no other action to refer to',
    ]);
  });
});

describe("the end of a run", () => {
  test.each([
    { ends: "all succeeded", a: "succeed", b: "succeed", state: "SUCCEEDED", error: undefined },
    { ends: "one failed", a: "fail", b: "succeed", state: "FAILED", error: "A" },
    { ends: "both failed, and the first error counts", a: "fail", b: "fail", state: "FAILED", error: "A" },
  ] as const)("if $ends: $state", ({ a, b, state, error }) => {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b")] });
    world.attach();
    world.start();
    if (a === "fail") world.fail("a", "A");
    else world.succeed("a");
    expect(world.run().state).toBe("RUNNING");
    if (b === "fail") world.fail("b", "B");
    else world.succeed("b");
    expect(world.run()).toMatchObject({ state, outputs: undefined });
    expect(world.run().error?.type).toBe(error);
    expect(world.eventsOf("run_ended")).toMatchObject([{ action: "", detail: { state } }]);
  });

  test("is that of the worst: a failure counts for more than a time that ran out", () => {
    const timeouts = { queueToStartMs: 5, startToEndMs: undefined, heartbeatMs: undefined };
    const world = new World();
    world.create({ plan: [aTask("a", { op: "nobody", timeouts }), aTask("b")] });
    world.attach();
    world.start();
    world.at(5);
    expect(world.run()).toMatchObject({ state: "RUNNING", worst: "TIMED_OUT", error: { type: "Timeout" } });
    world.fail("b");
    expect(world.run()).toMatchObject({ state: "FAILED", error: { type: "Broken" } });
  });
});

describe("what a task does not say", () => {
  const content = anOp({
    description: "",
    labels: {},
    retry: { maxAttempts: 4, multiplier: 3 },
    timeouts: { queueToStartMs: 1, startToEndMs: 2, heartbeatMs: undefined },
  });
  const register = {
    kind: "registerOp" as const,
    request: { requestId: "", digest: "" },
    namespace: "default",
  };

  function registered(): World {
    const world = new World();
    world.must<"registerOp">({ ...register, name: "work", content });
    world.must<"registerOp">({
      ...register,
      name: "work",
      content: { ...content, retry: { maxAttempts: 9 } },
    });
    return world;
  }

  const own = {
    initialBackoffMs: 1000,
    maxBackoffMs: 300_000,
    jitter: 0,
    nonRetryableErrorTypes: [],
    manual: false,
  };
  const given = { queueToStartMs: 1, startToEndMs: 2, heartbeatMs: undefined };
  test.each([
    {
      says: "nothing",
      task: {},
      version: 2,
      retry: { ...own, maxAttempts: 9, multiplier: 2 },
      timeouts: given,
    },
    {
      says: "version 1",
      task: { opVersion: 1 },
      version: 1,
      retry: { ...own, maxAttempts: 4, multiplier: 3 },
      timeouts: given,
    },
    {
      says: "some of it itself",
      task: {
        retry: { maxAttempts: 2, jitter: 1 },
        timeouts: { queueToStartMs: undefined, startToEndMs: 7, heartbeatMs: 8 },
      },
      version: 2,
      retry: { ...own, maxAttempts: 2, multiplier: 2, jitter: 1 },
      timeouts: { queueToStartMs: 1, startToEndMs: 7, heartbeatMs: 8 },
    },
    {
      says: "an op that nobody has registered",
      task: { op: "free" },
      version: 0,
      retry: { ...own, maxAttempts: 1, multiplier: 2 },
      timeouts: { queueToStartMs: undefined, startToEndMs: undefined, heartbeatMs: undefined },
    },
  ])(
    "is filled in by its op as it stands then: a task that says $says",
    ({ task, version, retry, timeouts }) => {
      const world = registered();
      world.create({ task: theTask(task) });
      const before = world.action().spec;
      expect(before).toMatchObject({ opVersion: version, retry, timeouts, cancelGraceMs: 10_000 });
      world.must<"registerOp">({ ...register, name: "work", content: { ...content, description: "later" } });
      expect(world.action().spec).toBe(before);
    },
  );

  test("is not filled in by an op of another namespace", () => {
    const world = registered();
    world.create({ namespace: "other" });
    expect(world.state.allActions()[0]?.spec).toMatchObject({ opVersion: 0, retry: { maxAttempts: 1 } });
  });

  test("of a version that is not registered is refused, in a plan too", () => {
    const world = registered();
    const refusal = { reason: "OP_NOT_FOUND", op: "work", version: 3 };
    expect(world.create({ task: theTask({ opVersion: 3 }) })).toMatchObject({ refusal });
    expect(world.create({ plan: [aTask("a"), aTask("b", { opVersion: 3 })] })).toMatchObject({ refusal });
  });
});

describe("an op", () => {
  const content = anOp({ description: "d", labels: { a: "1", b: "2" }, retry: { maxAttempts: 2 } });
  test.each([
    { again: "the same", next: content, version: 1 },
    { again: "the same in another order", next: { ...content, labels: { b: "2", a: "1" } }, version: 1 },
    { again: "another description", next: { ...content, description: "e" }, version: 2 },
    { again: "another policy", next: { ...content, retry: { maxAttempts: 3 } }, version: 2 },
    { again: "no policy", next: { ...content, retry: undefined }, version: 2 },
  ])("registered again with $again has version $version", ({ next, version }) => {
    const world = new World();
    const command = {
      kind: "registerOp" as const,
      request: { requestId: "", digest: "" },
      namespace: "n",
      name: "op",
    };
    expect(world.must<"registerOp">({ ...command, content }).op.version).toBe(1);
    expect(world.must<"registerOp">({ ...command, content: next }).op).toMatchObject({ ...next, version });
    expect(world.eventsOf("op_registered")).toHaveLength(version);
    expect(world.must<"registerOp">({ ...command, content }).op.version).toBe(version === 1 ? 1 : 3);
  });
});
