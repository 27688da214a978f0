import { describe, expect, test } from "vitest";
import { inputSizeBytesMax, liveActionsPerRunMax } from "../../src/limits.ts";
import { aChain, aCondition, aTask, bool, float, int, json, text } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { World } from "../support/world.ts";

const isTrue = (action: string) => ({ action, equals: bool(true) });

describe("an action that depends on others", () => {
  tell([
    {
      title: "goes on when the last of them has succeeded",
      plan: [aTask("a"), aTask("b"), aCondition("c"), aTask("d", { after: ["a", "b", "c"] })],
      script: `
        at 0s                       -> d PENDING waits 3
               ann signals c true   -> d PENDING waits 2
               w attaches
               w starts
               a succeeds           -> d PENDING waits 1
               b succeeds           -> d QUEUED waits 0
      `,
    },
    {
      title: "is SKIPPED at once when one of them fails, while others still run",
      plan: [aTask("a"), aTask("b"), aTask("c", { after: ["a", "b"] })],
      script: `
        at 0s  w attaches
               w starts
               a fails       -> c SKIPPED error DependencyFailed, b RUNNING, run RUNNING
               b succeeds    -> run FAILED
      `,
    },
    {
      title: "is SKIPPED when one of them was cancelled or timed out",
      plan: [aCondition("a", { timeoutMs: 1000 }), aTask("b", { after: ["a"] })],
      script: `
        at 1s  -> a TIMED_OUT, b SKIPPED error DependencyFailed, run TIMED_OUT
      `,
    },
    {
      title: "is SKIPPED with the whole chain behind the one that failed",
      plan: aChain(4),
      script: `
        at 0s  w attaches
               w starts
               t0 fails  -> t1 SKIPPED, t2 SKIPPED, t3 SKIPPED error DependencyFailed, run FAILED error Broken
      `,
    },
    {
      title: "goes on however the other ends, if that is all it asks",
      plan: [aTask("a"), aTask("b", { after: ["a ended"] }), aTask("c", { after: ["a"] })],
      script: `
        at 0s  w attaches
               w starts
               a fails       -> b QUEUED, c SKIPPED
               w starts
               b succeeds    -> run FAILED
      `,
    },
    {
      title: "goes on after one that was SKIPPED, if it asks only for its end",
      plan: [aTask("a"), aTask("b", { after: ["a"] }), aTask("c", { after: ["b ended"] })],
      script: `
        at 0s  w attaches
               w starts
               a fails  -> b SKIPPED, c QUEUED
      `,
    },
    {
      title: "names another one twice and waits for it once",
      plan: [aTask("a"), aTask("b", { after: ["a", "a ended", "a"], inputs: { x: "from a" } })],
      script: `
        at 0s                -> b PENDING waits 1
               w attaches
               w starts
               a succeeds    -> b QUEUED
      `,
    },
  ]);
});

