import { describe, expect, test } from "vitest";
import type { Value, ValueType } from "../../src/core/value.ts";
import { keptSignalsPerRunMax } from "../../src/limits.ts";
import { aCondition, aTask, aTrace, bool, float, int, json, text } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { World } from "../support/world.ts";

describe("a condition", () => {
  tell([
    {
      title: "that waits for nothing is PAUSED at once, and its run RUNS",
      plan: [aCondition("c")],
      script: `
        at 0s                       -> c PAUSED due never, run RUNNING
        at 1s  ann signals c true   -> c SUCCEEDED value true, run SUCCEEDED
      `,
    },
    {
      title: "is PAUSED when what it waits for has succeeded",
      plan: [aTask("a"), aCondition("c", { after: ["a"] }), aTask("b", { after: ["c"] })],
      script: `
        at 0s                       -> c PENDING, run QUEUED
               w attaches
               w starts
               a succeeds           -> c PAUSED
               ann signals c false  -> c SUCCEEDED value false, b QUEUED
      `,
    },
    {
      title: "is SKIPPED if what it waits for did not succeed",
      plan: [aTask("a"), aCondition("c", { after: ["a"] })],
      script: `
        at 0s  w attaches
               w starts
               a fails              -> c SKIPPED error DependencyFailed, run FAILED
               ann signals c true   -> refused ACTION_ENDED
      `,
    },
    {
      title: "is CANCELLED with its run, and takes no answer then",
      plan: [aCondition("c")],
      script: `
        at 0s  ann cancels          -> c CANCELLED error Cancelled, run CANCELLED
               ann signals c true   -> refused ACTION_ENDED
      `,
    },
    {
      title: "that is opened again by RetryRun asks again and takes another answer",
      plan: [aCondition("c", { timeoutMs: 1000 })],
      script: `
        at 1s                       -> c TIMED_OUT, run TIMED_OUT
        at 5s  ann retries          -> c PAUSED due 6s, run RUNNING
               ann signals c true   -> c SUCCEEDED value true, run SUCCEEDED
               ann forces           -> c PAUSED value undefined
               ann signals c false  -> c SUCCEEDED value false
      `,
    },
  ]);

  test.each([
    { how: "answered", until: 0, outcome: "ANSWERED", signalledBy: "ann", value: bool(true) },
    { how: "left to its default", until: 10, outcome: "DEFAULTED", signalledBy: "", value: bool(false) },
  ])("that is $how says so: $outcome", ({ until, outcome, signalledBy, value }) => {
    const world = new World();
    world.create({ plan: [aCondition("c", { timeoutMs: 10, defaultValue: bool(false) })] });
    if (until === 0) world.signal("c", bool(true));
    else world.at(until);
    expect(world.action("c")).toMatchObject({ outcome, signalledBy, outputs: { value } });
    expect(world.run().pausedConditionCount).toBe(0);
  });

  test.each([
    { how: "timed out", end: (world: World) => world.at(10), outcome: "EXPIRED" },
    { how: "was cancelled", end: (world: World) => world.cancel(), outcome: "WITHDRAWN" },
  ])("that $how says so: $outcome", ({ end, outcome }) => {
    const world = new World();
    world.create({ plan: [aCondition("c", { timeoutMs: 10 })] });
    end(world);
    expect(world.action("c")).toMatchObject({ outcome, outputs: undefined });
  });

  test("is counted by its run while it is paused", () => {
    const world = new World();
    world.create({ plan: [aCondition("a"), aCondition("b"), aCondition("c", { after: ["a"] })] });
    expect(world.run().pausedConditionCount).toBe(2);
    world.signal("b", bool(true));
    expect(world.run().pausedConditionCount).toBe(1);
    world.signal("a", bool(true));
    expect(world.run().pausedConditionCount).toBe(1);
    world.cancel();
    expect(world.run().pausedConditionCount).toBe(0);
  });
});

