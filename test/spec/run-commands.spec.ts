import { describe, expect, test } from "vitest";
import type { CommandOf } from "../../src/core/command.ts";
import { labelBytesOverActionsMax, publishedBytesMax, repeatedCauseLengthMax } from "../../src/limits.ts";
import { aCondition, aTask, bool, noRequest } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { theRun, World } from "../support/world.ts";

describe("CancelRun", () => {
  tell([
    {
      title: "ends at once what does not run, in one transaction",
      plan: [aTask("a"), aTask("b", { after: ["a"] }), aCondition("c")],
      script: `
        at 0s  ann cancels  -> a CANCELLED, b CANCELLED, c CANCELLED, run CANCELLED
               ann cancels  -> refused RUN_ENDED
      `,
    },
    {
      title: "reaches children and their children, and the run ends with the last of them",
      script: `
        at 0s  w attaches
               w starts
               main adds b q?
               w starts
               main/b adds c q?
               ann cancels      -> main RUNNING, main/q CANCELLED, main/b RUNNING
                                -> main/b/c CANCELLED, main/b/q CANCELLED
               main stops       -> main CANCELLED, main/b RUNNING, run RUNNING
               main/b stops     -> run CANCELLED
      `,
    },
    {
      title: "gives a child its grace once, though its parent ends meanwhile",
      script: `
        at 0s  w attaches
               w starts
               main adds b
               w starts
        at 1s  ann cancels  -> main/b RUNNING due 11s
        at 5s  main stops   -> main CANCELLED, main/b RUNNING due 11s
      `,
    },
    {
      title: "leaves what has ended as it ended",
      plan: [aTask("a"), aTask("b", { after: ["a"] })],
      script: `
        at 0s  w attaches
               w starts
               a succeeds   -> b QUEUED
               ann cancels  -> a SUCCEEDED, b CANCELLED, run CANCELLED
      `,
    },
    {
      title: "of a run in which something has failed before gives CANCELLED",
      plan: [aTask("a"), aTask("b")],
      script: `
        at 0s  w attaches
               w starts
               a fails
               ann cancels  -> run RUNNING
               b stops      -> run CANCELLED error Broken
      `,
    },
  ]);

  test("tells each session what must end, with its grace, and again when the worker attaches again", () => {
    const world = new World();
    world.create({ plan: [aTask("a", { cancelGraceMs: 70 }), aTask("b")] });
    world.attach();
    world.start();
    world.cancel();
    expect(world.effects.filter(({ kind }) => kind === "cancel")).toMatchObject([
      { sessionId: "s1", cancelled: { attempt: { action: "a" }, graceMs: 70, cause: "not wanted" } },
      { sessionId: "s1", cancelled: { attempt: { action: "b" }, graceMs: 10_000, cause: "not wanted" } },
    ]);
    const running = [world.reference("a"), world.reference("b")];
    expect(world.attach("w", { running }).cancelled).toHaveLength(2);
  });

  test("repeats no more than the beginning of a long cause for each action", () => {
    const world = new World();
    world.create({ plan: [aTask("a")] });
    const cause = "because ".repeat(100);
    world.do<"cancelRun">({ kind: "cancelRun", request: noRequest, run: theRun, cause });
    expect(world.run().cancelCause).toBe(cause);
    expect(world.action("a").error?.message).toBe(cause.slice(0, repeatedCauseLengthMax));
  });

  test("says once that it was asked for", () => {
    const world = new World();
    world.create();
    world.attach();
    world.start();
    world.cancel();
    world.cancel();
    expect(world.eventsOf("run_cancel_requested")).toMatchObject([{ detail: { cause: "not wanted" } }]);
    expect(world.run()).toMatchObject({ cancelRequested: true, cancelCause: "not wanted", state: "RUNNING" });
  });
});