describe("a guard", () => {
  const plan = [
    aCondition("ok"),
    aTask("yes", { after: [isTrue("ok")] }),
    aTask("no", { after: [{ action: "ok", equals: bool(false) }] }),
    aTask("then", { after: ["yes"] }),
  ];
  tell([
    {
      title: "lets on what its value is for and rules out the rest, and the run succeeds all the same",
      plan,
      script: `
        at 0s  ann signals ok false  -> yes SKIPPED error GuardUnmet, then SKIPPED error GuardUnmet, no QUEUED
               w attaches
               w starts
               no succeeds           -> run SUCCEEDED
      `,
    },
    {
      title: "is not met by an answer that never came",
      plan: [aCondition("ok", { timeoutMs: 1000 }), aTask("yes", { after: [isTrue("ok")] })],
      script: `
        at 1s  -> yes SKIPPED error DependencyFailed, run TIMED_OUT
      `,
    },
    {
      title: "asks the output value of a task too",
      plan: [aTask("a"), aTask("b", { after: [isTrue("a")] }), aTask("c", { after: [isTrue("a")] })],
      script: `
        at 0s  w attaches
               w starts
               a succeeds with true  -> b QUEUED, c QUEUED
      `,
    },
    {
      title: "is not met by a task that puts out nothing",
      plan: [aTask("a"), aTask("b", { after: [isTrue("a")] })],
      script: `
        at 0s  w attaches
               w starts
               a succeeds  -> b SKIPPED error GuardUnmet, run SUCCEEDED
      `,
    },
    {
      title: "is looked at when all the others have ended, if it was met before",
      plan: [aCondition("ok"), aTask("a"), aTask("b", { after: [isTrue("ok"), "a"] })],
      script: `
        at 0s  ann signals ok true  -> b PENDING waits 1
               w attaches
               w starts
               a fails              -> b SKIPPED error DependencyFailed
      `,
    },
    {
      title: "keeps ruling out after RetryRun, with what waits for it, while the rest is done again",
      plan: [...plan, aTask("bad")],
      script: `
        at 0s  ann signals ok false
               w attaches
               w starts
               no succeeds
               bad fails       -> run FAILED
               ann forces      -> bad QUEUED, yes SKIPPED error GuardUnmet, then SKIPPED error GuardUnmet
               w starts
               bad succeeds    -> run SUCCEEDED
      `,
    },
  ]);

  test("that ruled something out is not looked at again by RetryRun", () => {
    const world = new World();
    world.create({ plan: [...plan, aTask("bad")] });
    world.signal("ok", bool(false));
    world.attach();
    world.start();
    world.succeed("no");
    world.fail("bad");
    world.retry({ force: true });
    expect(world.eventsOf("action_reopened").map(({ action }) => action)).toEqual(["bad"]);
  });

  test("for a whole number is met by a float of that size", () => {
    const world = new World();
    const after = [{ action: "n", equals: int(2) }];
    world.create({ plan: [aCondition("n", { type: "float" }), aTask("a", { after })] });
    world.signal("n", float(2));
    expect(world.action("a").state).toBe("QUEUED");
  });
});

describe("an input that refers to an output", () => {
  function after(outputs: Parameters<World["succeed"]>[1], reference: string): World {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b", { inputs: { x: reference, y: int(1) } })] });
    world.attach();
    world.start();
    world.succeed("a", outputs);
    return world;
  }

  test.each([
    { given: "one output", outputs: { n: int(5), m: int(6) }, reference: "from a.n", gives: int(5) },
    {
      given: "all outputs",
      outputs: { n: int(5), s: text("t"), f: float(0.5), j: json([null]) },
      reference: "from a",
      gives: json({ n: 5, s: "t", f: 0.5, j: [null] }),
    },
    {
      given: "all outputs with a number that JSON cannot hold",
      outputs: { n: int("9007199254740993") },
      reference: "from a",
      gives: json({ n: "9007199254740993" }),
    },
    { given: "all of no outputs", outputs: {}, reference: "from a", gives: json({}) },
  ])("is resolved when its task is assigned: $given", ({ outputs, reference, gives }) => {
    expect(after(outputs, reference).assign()).toMatchObject([{ inputs: { x: gives, y: int(1) } }]);
  });

  test.each([
    { given: "an output that is not there", reference: "from a.n" },
    { given: "a name that every JavaScript object has", reference: "from a.constructor" },
  ])("to $given fails its task as InputMissing, without an attempt", ({ reference }) => {
    const world = after({ m: int(1) }, reference);
    expect(world.action("b")).toMatchObject({ state: "FAILED", attempt: 0, error: { type: "InputMissing" } });
    expect(world.run().state).toBe("FAILED");
  });

  test("waits for the action without naming it, and skips its task if that fails", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b", { inputs: { x: "from a.n" } })] });
    expect(world.action("b")).toMatchObject({ state: "PENDING", waitingCount: 1 });
    world.attach();
    world.start();
    world.fail("a");
    expect(world.action("b")).toMatchObject({ state: "SKIPPED", error: { type: "DependencyFailed" } });
  });

  test("takes the answer to a condition as its output value", () => {
    const world = new World();
    world.create({ plan: [aCondition("q", { type: "int" }), aTask("b", { inputs: { x: "from q.value" } })] });
    world.attach();
    world.signal("q", int(3));
    expect(world.assign()).toMatchObject([{ inputs: { x: int(3) } }]);
  });

  test("is of a size that is bounded over all inputs: past it the task fails as InputTooLarge", () => {
    const world = new World();
    const large = text("x".repeat(inputSizeBytesMax / 4));
    const inputs = { a: large, b: large, c: large, d: large };
    world.create({ plan: [aTask("t", { inputs }), aTask("u", { after: ["t"] })] });
    expect(world.action("t")).toMatchObject({ state: "FAILED", error: { type: "InputTooLarge" } });
    expect(world.action("u")).toMatchObject({ state: "SKIPPED" });
    expect(world.run().state).toBe("FAILED");
    expect(world.eventsOf("action_created").map(({ action, detail }) => [action, detail.state])).toEqual([
      ["t", "FAILED"],
      ["u", "PENDING"],
    ]);
  });
});

