import { describe, expect, test } from "vitest";
import type { CommandOf } from "../../src/core/command.ts";
import {
  aCondition,
  aTask,
  bool,
  int,
  noRequest,
  type TaskParts,
  text,
  theInputs,
  theOutputs,
  theTask,
} from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { theRun, World } from "../support/world.ts";

function failed(times: number, parts: TaskParts = {}): World {
  const world = new World();
  world.create({ task: theTask(parts) });
  world.attach();
  for (let count = 0; count < times; count += 1) {
    if (count > 0) world.at(world.action().retryTimeMs ?? world.nowMs);
    world.start();
    world.fail("main");
  }
  return world;
}

describe("RetryRun", () => {
  test.each([
    { id: "G-026 G-136 G-138", maxAttempts: 1, times: 1, attempts: 1 },
    { id: "G-026 G-136 G-138", maxAttempts: 3, times: 3, attempts: 3 },
  ])(
    "G-026 G-136 G-138 after $times of $maxAttempts attempts is refused",
    ({ maxAttempts, times, attempts }) => {
      const world = failed(times, { retry: { maxAttempts, initialBackoffMs: 0 } });
      const facts = { runId: "r", action: "main", attempts, maxAttempts };
      const before = world.feed.length;
      expect(world.retry()).toEqual({ ok: false, refusal: { reason: "ATTEMPTS_EXHAUSTED", ...facts } });
      expect(world.feed).toHaveLength(before);
      expect(world.run().state).toBe("FAILED");
    },
  );

  test("G-137 G-138 uses the attempts that are left by the policy, one by one", () => {
    const world = failed(1, { retry: { maxAttempts: 2, manual: true } });
    expect(world.run().state).toBe("FAILED");
    expect(world.retry()).toMatchObject({ ok: true, answer: { run: { state: "QUEUED" } } });
    world.start();
    expect(world.action().attempt).toBe(2);
    world.fail("main");
    expect(world.retry()).toMatchObject({ refusal: { reason: "ATTEMPTS_EXHAUSTED", attempts: 2 } });
  });

  test("G-139 with force makes attempts beyond the policy, and counts anew from there", () => {
    const world = failed(2, { retry: { maxAttempts: 2, initialBackoffMs: 0 } });
    world.retry({ force: true });
    world.start();
    expect(world.action()).toMatchObject({ attempt: 3, attemptBase: 2 });
    world.fail("main");
    expect(world.action()).toMatchObject({ state: "PENDING", attempt: 3 });
    world.at(0).start();
    world.fail("main");
    expect(world.action()).toMatchObject({ state: "FAILED", attempt: 4 });
    expect(world.retry()).toMatchObject({ refusal: { reason: "ATTEMPTS_EXHAUSTED", attempts: 2 } });
  });

  test("G-136 looks at the count and not at how the attempt ended", () => {
    const world = failed(0);
    world.cancel();
    expect(world.retry()).toMatchObject({ ok: true });
    world.start();
    world.cancel();
    world.report(world.reference(), { kind: "stopped", message: "" });
    expect(world.run().state).toBe("CANCELLED");
    expect(world.retry()).toMatchObject({ refusal: { reason: "ATTEMPTS_EXHAUSTED" } });
  });

  tell([
    {
      title: "G-141 with force alone opens only what failed, and all of a run that succeeded",
      plan: [aTask("a"), aTask("b")],
      script: `
        at 0s  w attaches
               w starts
               a succeeds with 1
               b fails             -> run FAILED
               ann forces          -> a SUCCEEDED, b QUEUED
               w starts
               b succeeds          -> run SUCCEEDED
               ann retries         -> refused RUN_SUCCEEDED
               ann forces          -> a QUEUED value undefined, b QUEUED
      `,
    },
    {
      title: "G-141 with force and all does everything of a failed run again",
      plan: [aTask("a"), aTask("b")],
      script: `
        at 0s  w attaches
               w starts
               a succeeds with 1
               b fails             -> run FAILED
               ann forces all      -> a QUEUED value undefined, b QUEUED
      `,
    },
  ]);

  test("G-141 all takes force", () => {
    const world = failed(1, { retry: { maxAttempts: 2, manual: true } });
    expect(world.retry({ all: true })).toMatchObject({
      refusal: { reason: "INVALID_REQUEST", violations: [{ field: "all" }] },
    });
  });

  test("G-143 keeps the id, the op, the inputs, the policy and the delivery of the run", () => {
    const delivery = { topic: "a.b", attributes: { k: "v" } };
    const retry = { maxAttempts: 2, manual: true };
    const world = new World();
    world.create({ task: theTask({ retry, image: "i:1", inputs: { n: int(1) } }), priority: 7, delivery });
    world.attach();
    world.start();
    world.fail("main");
    const { spec } = world.action();
    world.retry();
    expect(world.run()).toMatchObject({ key: theRun, priority: 7, image: "i:1", delivery, op: "work" });
    expect(world.action().spec).toBe(spec);
  });
});

