import { describe, expect, test } from "vitest";
import { liveActionsPerRunMax, outputSizeBytesMax } from "../../src/limits.ts";
import { aCondition, aTask, aTrace, bool, int, text, theTask } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { World } from "../support/world.ts";

const retry = { maxAttempts: 3, initialBackoffMs: 0 };

describe("a child", () => {
  tell([
    {
      title: "is added by a running task under a name of its own, and runs beside it",
      script: `
        at 0s  w attaches
               w starts
               main adds b q?      -> main/b QUEUED, main/q PAUSED
               w starts            -> main/b RUNNING
               main/b succeeds     -> main/b SUCCEEDED, main RUNNING
      `,
    },
    {
      title: "waits for its siblings as the actions of a plan do",
      script: `
        at 0s  w attaches
               w starts
               main adds a b<a     -> main/a QUEUED, main/b PENDING waits 1
               w starts
               main/a succeeds     -> main/b QUEUED
               main adds c<a d<b   -> main/c QUEUED, main/d PENDING
      `,
    },
    {
      title: "that succeeded is found with its result by the next attempt of its parent",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main/b succeeds with 7
               main fails          -> main PENDING, main/b SUCCEEDED
        at 0s  w starts            -> main RUNNING attempt 2
               main adds b         -> main/b SUCCEEDED value 7 attempt 1
      `,
    },
    {
      title: "that still runs is found running by the next attempt of its parent",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main fails          -> main/b RUNNING attempt 1
        at 0s  w starts
               main adds b         -> main/b RUNNING attempt 1 epoch 1
      `,
    },
    {
      title: "that failed is opened again by the next attempt of its parent",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main adds b c<b
               w starts
               main/b fails        -> main/b FAILED attempt 1, main/c SKIPPED
               main fails
        at 0s  w starts            -> main RUNNING attempt 2, main/b FAILED
               main adds b c<b     -> main/b QUEUED attempt 1 error undefined, main/c PENDING waits 1
               w starts            -> main/b RUNNING attempt 2 epoch 2
               main/b succeeds     -> main/c QUEUED
      `,
    },
    {
      title: "that failed stays FAILED for the attempt that asked for it, however often it asks",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main/b fails        -> main/b FAILED attempt 1
               main adds b         -> main/b FAILED attempt 1
               main fails
        at 0s  w starts            -> main RUNNING attempt 2
               main adds b         -> main/b QUEUED
               w starts
               main/b fails        -> main/b FAILED attempt 2
               main adds b         -> main/b FAILED attempt 2
      `,
    },
    {
      title: "that fails during an attempt that has not asked for it yet is opened again when it does",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main fails
        at 0s  w starts            -> main RUNNING attempt 2
               main/b fails        -> main/b FAILED
               main adds b         -> main/b QUEUED
      `,
    },
    {
      title: "that waits for others waits too for a sibling that is opened again meanwhile",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main adds a x b<a_ended<x
               w starts
               main/a fails        -> main/a FAILED, main/b PENDING waits 1
               main fails
        at 0s  w starts            -> main RUNNING
               main adds a         -> main/a QUEUED, main/b PENDING waits 2
               main/x succeeds     -> main/b PENDING waits 1
               w starts
               main/a succeeds     -> main/b QUEUED
      `,
    },
    {
      title: "that is found by a task which is being cancelled is not opened again",
      task: { retry },
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main/b fails
               main fails
        at 0s  w starts
               ann cancels
               main adds b c       -> main/b FAILED, main/c CANCELLED, main RUNNING
      `,
    },
    {
      title: "is cancelled when its parent ends, however that does",
      script: `
        at 0s  w attaches
               w starts
               main adds b c<b q?
               w starts            -> main/b RUNNING
               main succeeds -> main SUCCEEDED, main/b RUNNING due 10s, main/c CANCELLED, main/q CANCELLED
                                   -> run RUNNING
        at 1s  main/b stops        -> main/b CANCELLED, run SUCCEEDED
      `,
    },
    {
      title: "that does not stop holds up the end of its run for its grace and no longer",
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main fails          -> main FAILED, main/b RUNNING due 10s, run RUNNING
        at 10s                     -> main/b CANCELLED, run FAILED
      `,
    },
    {
      title: "of a child is cancelled with it",
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main/b adds c q?
               main succeeds       -> main/b RUNNING, main/b/c QUEUED, main/b/q PAUSED
        at 1s  main/b stops        -> main/b CANCELLED, main/b/c CANCELLED, main/b/q CANCELLED, run SUCCEEDED
      `,
    },
    {
      title: "that fails does not fail its run: its parent decides",
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main/b fails
               main succeeds       -> main/b FAILED, run SUCCEEDED
      `,
    },
    {
      title: "that succeeded is opened again after a forced retry of its run",
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main/b succeeds with 1
               main succeeds       -> run SUCCEEDED
               ann forces          -> main QUEUED, main/b SUCCEEDED, run QUEUED
               w starts
               main adds b         -> main/b QUEUED value undefined
               w starts
               main/b succeeds with 2 -> main/b SUCCEEDED value 2 attempt 2
               main adds b         -> main/b SUCCEEDED value 2
      `,
    },
    {
      title: "that succeeded stays after a retry of its run",
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
               main/b succeeds with 1
               main fails          -> run FAILED
               ann forces          -> main QUEUED, main/b SUCCEEDED
               w starts
               main adds b         -> main/b SUCCEEDED value 1
      `,
    },
  ]);

  test("that was queued before what it takes from is opened again waits for that", () => {
    const world = new World();
    world.create();
    world.attach();
    world.start();
    const b = aTask("b", { inputs: { x: "from a.value" } });
    world.add("main", aTask("a"), b);
    world.start();
    world.succeed("main/a", { value: int(1) });
    world.start();
    world.succeed("main/b");
    world.succeed("main");
    world.retry({ force: true });
    world.start();
    world.add("main", b);
    world.add("main", aTask("a"));
    const assignments = world.start();
    expect(assignments.map(({ attempt }) => attempt.action)).toEqual(["main/a"]);
    expect(world.action("main/b")).toMatchObject({ state: "PENDING", waitingCount: 1, dueMs: undefined });
    world.succeed("main/a", { value: int(2) });
    expect(world.start()).toMatchObject([{ attempt: { action: "main/b" }, inputs: { x: int(2) } }]);
  });

  test("that is added beside one that is opened and ends at once does not count that twice", () => {
    const world = new World();
    world.create({ task: theTask({ retry }) });
    world.attach();
    world.start();
    const broken = aTask("broken", { inputs: { x: "from a.missing" } });
    world.add("main", aTask("a"), broken);
    world.start();
    world.succeed("main/a");
    expect(world.action("main/broken")).toMatchObject({ state: "FAILED", error: { type: "InputMissing" } });
    world.fail("main");
    world.at(0).start();
    world.add("main", broken, aTask("b"), aTask("c", { after: ["broken ended", "b"] }));
    expect(world.action("main/broken")).toMatchObject({ state: "FAILED" });
    expect(world.action("main/c")).toMatchObject({ state: "PENDING", waitingCount: 1 });
  });

  test("of a parent that is cancelled is created and cancelled at once", () => {
    const world = new World();
    world.create();
    world.attach();
    world.start();
    world.cancel();
    const done = world.add("main", aTask("b"), aCondition("q"));
    expect(done).toMatchObject({ answer: { actions: [{ state: "CANCELLED" }, { state: "CANCELLED" }] } });
  });

  test("is told to its parent's session when it ends, and a trace is not", () => {
    const world = new World();
    world.create();
    world.attach();
    world.start();
    world.add("main", aTask("b"), aCondition("q"), aTrace("t"));
    world.start();
    world.succeed("main/b");
    world.signal("main/q", bool(true));
    world.report(world.reference(), { kind: "trace_ended", name: "t", outputs: {}, error: undefined });
    const told = world.effects.filter(({ kind }) => kind === "childEnded");
    const parent = world.reference();
    expect(told).toMatchObject([
      { sessionId: "s1", parent, child: { name: "main/b", state: "SUCCEEDED" } },
      { sessionId: "s1", parent, child: { name: "main/q", state: "SUCCEEDED" } },
    ]);
  });

  test("that ends while its parent does not run is told to nobody", () => {
    const world = new World();
    world.create({ task: theTask({ retry }) });
    world.attach();
    world.start();
    world.add("main", aCondition("q"));
    world.add("main", aCondition("p"));
    world.fail("main");
    world.signal("main/q", bool(true));
    world.at(0).assign();
    world.signal("main/p", bool(true));
    expect(world.effects.filter(({ kind }) => kind === "childEnded")).toEqual([]);
  });

  test("under a lease that has moved on is refused", () => {
    const world = new World();
    world.create();
    world.attach();
    world.assign();
    const attempt = world.reference();
    world.decline(attempt);
    const command = { kind: "addActions" as const, sessionId: "s1", attempt, actions: [aTask("b")] };
    expect(world.do<"addActions">(command)).toMatchObject({ refusal: { reason: "STALE_EPOCH" } });
  });

  test.each([
    {
      had: "a task",
      first: aTask("b"),
      asks: "a condition",
      second: aCondition("b"),
      gives: "ACTION_EXISTS",
    },
    {
      had: "a task",
      first: aTask("b"),
      asks: "another op",
      second: aTask("b", { op: "o" }),
      gives: "ACTION_EXISTS",
    },
    {
      had: "a condition",
      first: aCondition("b"),
      asks: "one of another type",
      second: aCondition("b", { type: "int" }),
      gives: "ACTION_EXISTS",
    },
    { had: "a trace", first: aTrace("b"), asks: "a task", second: aTask("b"), gives: "ACTION_EXISTS" },
    {
      had: "a task",
      first: aTask("b"),
      asks: "the same with other inputs",
      second: aTask("b", { inputs: { x: int(1) } }),
      gives: "found",
    },
    {
      had: "a condition",
      first: aCondition("b"),
      asks: "the same in other words",
      second: aCondition("b", { prompt: "sure?" }),
      gives: "found",
    },
    { had: "a trace", first: aTrace("b"), asks: "the same", second: aTrace("b"), gives: "found" },
  ])("that is $had, asked for again as $asks: $gives", ({ first, second, gives }) => {
    const world = new World();
    world.create();
    world.attach();
    world.start();
    world.add("main", first);
    const done = world.add("main", second);
    if (gives === "found")
      expect(done).toMatchObject({ answer: { actions: [{ name: "main/b" }] }, events: [] });
    else expect(done).toMatchObject({ refusal: { reason: gives, action: "main/b" } });
  });

  test("is refused below eight levels", () => {
    const world = new World();
    world.create();
    world.attach();
    let parent = "main";
    for (let level = 2; level <= 8; level++) {
      world.start();
      expect(world.add(parent, aTask("x")).ok).toBe(true);
      parent = `${parent}/x`;
    }
    world.start();
    expect(world.add(parent, aTask("x"))).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "depthMax", maximum: 8 },
    });
  });

  test("is refused, and with it all that were asked for, in a run that is full", () => {
    const world = new World();
    world.create({
      plan: [aTask("a"), ...Array.from({ length: liveActionsPerRunMax - 3 }, (_, i) => aCondition(`c${i}`))],
    });
    world.attach();
    world.start();
    expect(world.add("a", aTask("x"), aTask("y"), aTask("z"))).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "liveActionsPerRunMax", maximum: liveActionsPerRunMax },
    });
    expect(world.state.action(world.run().key, "a/x")).toBeUndefined();
    expect(world.add("a", aTask("x"), aTask("y"))).toMatchObject({ ok: true });
    expect(world.add("a", aTask("x"), aTask("y"))).toMatchObject({ ok: true });
    // What has ended makes room: a run may have more actions over time than it may have open at once.
    expect(world.add("a", aTask("z"))).toMatchObject({ ok: false });
    world.signal("c0", bool(true));
    expect(world.add("a", aTask("z"))).toMatchObject({ ok: true });
  });

  test("that depends on what is not beside it is refused, each place by itself", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b")] });
    world.attach();
    world.start();
    expect(
      world.add("a", aTask("x", { after: ["b"] }), aTask("y", { inputs: { in: "from z.out" } })),
    ).toMatchObject({
      refusal: {
        reason: "INVALID_REQUEST",
        violations: [
          { field: "add_actions.actions[0].dependencies[0].action" },
          { field: 'add_actions.actions[1].task.inputs["in"].reference.from' },
        ],
      },
    });
  });

  test("has the priority of its run, as that stands when it is opened again", () => {
    const world = new World();
    world.create({ task: theTask({ retry }) });
    world.attach();
    world.start();
    world.add("main", aTask("b"));
    world.start();
    world.fail("main/b");
    const update = { request: { requestId: "", digest: "" }, setLabels: {}, removeLabels: [] };
    world.must<"updateRun">({ kind: "updateRun", run: world.run().key, priority: 7, ...update });
    world.fail("main");
    world.at(0).start();
    world.add("main", aTask("b"));
    expect(world.action("main/b")).toMatchObject({ state: "QUEUED", priority: 7 });
  });
});