describe("a run of 10,000 actions", () => {
  // Recursion would overflow the stack here, and quadratic work would run past the time that a test has.
  const last = `t${liveActionsPerRunMax - 1}`;

  function chained(): World {
    const world = new World();
    world.create({ plan: aChain(liveActionsPerRunMax) });
    world.attach();
    return world;
  }

  test("in a chain is skipped as a whole when the first one fails", () => {
    const world = chained();
    world.start();
    world.fail("t0");
    expect(world.action(last)).toMatchObject({ state: "SKIPPED" });
    expect(world.run()).toMatchObject({ state: "FAILED", endedActionCount: liveActionsPerRunMax });
  });

  test("in a chain is cancelled and opened again as a whole", () => {
    const world = chained();
    world.cancel();
    expect(world.run()).toMatchObject({ state: "CANCELLED", endedActionCount: liveActionsPerRunMax });
    world.retry();
    expect(world.run()).toMatchObject({ state: "QUEUED", endedActionCount: 0 });
    expect(world.action(last)).toMatchObject({ state: "PENDING", waitingCount: 1 });
  });

  test("in a chain whose first one cannot start ends as it is created", () => {
    const world = new World();
    const [first = aTask("t0"), ...rest] = aChain(liveActionsPerRunMax);
    const large = text("x".repeat(inputSizeBytesMax));
    expect(first.name).toBe("t0");
    world.create({ plan: [aTask("t0", { inputs: { large } }), ...rest] });
    expect(world.run()).toMatchObject({ state: "FAILED", endedActionCount: liveActionsPerRunMax });
  });

  test("of which one waits for all the others goes on when the last of them has ended", () => {
    const world = new World();
    const names = Array.from({ length: liveActionsPerRunMax - 1 }, (_, index) => `q${index}`);
    world.create({ plan: [...names.map((name) => aCondition(name)), aTask("all", { after: names })] });
    expect(world.action("all").waitingCount).toBe(liveActionsPerRunMax - 1);
    world.cancel();
    world.retry();
    expect(world.action("all")).toMatchObject({ state: "PENDING", waitingCount: liveActionsPerRunMax - 1 });
    for (const name of names) world.signal(name, bool(true));
    expect(world.action("all")).toMatchObject({ state: "QUEUED", waitingCount: 0 });
  });

  test("of which each has children that end with it is cancelled in one go", () => {
    const world = new World();
    const count = liveActionsPerRunMax / 4;
    world.create({ plan: Array.from({ length: count }, (_, index) => aTask(`t${index}`)) });
    world.attach();
    world.start("w", 10_000);
    while (world.start("w", 10_000).length > 0);
    for (let index = 0; index < count; index++)
      world.add(`t${index}`, aCondition("q"), aTask("b"), aTask("c"));
    world.cancel();
    expect(world.run().endedActionCount).toBe(count * 3);
    world.at(world.nowMs + 10_000);
    expect(world.run()).toMatchObject({
      state: "CANCELLED",
      actionCount: count * 4,
      endedActionCount: count * 4,
    });
  });
});