describe("an attempt", () => {
  test("G-082 G-140 that has ended stays as it was, and the next one starts clean", () => {
    const world = new World();
    world.create({ task: theTask({ retry: { maxAttempts: 2, initialBackoffMs: 0 } }) });
    world.attach();
    world.start();
    world.report(world.reference(), { kind: "progress", percent: 70, message: "most" });
    world.at(5).fail("main");
    const first = world.attempts()[0];
    expect(first).toMatchObject({
      number: 1,
      state: "FAILED",
      progressPercent: 70,
      error: { type: "Broken" },
    });
    world.at(10).start();
    expect(world.action()).toMatchObject({
      attempt: 2,
      progressPercent: 0,
      progressMessage: "",
      outputs: undefined,
      error: undefined,
      startTimeMs: 10,
      endTimeMs: undefined,
    });
    world.succeed("main", { n: int(1) });
    expect(world.attempts()[0]).toBe(first);
    expect(world.attempts()[1]).toMatchObject({ number: 2, state: "SUCCEEDED", outputs: { n: int(1) } });
  });

  test("G-076 G-140 has its own inputs as they were resolved then", () => {
    const world = new World();
    const b = aTask("b", { inputs: { x: "from a.n", y: int(9) }, retry: { maxAttempts: 1 } });
    world.create({ plan: [aTask("a"), b] });
    world.attach();
    world.start();
    world.succeed("a", { n: int(1) });
    world.start();
    world.fail("b");
    world.retry({ force: true, all: true });
    world.start();
    world.succeed("a", { n: int(2) });
    world.start();
    world.succeed("b");
    expect(world.attempts("b").map(({ inputs }) => inputs)).toEqual([
      { x: int(1), y: int(9) },
      { x: int(2), y: int(9) },
    ]);
    // What was only stated stands in the action.
    expect(world.attempts("a").map(({ inputs }) => inputs)).toEqual([undefined, undefined]);
  });

  test("G-126 that failed must say why: a report without a message is refused, and a further one is taken", () => {
    const world = failed(0);
    world.start();
    const error = { type: "X", message: "", stack: "", nonRetryable: false };
    const refusal = { reason: "INVALID_REQUEST", violations: [{ field: "failed.message" }] };
    expect(world.report(world.reference(), { kind: "failed", error }, 1)).toMatchObject(refusal);
    expect(world.action()).toMatchObject({ state: "RUNNING", reportSequence: 0 });
    const said = { ...error, message: "it broke" };
    expect(world.report(world.reference(), { kind: "failed", error: said }, 1)).toBeUndefined();
    expect(world.action().state).toBe("FAILED");
  });

  test("G-126 that succeeded may have put out nothing", () => {
    const world = failed(0);
    world.start();
    expect(world.succeed("main")).toBeUndefined();
    expect(world.action()).toMatchObject({ state: "SUCCEEDED", outputs: {} });
  });

  test("G-119 may say that it is less far than before", () => {
    const world = failed(0);
    world.start();
    for (const percent of [60, 20]) {
      world.report(world.reference(), { kind: "progress", percent, message: "" });
    }
    expect(world.action().progressPercent).toBe(20);
    expect(world.eventsOf("action_progressed").map(({ detail }) => detail.percent)).toEqual([60, 20]);
  });

  test("G-121 that succeeds is 100 percent done, whatever it said last", () => {
    const world = failed(0);
    world.start();
    world.report(world.reference(), { kind: "progress", percent: 20, message: "" });
    world.succeed("main");
    expect(world.action().progressPercent).toBe(100);
  });

  test("G-140 that is to come has no progress yet", () => {
    const world = failed(0);
    world.start();
    world.succeed("main");
    world.retry({ force: true });
    expect(world.action()).toMatchObject({ state: "QUEUED", progressPercent: 0, progressMessage: "" });
  });

  test("G-144 follows a failed one by itself if the policy allows it and is not manual", () => {
    expect(failed(1, { retry: { maxAttempts: 2 } }).action().state).toBe("PENDING");
    expect(failed(1, { retry: { maxAttempts: 2, manual: true } }).action().state).toBe("FAILED");
    expect(failed(1).action().state).toBe("FAILED");
  });
});