describe("a trace", () => {
  function traced(): World {
    const world = new World();
    world.create({ task: theTask({ retry }) });
    world.attach();
    world.start();
    world.add("main", aTrace("t"));
    return world;
  }
  const ended = { kind: "trace_ended" as const, name: "t", outputs: { value: int(1) }, error: undefined };
  const error = { type: "Broken", message: "", stack: "", nonRetryable: false };

  test("runs from when it is added, and nobody is assigned it", () => {
    const world = traced();
    expect(world.action("main/t")).toMatchObject({ state: "RUNNING", startTimeMs: 0, sessionId: undefined });
    expect(world.assign()).toEqual([]);
  });

  test.each([
    { how: "outputs", content: ended, state: "SUCCEEDED", outputs: { value: int(1) } },
    { how: "an error", content: { ...ended, error }, state: "FAILED", outputs: undefined },
  ])("ends with $how as its task reports", ({ content, state, outputs }) => {
    const world = traced();
    expect(world.report(world.reference(), content)).toBeUndefined();
    expect(world.action("main/t")).toMatchObject({ state, outputs });
    expect(world.report(world.reference(), { ...ended, outputs: {} })).toBeUndefined();
    expect(world.action("main/t")).toMatchObject({ state, outputs });
  });

  test("that succeeded is found with its result; one that failed is done again by the next attempt", () => {
    const world = traced();
    world.add("main", aTrace("u"));
    world.report(world.reference(), ended);
    world.report(world.reference(), { ...ended, name: "u", error });
    world.fail("main");
    world.at(5).start();
    expect(world.add("main", aTrace("t"), aTrace("u"))).toMatchObject({
      answer: {
        actions: [
          { name: "main/t", state: "SUCCEEDED", outputs: { value: int(1) } },
          { name: "main/u", state: "RUNNING", startTimeMs: 5, outputs: undefined, error: undefined },
        ],
      },
    });
  });

  test("that is still open when its task ends is cancelled", () => {
    const world = traced();
    world.succeed("main");
    expect(world.action("main/t").state).toBe("CANCELLED");
    expect(world.run().state).toBe("SUCCEEDED");
  });

  test.each([
    { given: "an action that is not there", name: "x" },
    { given: "a task", name: "b" },
  ])("of the name of $given is refused, and its number stays free", ({ name }) => {
    const world = traced();
    world.add("main", aTask("b"));
    const attempt = world.reference();
    expect(world.report(attempt, { ...ended, name }, 900)).toMatchObject({ reason: "ACTION_NOT_FOUND" });
    expect(world.report(attempt, { ...ended, name }, 900)).toMatchObject({ reason: "ACTION_NOT_FOUND" });
    expect(world.report(attempt, ended, 900)).toBeUndefined();
    expect(world.action("main/t").state).toBe("SUCCEEDED");
  });

  test("with outputs of more than 1 MiB in all is refused, and stays open", () => {
    const world = traced();
    const outputs = { large: text("x".repeat(outputSizeBytesMax)) };
    expect(world.report(world.reference(), { ...ended, outputs })).toMatchObject({ reason: "LIMIT_REACHED" });
    expect(world.action("main/t").state).toBe("RUNNING");
  });
});