describe("the answer to a condition", () => {
  const kinds: readonly Value[] = [
    { kind: "null" },
    bool(true),
    int("9007199254740993"),
    float(1.5),
    text("yes"),
    { kind: "bytes", value: "AA==" },
    json({ a: [1, null] }),
    { kind: "reference", uri: "file:///x", sha256: "", sizeBytes: "1" },
  ];
  const fits: readonly { type: ValueType; kinds: readonly Value["kind"][] }[] = [
    { type: "bool", kinds: ["bool"] },
    { type: "int", kinds: ["int"] },
    { type: "float", kinds: ["float", "int"] },
    { type: "string", kinds: ["string"] },
    { type: "json", kinds: ["json"] },
  ];
  const cases = fits.flatMap(({ type, kinds: fitting }) =>
    kinds.map((value) => ({
      type,
      value,
      gives: fitting.includes(value.kind) ? "SUCCEEDED" : "SIGNAL_TYPE_MISMATCH",
    })),
  );

  test.each(cases)("of type $type given as $value.kind: $gives", ({ type, value, gives }) => {
    const world = new World();
    world.create({ plan: [aCondition("c", { type })] });
    const done = world.signal("c", value);
    if (gives === "SUCCEEDED") expect(done).toMatchObject({ ok: true, answer: { action: { state: gives } } });
    else expect(done).toMatchObject({ refusal: { reason: gives, expected: type, actual: value.kind } });
  });

  test("is a float if a whole number answers a question for a float", () => {
    const world = new World();
    world.create({ plan: [aCondition("c", { type: "float" })] });
    world.signal("c", int(3));
    expect(world.action("c").outputs).toEqual({ value: float(3) });
    expect(world.signal("c", float(3))).toMatchObject({ ok: true, answer: { repeated: true } });
    expect(world.signal("c", int(3))).toMatchObject({ ok: true, answer: { repeated: true } });
  });

  test.each([
    { again: "the same", first: bool(true), second: bool(true), gives: "repeated" },
    { again: "another", first: bool(true), second: bool(false), gives: "ALREADY_ANSWERED" },
    {
      again: "the same in another order of names",
      first: json({ a: 1, b: [2] }),
      second: json({ b: [2], a: 1 }),
      gives: "repeated",
    },
    {
      again: "the same items in another order",
      first: json([1, 2]),
      second: json([2, 1]),
      gives: "ALREADY_ANSWERED",
    },
    { again: "the same with a space", first: text("yes"), second: text("yes "), gives: "ALREADY_ANSWERED" },
    { again: "one of another type", first: bool(true), second: text("true"), gives: "SIGNAL_TYPE_MISMATCH" },
  ])("that has been given, and then $again: $gives", ({ first, second, gives }) => {
    const world = new World();
    const type = first.kind as ValueType;
    world.create({ plan: [aCondition("c", { type })] });
    world.signal("c", first);
    const feedLength = world.feed.length;
    const done = world.signal("c", second);
    if (gives === "repeated")
      expect(done).toMatchObject({ ok: true, answer: { repeated: true, kept: false } });
    else expect(done).toMatchObject({ refusal: { reason: gives } });
    expect(world.feed).toHaveLength(feedLength);
    expect(world.action("c").outputs).toEqual({ value: first });
  });

  test("is said in the feed before the end of its condition, in the same transaction", () => {
    const world = new World();
    world.create({ plan: [aCondition("c"), aTask("a", { after: ["c"] })] });
    world.signal("c", bool(true));
    expect(world.feed.at(-1)?.events.map(({ action, detail }) => [action, detail.kind])).toEqual([
      ["c", "condition_answered"],
      ["c", "action_ended"],
      ["a", "action_queued"],
    ]);
  });
});

