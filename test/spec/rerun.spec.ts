import { describe, expect, test } from "vitest";
import type { CommandOf } from "../../src/core/command.ts";
import { standingOf } from "../../src/core/conditions/standing.ts";
import { runKey } from "../../src/core/name.ts";
import type { Replay } from "../../src/core/stated.ts";
import { labelsMax } from "../../src/limits.ts";
import {
  aCondition,
  answerRule,
  aTask,
  bool,
  by,
  noReplays,
  noRequest,
  terms,
  text,
  theTask,
} from "../support/builders.ts";
import { type Done, theRun, World } from "../support/world.ts";

const again = runKey("default", "r2");

function rerun(world: World, parts: Partial<CommandOf<"rerunRun">> = {}): Done<"rerunRun"> {
  return world.do<"rerunRun">({
    kind: "rerunRun",
    request: noRequest,
    run: theRun,
    runId: "r2",
    newRunId: "r-new",
    again: [],
    replays: noReplays,
    labels: {},
    priority: undefined,
    createdBy: "olga",
    ...parts,
  });
}

/** `fetch` succeeded, `approve` was answered with yes, `ship`, which waits for both, failed. */
function shippingFailed(): World {
  const world = new World();
  world.create({
    plan: [
      aTask("fetch"),
      aCondition("approve", { after: ["fetch"] }),
      aTask("ship", { after: ["fetch", "approve"] }),
    ],
  });
  world.attach();
  world.start();
  world.succeed("fetch", { path: text("a") });
  world.signal("approve", bool(true));
  world.start();
  world.fail("ship");
  return world;
}

function statesOf(world: World): Readonly<Record<string, string>> {
  return Object.fromEntries(world.state.actions(again).map(({ name, state }) => [name, state]));
}