describe("RetryRun", () => {
  tell([
    {
      title: "opens what failed and what was skipped for that, and leaves what succeeded",
      plan: [
        aTask("a"),
        aTask("b", { after: ["a"] }),
        aTask("c", { after: ["b"] }),
        aTask("d", { after: ["c"] }),
      ],
      script: `
        at 0s  w attaches
               w starts
               a succeeds with 1
               w starts
               b fails      -> c SKIPPED, d SKIPPED, run FAILED error Broken
               ann forces   -> a SUCCEEDED value 1 attempt 1, b QUEUED error undefined
                            -> c PENDING waits 1, d PENDING waits 1, run QUEUED error undefined
               w starts     -> b RUNNING attempt 2 epoch 2, run RUNNING
               b succeeds   -> c QUEUED
      `,
    },
    {
      title: "opens what timed out and what was cancelled",
      plan: [aCondition("a", { timeoutMs: 1000 }), aTask("b"), aCondition("c")],
      script: `
        at 1s               -> a TIMED_OUT
               ann cancels  -> b CANCELLED, c CANCELLED, run CANCELLED
               ann retries  -> a PAUSED due 2s, b QUEUED, c PAUSED, run RUNNING
      `,
    },
    {
      title: "of a run that has not ended is refused",
      script: `
        at 0s  ann retries  -> refused RUN_NOT_ENDED
               ann forces   -> refused RUN_NOT_ENDED
      `,
    },
    {
      title: "of a run that succeeded is refused, unless it is forced: then all is done again",
      plan: [aTask("a"), aCondition("c"), aTask("b", { after: ["a", "c"] })],
      script: `
        at 0s  w attaches
               w starts
               a succeeds
               ann signals c true
               w starts
               b succeeds   -> run SUCCEEDED
               ann retries  -> refused RUN_SUCCEEDED
               ann forces   -> a QUEUED, c PAUSED value undefined, b PENDING waits 2, run RUNNING
      `,
    },
    {
      title: "with force does again also what a guard had ruled out",
      plan: [aCondition("ok"), aTask("a", { after: [{ action: "ok", equals: bool(true) }] })],
      script: `
        at 0s  ann signals ok false  -> a SKIPPED error GuardUnmet, run SUCCEEDED
               ann forces            -> ok PAUSED, a PENDING waits 1
               ann signals ok true   -> a QUEUED
      `,
    },
    {
      title: "refuses what an attempt from before reports",
      script: `
        at 0s  w attaches
               w starts
               ann cancels
        at 10s              -> main CANCELLED, run CANCELLED
               ann forces   -> main QUEUED attempt 1 epoch 1
               main beats   -> refused STALE_EPOCH
               w starts     -> main RUNNING attempt 2 epoch 2
      `,
    },
  ]);

  test("counts how often it was done, and says so in the feed with everything that it opens", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), aCondition("c"), aTask("b", { after: ["c"] })] });
    world.cancel();
    world.retry();
    expect(world.run()).toMatchObject({
      retryCount: 1,
      cancelRequested: false,
      cancelCause: "",
      worst: undefined,
    });
    expect(world.feed.at(-1)?.events.map(({ action, detail }) => `${detail.kind} ${action}`)).toEqual([
      "run_retried ",
      "action_reopened a",
      "action_reopened b",
      "action_reopened c",
      "action_queued a",
      "run_started ",
      "condition_paused c",
    ]);
    world.cancel();
    world.retry();
    expect(world.eventsOf("run_retried").map(({ detail }) => detail.retryCount)).toEqual([1, 2]);
  });

  test("gives what it opens the priority that the run has by then", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b")] });
    world.attach();
    world.start();
    world.fail("a");
    update(world, { priority: 9 });
    world.fail("b");
    world.retry({ force: true });
    expect([world.action("a").priority, world.action("b").priority]).toEqual([9, 9]);
  });
});

function update(world: World, parts: Partial<CommandOf<"updateRun">>) {
  return world.do<"updateRun">({
    kind: "updateRun",
    request: noRequest,
    run: theRun,
    priority: undefined,
    setLabels: {},
    removeLabels: [],
    ...parts,
  });
}

describe("UpdateRun", () => {
  test.each([
    { given: "a label to set", parts: { setLabels: { b: "2" } }, labels: { a: "1", b: "2" }, priority: 0 },
    { given: "a label to change", parts: { setLabels: { a: "2" } }, labels: { a: "2" }, priority: 0 },
    { given: "a label to remove", parts: { removeLabels: ["a", "x"] }, labels: {}, priority: 0 },
    {
      given: "a label to remove and to set",
      parts: { removeLabels: ["a"], setLabels: { a: "3" } },
      labels: { a: "3" },
      priority: 0,
    },
    { given: "a priority", parts: { priority: -4 }, labels: { a: "1" }, priority: -4 },
  ])("with $given changes the run and says so", ({ parts, labels, priority }) => {
    const world = new World();
    world.create({ labels: { a: "1" } });
    expect(update(world, parts)).toMatchObject({ ok: true, answer: { run: { priority } } });
    expect(world.run().labels).toEqual(labels);
    expect(world.eventsOf("run_updated")).toMatchObject([
      { detail: { priority, labels }, runLabels: labels },
    ]);
  });

  test.each([
    { given: "nothing", parts: {} },
    { given: "the priority that it has", parts: { priority: 0 } },
    { given: "the labels that it has", parts: { setLabels: { a: "1" }, removeLabels: ["x"] } },
  ])("with $given changes nothing and says nothing", ({ parts }) => {
    const world = new World();
    world.create({ labels: { a: "1" } });
    expect(update(world, parts)).toMatchObject({ ok: true, events: [] });
  });

  test("moves what is queued and what will be, and leaves what has ended", () => {
    const world = new World();
    world.create({ plan: [aTask("a"), aTask("b"), aTask("c", { after: ["a"] })] });
    world.attach();
    world.start("w", 1);
    world.succeed("a");
    update(world, { priority: 5 });
    expect(["a", "b", "c"].map((name) => world.action(name).priority)).toEqual([0, 5, 5]);
    expect(world.must<"assign">(assignOne).assignments).toHaveLength(1);
  });
  const assignOne = {
    kind: "assign" as const,
    sessions: [{ sessionId: "s1", credit: 1 }],
    limit: 1,
    acceptTimeoutMs: 1,
  };

  test("G-133 of a run that has ended takes labels and a priority, which is that of what is opened", () => {
    const world = new World();
    world.create();
    world.cancel();
    expect(update(world, { setLabels: { a: "1" } })).toMatchObject({ ok: true });
    expect(update(world, { priority: 7 })).toMatchObject({ ok: true });
    expect(world.run()).toMatchObject({ state: "CANCELLED", priority: 7 });
    expect(world.action().priority).toBe(0);
    world.retry();
    expect(world.action()).toMatchObject({ state: "QUEUED", priority: 7 });
  });

  test("is refused past 64 labels", () => {
    const world = new World();
    const labels = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, ""]));
    world.create({ labels: labels(64) });
    expect(update(world, { setLabels: { more: "" } })).toMatchObject({
      refusal: { reason: "LIMIT_REACHED", limit: "labelsMax", maximum: 64 },
    });
    expect(update(world, { setLabels: { more: "" }, removeLabels: ["l0"] })).toMatchObject({ ok: true });
  });
});