describe("a signal that comes early", () => {
  function running(): World {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b")] });
    world.attach();
    world.start();
    return world;
  }

  test("to a condition that a running task has not added yet is kept, and answers it when it is added", () => {
    const world = running();
    expect(world.signal("a/ok", bool(true))).toMatchObject({
      ok: true,
      answer: { action: undefined, kept: true, repeated: false },
      events: [{ action: "a/ok", detail: { kind: "signal_kept", value: bool(true), signalledBy: "ann" } }],
    });
    expect(world.run().keptSignalCount).toBe(1);
    expect(world.add("a", aCondition("ok"))).toMatchObject({
      ok: true,
      answer: { actions: [{ state: "SUCCEEDED" }] },
    });
    expect(world.action("a/ok")).toMatchObject({ outputs: { value: bool(true) }, signalledBy: "ann" });
    expect(world.run()).toMatchObject({ keptSignalCount: 0, pausedConditionCount: 0 });
    expect(world.signal("a/ok", bool(true))).toMatchObject({ answer: { repeated: true, kept: false } });
  });

  test("to a condition that waits for others is kept, and answers it once it is paused", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), aCondition("c", { after: ["a"], type: "float" })] });
    world.attach();
    world.start();
    expect(world.signal("c", int(2))).toMatchObject({ answer: { kept: true, repeated: false } });
    expect(world.signal("c", float(2))).toMatchObject({ answer: { kept: true, repeated: true } });
    world.succeed("a");
    expect(world.action("c")).toMatchObject({ state: "SUCCEEDED", outputs: { value: float(2) } });
    expect(world.run()).toMatchObject({ state: "SUCCEEDED", keptSignalCount: 0 });
  });

  test("is kept once: the same again changes nothing, another one is refused", () => {
    const world = running();
    world.signal("a/ok", bool(true));
    expect(world.signal("a/ok", bool(true))).toMatchObject({
      answer: { kept: true, repeated: true },
      events: [],
    });
    expect(world.signal("a/ok", bool(false))).toMatchObject({ refusal: { reason: "ALREADY_ANSWERED" } });
    expect(world.run().keptSignalCount).toBe(1);
  });

  test("of another type than its condition is dropped, and the condition goes on waiting", () => {
    const world = running();
    world.signal("a/ok", text("yes"));
    world.add("a", aCondition("ok"));
    expect(world.action("a/ok").state).toBe("PAUSED");
    expect(world.eventsOf("signal_dropped")).toMatchObject([
      { action: "a/ok", detail: { cause: "SIGNAL_TYPE_MISMATCH" } },
    ]);
    expect(world.run()).toMatchObject({ keptSignalCount: 0, pausedConditionCount: 1 });
    expect(world.signal("a/ok", bool(true))).toMatchObject({ ok: true });
  });

  test.each([
    { child: aTask("ok"), kind: "task" },
    { child: aTrace("ok"), kind: "trace" },
  ])("is dropped if a $kind is added under its name", ({ child }) => {
    const world = running();
    world.signal("a/ok", bool(true));
    world.add("a", child);
    expect(world.eventsOf("signal_dropped")).toMatchObject([
      { action: "a/ok", detail: { cause: "ACTION_NOT_CONDITION" } },
    ]);
    expect(world.run().keptSignalCount).toBe(0);
  });

  test("is dropped with a condition that ends without it", () => {
    const world = running();
    world.add("a", aTask("x"), aCondition("ok", { after: ["x"] }));
    world.signal("a/ok", bool(true));
    world.start();
    world.fail("a/x");
    expect(world.action("a/ok").state).toBe("SKIPPED");
    expect(world.eventsOf("signal_dropped")).toMatchObject([
      { action: "a/ok", detail: { cause: "ACTION_ENDED" } },
    ]);
    expect(world.run().keptSignalCount).toBe(0);
  });

  test("is dropped when its run ends", () => {
    const world = running();
    world.signal("a/ok", bool(true));
    world.signal("b/ok", bool(true));
    world.succeed("a");
    expect(world.run()).toMatchObject({ state: "RUNNING", keptSignalCount: 2 });
    world.succeed("b");
    expect(world.run()).toMatchObject({ state: "SUCCEEDED", keptSignalCount: 0 });
    expect(world.eventsOf("signal_dropped")).toMatchObject([
      { action: "a/ok", detail: { cause: "RUN_ENDED" } },
      { action: "b/ok", detail: { cause: "RUN_ENDED" } },
    ]);
  });

  test(`is refused in a run that keeps ${keptSignalsPerRunMax} already`, () => {
    const world = running();
    for (let index = 0; index < keptSignalsPerRunMax; index++) {
      expect(world.signal(`a/c${index}`, bool(true)).ok).toBe(true);
    }
    expect(world.signal("a/more", bool(true))).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "keptSignalsPerRunMax", maximum: keptSignalsPerRunMax },
    });
    expect(world.signal("a/c0", bool(true))).toMatchObject({ answer: { kept: true, repeated: true } });
  });

  test.each([
    { name: "c", given: "at the top, where nothing can be added", reason: "ACTION_NOT_FOUND" },
    { name: "x/c", given: "below an action that is not there", reason: "ACTION_NOT_FOUND" },
    { name: "q/c", given: "below a condition", reason: "ACTION_NOT_FOUND" },
    { name: "done/c", given: "below a task that has ended", reason: "ACTION_NOT_FOUND" },
    { name: "a/2/3/4/5/6/7/8/9", given: "deeper than a run may be", reason: "ACTION_NOT_FOUND" },
    { name: "a/2/3/4/5/6/7/8", given: "as deep as a run may be", reason: undefined },
    { name: "waits/c", given: "below a task that waits", reason: undefined },
    { name: "a/b/c", given: "below a child that may still be added", reason: undefined },
  ])("$given: $reason", ({ name, reason }) => {
    const world = new World();
    const plan = [
      aTask("done", { op: "other" }),
      aTask("a"),
      aTask("waits", { after: ["a"] }),
      aCondition("q"),
    ];
    world.create({ plan });
    world.attach("w", { ops: ["work", "other"] });
    world.start();
    world.succeed("done");
    const done = world.signal(name, bool(true));
    if (reason === undefined) expect(done).toMatchObject({ answer: { kept: true } });
    else expect(done).toMatchObject({ refusal: { reason } });
  });

  test("below a task that is being cancelled is refused: what it adds is cancelled too", () => {
    const world = running();
    world.cancel();
    expect(world.signal("a/ok", bool(true))).toMatchObject({ refusal: { reason: "ACTION_NOT_FOUND" } });
  });

  test("to a run that has ended is refused", () => {
    const world = running();
    world.succeed("a");
    world.succeed("b");
    expect(world.signal("a/ok", bool(true))).toMatchObject({
      refusal: { reason: "RUN_ENDED", state: "SUCCEEDED" },
    });
  });
});