describe("a run", () => {
  test("G-097 G-145 has the time at which its state, priority or labels changed last", () => {
    const world = new World();
    const updated = () => world.run().updateTimeMs;
    world.at(1).create({ task: theTask({ retry: { maxAttempts: 2, manual: true } }) });
    expect([updated(), world.run().createTimeMs]).toEqual([1, 1]);
    world.attach();
    world.at(2).assign();
    expect(updated()).toBe(1);
    world.at(3).accept([world.reference()]);
    expect(updated()).toBe(3);
    world.at(4).report(world.reference(), { kind: "progress", percent: 1, message: "" });
    expect(updated()).toBe(3);
    const change: CommandOf<"updateRun"> = {
      kind: "updateRun",
      request: noRequest,
      run: theRun,
      priority: 4,
      setLabels: {},
      removeLabels: [],
    };
    world.at(5).must(change);
    expect(updated()).toBe(5);
    world.at(6).must({ ...change, setLabels: { a: "1" } });
    expect(updated()).toBe(6);
    world.at(7).must({ ...change, setLabels: { a: "1" } });
    expect(updated()).toBe(6);
    world.at(8).fail("main");
    expect(updated()).toBe(8);
    world.at(9).retry();
    expect(updated()).toBe(9);
  });

  test("G-063 G-066 G-163 keeps what it copied from its op, its retries too, whatever becomes of that", () => {
    const world = new World();
    const content = {
      image: "i:1",
      handler: "m:f",
      retry: { maxAttempts: 2, manual: true },
      inputs: theInputs({ n: { type: "int", defaultValue: int(1) } }),
      outputs: theOutputs({ out: "int" }),
      delivery: { topic: "t", attributes: { k: "v" } },
      resources: {
        cpuMilli: undefined,
        ramMb: undefined,
        vramMb: undefined,
        deviceCount: undefined,
        deviceIndex: undefined,
      },
    };
    world.register(content);
    world.create();
    const ofRun = { op: "work", opVersion: 1, image: "i:1", delivery: content.delivery };
    expect(world.run()).toMatchObject(ofRun);
    const { spec } = world.action();
    const ofOp = { request: noRequest, namespace: "default", name: "work" };
    const set = { image: "i:2", retry: { maxAttempts: 9 }, outputs: theOutputs({ out: "string" }) };
    world.must<"updateOp">({ kind: "updateOp", ...ofOp, set, cleared: ["delivery"] });
    world.attach();
    expect(world.start()[0]).toMatchObject({
      image: "i:1",
      handler: "m:f",
      opVersion: 1,
      inputs: { n: int(1) },
    });
    world.must<"deleteOp">({ kind: "deleteOp", ...ofOp, version: 0, force: true });
    world.fail("main");
    expect(world.run().state).toBe("FAILED");
    world.retry();
    expect(world.start()[0]).toMatchObject({ image: "i:1", opVersion: 1 });
    world.succeed("main", { out: text("x") });
    expect(world.action()).toMatchObject({ state: "FAILED", error: { type: "OutputInvalid" } });
    expect(world.action().spec).toBe(spec);
    expect(world.run()).toMatchObject(ofRun);
    expect(world.events().filter(({ runId, delivery }) => runId === "r" && delivery?.topic !== "t")).toEqual(
      [],
    );
  });

  test("G-012 G-013 says of each event where it goes, and nowhere without a topic", () => {
    const world = new World();
    world.register({ delivery: { topic: "of.op", attributes: { a: "1" } } });
    const topics = (runId: string) => [
      ...new Set(world.events().flatMap((event) => (event.runId === runId ? [event.delivery?.topic] : []))),
    ];
    world.create({ runId: "by-op" });
    world.create({ runId: "own", delivery: { topic: "own", attributes: { b: "2" } } });
    world.create({ runId: "none", delivery: { topic: "", attributes: { b: "2" } } });
    world.create({ runId: "plan", plan: [aTask("a")] });
    expect(["by-op", "own", "none", "plan"].map(topics)).toEqual([
      ["of.op"],
      ["own"],
      [undefined],
      [undefined],
    ]);
    expect(world.events().find(({ runId }) => runId === "own")?.delivery?.attributes).toEqual({ b: "2" });
  });
});

test("a condition of a task that is done again keeps what is signalled before it asks anew", () => {
  const world = new World();
  world.create({ plan: [aTask("p")] });
  world.attach();
  world.start();
  world.add("p", aCondition("q"));
  world.signal("p/q", bool(true));
  world.succeed("p");
  world.retry({ force: true, all: true });
  expect(world.signal("p/q", bool(true))).toMatchObject({ ok: true, answer: { kept: true } });
  world.start();
  world.add("p", aCondition("q"));
  expect(world.action("p/q").state).toBe("SUCCEEDED");
});