describe("RerunRun", () => {
  test("takes over what succeeded, with its outputs, and executes the rest", () => {
    const world = shippingFailed();
    expect(rerun(world)).toMatchObject({ ok: true, answer: { recoveredCount: 2 } });
    expect(statesOf(world)).toEqual({ fetch: "RECOVERED", approve: "RECOVERED", ship: "QUEUED" });
    expect(world.action("fetch", again)).toMatchObject({
      outputs: { path: text("a") },
      recoveredFrom: "r",
      attempt: 0,
    });
    expect(world.run(again)).toMatchObject({
      createdBy: "olga",
      rerunOf: "r",
      actionCount: 3,
      endedActionCount: 2,
    });
    world.start();
    const ship = { ...world.reference("fetch", again), action: "ship", attempt: 1, epoch: 1 };
    world.report(ship, { kind: "succeeded", outputs: {} });
    expect(world.run(again).state).toBe("SUCCEEDED");
    // The earlier run stays as it was.
    expect(world.run().state).toBe("FAILED");
  });

  test("shows who gave an answer that is taken over, when, and in which run", () => {
    const world = shippingFailed();
    rerun(world);
    const [given] = standingOf(world.action("approve", again)).earlier;
    expect(given).toMatchObject({ value: bool(true), subject: "ann", runId: "r" });
  });

  test("executes what is named again, and with it what depends on it", () => {
    const world = shippingFailed();
    rerun(world, { again: ["fetch"] });
    expect(statesOf(world)).toEqual({ fetch: "QUEUED", approve: "PENDING", ship: "PENDING" });
  });

  test("of which everything succeeded ends at once", () => {
    const world = new World();
    world.create();
    world.attach();
    world.start();
    world.succeed("main", { n: text("1") });
    rerun(world);
    expect(world.run(again)).toMatchObject({ state: "SUCCEEDED", outputs: { n: text("1") } });
  });

  test.each<{ replay: Replay; state: string; end: string }>([
    { replay: "reuse", state: "RECOVERED", end: "RECOVERED" },
    { replay: "askAgain", state: "PAUSED", end: "SUCCEEDED" },
    { replay: "requireBoth", state: "PAUSED", end: "FAILED" },
  ])("with $replay a condition is $state, and $end after another answer", ({ replay, state, end }) => {
    const world = shippingFailed();
    rerun(world, { replays: { all: "reuse", byCondition: { approve: replay } } });
    expect(statesOf(world)["approve"]).toBe(state);
    world.signal("approve", bool(false), { run: again });
    expect(statesOf(world)["approve"]).toBe(end);
  });

  test("that requires both answers goes on with the same one", () => {
    const world = shippingFailed();
    rerun(world, { replays: { all: "requireBoth", byCondition: {} } });
    world.signal("approve", bool(true), { run: again });
    expect(statesOf(world)).toEqual({ fetch: "RECOVERED", approve: "SUCCEEDED", ship: "QUEUED" });
  });

  test("gives a task that did not succeed the children it had", () => {
    const world = new World();
    world.create();
    world.attach();
    world.start();
    world.add("main", aTask("part"), aCondition("sure"));
    world.start();
    world.succeed("main/part", { n: text("1") });
    world.signal("main/sure", bool(true));
    world.fail("main");
    rerun(world, { replays: { all: undefined, byCondition: { "main/sure": "askAgain" } } });
    expect(statesOf(world)).toEqual({ main: "QUEUED", "main/part": "RECOVERED", "main/sure": "RECOVERED" });
    world.start();
    const attempt = world.reference("main", again);
    const actions = [aTask("part"), aCondition("sure")];
    const asked = world.must<"addActions">({ kind: "addActions", sessionId: "", attempt, actions });
    expect(asked.actions.map(({ state }) => state)).toEqual(["RECOVERED", "PAUSED"]);
    // It was not open in this run before.
    expect(standingOf(world.action("main/sure", again)).instance).toBe(1);
  });

  test("starts nothing before what it waits for has ended, though some of that ends at once", () => {
    const world = new World();
    const isYes = { action: "c", equals: bool(true) };
    const x = aTask("x", { after: ["a ended", "b ended"] });
    world.create({ plan: [aCondition("c"), aTask("a", { after: [isYes] }), aTask("b"), x] });
    world.signal("c", bool(false));
    world.attach();
    world.start();
    world.fail("b");
    world.start();
    world.fail("x");
    rerun(world);
    expect(statesOf(world)).toEqual({ c: "RECOVERED", a: "SKIPPED", b: "QUEUED", x: "PENDING" });
  });

  test("of a run that had a decided group asks its losers nothing, unless the winner is asked again", () => {
    const world = new World();
    const member = (name: string) => aCondition(name, { terms: terms({ group: "g" }) });
    world.create({ plan: [member("p"), member("q"), aTask("x", { after: ["q"] })] });
    world.signal("p", bool(true));
    rerun(world);
    expect(statesOf(world)).toEqual({ p: "RECOVERED", q: "SKIPPED", x: "SKIPPED" });
    expect(world.run(again)).toMatchObject({ state: "SUCCEEDED", endedActionCount: 3 });
    rerun(world, { runId: "r3", replays: { all: "askAgain", byCondition: {} } });
    const third = runKey("default", "r3");
    expect(world.state.actions(third).map(({ state }) => state)).toEqual(["PAUSED", "PAUSED", "PENDING"]);
    world.signal("q", bool(true), { run: third });
    expect(world.run(third)).toMatchObject({ pausedConditionCount: 0, endedActionCount: 2 });
  });

  test("of a run that was done over keeps an answer required until the condition is to ask as if new", () => {
    const world = shippingFailed();
    rerun(world, { replays: { all: "requireBoth", byCondition: {} } });
    world.signal("approve", bool(false), { run: again });
    expect(world.run(again).state).toBe("FAILED");
    const kept = [undefined, "reuse", "requireBoth", "askAgain"] as const;
    const ends = kept.map((all, index) => {
      const runId = `again${index}`;
      rerun(world, { run: again, runId, replays: { all, byCondition: {} } });
      world.signal("approve", bool(false), { run: runKey("default", runId) });
      return world.action("approve", runKey("default", runId)).state;
    });
    expect(ends).toEqual(["FAILED", "FAILED", "FAILED", "SUCCEEDED"]);
  });

  test("of a task with thousands of children, beside thousands of others, gives it all of them", () => {
    const world = new World();
    world.create({
      plan: [aTask("main"), ...Array.from({ length: 4_000 }, (_, index) => aTask(`t${index}`))],
    });
    world.attach();
    world.start("w", 5_000);
    for (let start = 0; start < 4_000; start += 1_000) {
      world.add("main", ...Array.from({ length: 1_000 }, (_, index) => aCondition(`c${start + index}`)));
    }
    world.cancel();
    for (const { name, state } of world.state.actions(theRun)) {
      if (state === "RUNNING") world.fail(name);
    }
    expect(world.run().state).toBe("CANCELLED");
    const done = rerun(world);
    expect(done).toMatchObject({ ok: true, answer: { recoveredCount: 0 } });
    expect(world.action("main", again)).toMatchObject({ state: "QUEUED", childCount: 4_000 });
  });

  test(`has the labels of the earlier run and its own, ${labelsMax} at most`, () => {
    const world = new World();
    const some = (count: number, what: string) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${what}${index}`, "x"]));
    world.create({ labels: some(labelsMax - 1, "old") });
    world.cancel();
    expect(rerun(world, { labels: some(2, "new") })).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "labelsMax", maximum: labelsMax },
    });
    expect(rerun(world, { labels: { old0: "y", ...some(1, "new") } })).toMatchObject({ ok: true });
    expect(world.run(again).labels).toMatchObject({ old0: "y", old1: "x", new0: "x" });
  });

  test.each([
    { who: "olga", answers: ["ben", "olga"], excludesRequester: true, state: "PAUSED" },
    { who: "olga", answers: ["olga", "ben"], excludesRequester: true, state: "PAUSED" },
    { who: "olga", answers: ["olga", "ben"], excludesRequester: false, state: "RECOVERED" },
    { who: "rita", answers: ["olga", "ben"], excludesRequester: true, state: "RECOVERED" },
  ])("by $who does not reuse their own answer where they may not give it: %o", (row) => {
    const { who, answers, excludesRequester, state } = row;
    const world = new World();
    const rule = answerRule({ requiredCount: 2, excludesRequester });
    world.create({ plan: [aTask("t"), aCondition("c", { terms: terms({ rule }) })] });
    for (const subject of answers) world.signal("c", bool(true), { by: by(subject) });
    world.cancel();
    rerun(world, { createdBy: who });
    expect(statesOf(world)).toMatchObject({ c: state });
  });

  test("says where an action was really executed, also after several reruns", () => {
    const world = shippingFailed();
    rerun(world);
    world.cancel(again);
    rerun(world, { run: again, runId: "r3" });
    expect(world.action("fetch", runKey("default", "r3")).recoveredFrom).toBe("r");
    expect(world.run(runKey("default", "r3")).rerunOf).toBe("r2");
  });

  test("has the time that the earlier run had, from its own beginning", () => {
    const world = new World();
    world.create({ timeoutMs: 5_000, plan: [aCondition("c")] });
    world.at(5_000);
    expect(world.run().state).toBe("TIMED_OUT");
    rerun(world);
    world.at(9_999);
    expect(world.run(again).state).toBe("RUNNING");
    world.at(10_000);
    expect(world.run(again)).toMatchObject({ state: "TIMED_OUT", error: { type: "Timeout" } });
  });

  test("that requires both answers fails on a default value that is another one, too", () => {
    const world = new World();
    const asked = { timeoutMs: 1_000, defaultValue: bool(false) };
    world.create({ plan: [aCondition("c", asked), aCondition("d", asked)] });
    world.signal("c", bool(true));
    world.at(1_000);
    rerun(world, { replays: { all: "requireBoth", byCondition: {} } });
    world.at(2_000);
    expect(statesOf(world)).toEqual({ c: "FAILED", d: "SUCCEEDED" });
    expect(world.action("c", again).error?.type).toBe("AnswersDiffer");
  });

  test("says which conditions it is told of that the run does not have", () => {
    const byCondition = { aprove: "askAgain", ship: "reuse", approve: "reuse" } as const;
    expect(rerun(shippingFailed(), { replays: { all: undefined, byCondition } })).toMatchObject({
      refusal: {
        reason: "INVALID_REQUEST",
        violations: [
          { field: 'replay_by_condition["aprove"]', description: "is no condition of the run" },
          { field: 'replay_by_condition["ship"]', description: "is no condition of the run" },
        ],
      },
    });
  });

  test.each([
    { of: "a run that is not there", parts: { run: runKey("default", "no") }, reason: "RUN_NOT_FOUND" },
    { of: "an id that is taken", parts: { runId: "r" }, reason: "RUN_EXISTS" },
    { of: "an action that is not there", parts: { again: ["no"] }, reason: "ACTION_NOT_FOUND" },
  ])("of $of is refused with $reason", ({ parts, reason }) => {
    expect(rerun(shippingFailed(), parts)).toMatchObject({ ok: false, refusal: { reason } });
  });

  test("of a run that goes on is refused", () => {
    const world = new World();
    world.create({ task: theTask() });
    expect(rerun(world)).toMatchObject({ refusal: { reason: "RUN_NOT_ENDED" } });
  });
});

describe("RetryRun and earlier answers", () => {
  test.each<{ replay: Replay | undefined; all: boolean; state: string }>([
    { replay: undefined, all: false, state: "SUCCEEDED" },
    { replay: "reuse", all: false, state: "SUCCEEDED" },
    { replay: "askAgain", all: false, state: "PAUSED" },
    { replay: "requireBoth", all: false, state: "PAUSED" },
    { replay: undefined, all: true, state: "PENDING" },
    { replay: "reuse", all: true, state: "SUCCEEDED" },
  ])("with $replay (all: $all) the condition is $state", ({ replay, all, state }) => {
    const world = shippingFailed();
    world.retry({ force: true, all, replays: { all: replay, byCondition: {} } });
    expect(world.action("approve").state).toBe(state);
  });

  test.each<{ replay: Replay | undefined; end: string }>([
    { replay: undefined, end: "FAILED" },
    { replay: "reuse", end: "FAILED" },
    { replay: "requireBoth", end: "FAILED" },
    { replay: "askAgain", end: "SUCCEEDED" },
  ])("that required both answers, with $replay behind it, ends with another one as $end", (row) => {
    const world = shippingFailed();
    world.retry({ force: true, replays: { all: "requireBoth", byCondition: {} } });
    world.signal("approve", bool(false));
    world.retry({ force: true, replays: { all: row.replay, byCondition: {} } });
    world.signal("approve", bool(false));
    expect(world.action("approve").state).toBe(row.end);
  });

  test("says which conditions it is told of that the run does not have", () => {
    const replays = { all: undefined, byCondition: { aprove: "askAgain" } } as const;
    expect(shippingFailed().retry({ force: true, replays })).toMatchObject({
      refusal: { reason: "INVALID_REQUEST", violations: [{ field: 'replay_by_condition["aprove"]' }] },
    });
  });

  test("that requires both fails on another answer, and not when it is asked again after that", () => {
    const world = shippingFailed();
    world.retry({ force: true, replays: { all: "requireBoth", byCondition: {} } });
    world.signal("approve", bool(false));
    expect(world.action("approve")).toMatchObject({ state: "FAILED", error: { type: "AnswersDiffer" } });
    world.retry({ force: true, replays: { all: "askAgain", byCondition: {} } });
    world.signal("approve", bool(false));
    expect(world.action("approve").state).toBe("SUCCEEDED");
  });
});
