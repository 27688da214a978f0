import { describe, expect, test } from "vitest";
import type { CommandOf } from "../../src/core/command.ts";
import { standingOf } from "../../src/core/conditions/standing.ts";
import { runKey } from "../../src/core/name.ts";
import type { Replay } from "../../src/core/stated.ts";
import { aCondition, aTask, bool, noReplays, noRequest, text, theTask } from "../support/builders.ts";
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