describe("the labels of a run", () => {
  // Its events repeat them: 10,000 actions with long labels would make a transaction that fits no message.
  const labels = { long: "x".repeat(252) };
  const actions = (count: number) => Array.from({ length: count }, (_, index) => aTask(`t${index}`));
  const most = labelBytesOverActionsMax / 256;
  const refusal = { reason: "LIMIT_REACHED", limit: "labelBytesOverActionsMax" };

  test("are bounded by how many actions it is created with", () => {
    expect(new World().create({ labels, plan: actions(most) })).toMatchObject({ ok: true });
    expect(new World().create({ labels, plan: actions(most + 1) })).toMatchObject({ refusal });
  });

  test("are bounded by how many actions it has when they are changed", () => {
    const world = new World();
    world.create({ plan: actions(most + 1) });
    expect(update(world, { setLabels: labels })).toMatchObject({ refusal });
    expect(update(world, { setLabels: { a: "1" } })).toMatchObject({ ok: true });
  });

  test("count together with what its delivery has each event repeat", () => {
    const delivery = { topic: "long", attributes: labels };
    expect(new World().create({ delivery, plan: actions(most - 100) })).toMatchObject({ ok: true });
    expect(new World().create({ delivery, plan: actions(most) })).toMatchObject({ refusal });
    expect(new World().create({ labels, delivery, plan: actions(most / 2) })).toMatchObject({ refusal });
  });

  test("bound how many children can be added", () => {
    const world = new World();
    world.create({ labels, plan: actions(most) });
    world.attach();
    world.start("w", 1);
    expect(world.add("t0", aTask("x"))).toMatchObject({ refusal });
  });
});

describe("published events", () => {
  const published = { source: "billing", type: "paid", attributes: { a: "1" }, payload: { sum: 3 } };
  const publish = (world: World, ...places: readonly { runId: string; action: string }[]) =>
    world.do<"publishEvents">({
      kind: "publishEvents",
      request: noRequest,
      namespace: "default",
      events: places.map((place) => ({ ...place, published })),
    });

  test("stand in the feed in order as one transaction, with the labels of their run", () => {
    const world = new World();
    world.create({ labels: { team: "x" } });
    const places = [
      { runId: "", action: "" },
      { runId: "r", action: "" },
      { runId: "r", action: "main" },
    ];
    expect(publish(world, ...places)).toMatchObject({ ok: true, answer: { count: 3 } });
    expect(world.feed.at(-1)?.events).toMatchObject([
      { runId: "", action: "", runLabels: {}, detail: { kind: "published", ...published } },
      { runId: "r", action: "", runLabels: { team: "x" } },
      { runId: "r", action: "main", runLabels: { team: "x" } },
    ]);
  });

  test.each([
    { given: "a run that is not there", place: { runId: "x", action: "" }, reason: "RUN_NOT_FOUND" },
    { given: "an action that is not there", place: { runId: "r", action: "x" }, reason: "ACTION_NOT_FOUND" },
    { given: "an action without its run", place: { runId: "", action: "main" }, reason: "INVALID_REQUEST" },
  ])("of which one names $given are refused as a whole: $reason", ({ place, reason }) => {
    const world = new World();
    world.create();
    const before = world.feed.length;
    expect(publish(world, { runId: "r", action: "" }, place)).toMatchObject({ refusal: { reason } });
    expect(world.feed).toHaveLength(before);
  });

  test("are refused as a whole past their size in all", () => {
    const world = new World();
    const large = { ...published, payload: "x".repeat(publishedBytesMax / 2) };
    const event = { runId: "", action: "", published: large };
    const command = { kind: "publishEvents" as const, request: noRequest, namespace: "default" };
    expect(world.do<"publishEvents">({ ...command, events: [event] })).toMatchObject({ ok: true });
    expect(world.do<"publishEvents">({ ...command, events: [event, event] })).toMatchObject({
      refusal: { reason: "INVALID_REQUEST", violations: [{ field: "events" }] },
    });
  });

  test("may be about a run that has ended", () => {
    const world = new World();
    world.create();
    world.cancel();
    expect(publish(world, { runId: "r", action: "main" })).toMatchObject({ ok: true });
  });
});
