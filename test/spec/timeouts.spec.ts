import { describe, expect, test } from "vitest";
import { aCondition, aTask, bool, float, int, theTask } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { theRun, World } from "../support/world.ts";

const none = { queueToStartMs: undefined, startToEndMs: undefined, heartbeatMs: undefined };

describe("queue_to_start", () => {
  const timeouts = { ...none, queueToStartMs: 5000 };
  tell([
    {
      title: "ends a task that no worker has started",
      task: { timeouts },
      script: `
        at 0s     -> main QUEUED due 5s
        at 4999ms -> main QUEUED
        at 5s     -> main TIMED_OUT error Timeout due never, run TIMED_OUT error Timeout
      `,
    },
    {
      title: "ends a task that its worker has not accepted, before the time to accept is over",
      task: { timeouts },
      script: `
        at 1s  w attaches
               w takes      -> main ASSIGNED due 5s
        at 5s               -> main TIMED_OUT attempt 1 error Timeout
               w accepts main -> refused ACTION_ENDED
      `,
    },
    {
      title: "counts no longer once the task has started",
      task: { timeouts },
      script: `
        at 1s  w attaches
               w starts  -> main RUNNING due never
        at 99s           -> main RUNNING
      `,
    },
    {
      title: "begins anew each time the task is queued",
      task: { timeouts, retry: { maxAttempts: 2, initialBackoffMs: 1000 } },
      script: `
        at 4s  w attaches
               w starts
        at 7s  main fails  -> main PENDING due 8s
        at 8s              -> main QUEUED due 13s
        at 13s             -> main TIMED_OUT attempt 1
      `,
    },
    {
      title: "is not retried, whatever the policy",
      task: { timeouts, retry: { maxAttempts: 5 } },
      script: `
        at 5s  -> main TIMED_OUT
      `,
    },
    {
      title: "leaves a task that is cancelled its cancel",
      task: { timeouts },
      script: `
        at 1s  w attaches
               w takes
        at 2s  ann cancels -> main ASSIGNED due 5s
        at 5s              -> main CANCELLED error Cancelled
      `,
    },
  ]);
});

describe("start_to_end", () => {
  const timeouts = { ...none, startToEndMs: 3000 };
  tell([
    {
      title: "ends an attempt, and the task with it if it was the last",
      task: { timeouts },
      script: `
        at 0s  w attaches
               w takes         -> main ASSIGNED due 10s
        at 2s  w accepts main  -> main RUNNING due 5s
        at 4s  main beats      -> main RUNNING due 5s
        at 5s                  -> main TIMED_OUT error Timeout, run TIMED_OUT
      `,
    },
    {
      title: "ends an attempt, and another one follows by the policy",
      task: { timeouts, retry: { maxAttempts: 2 } },
      script: `
        at 0s  w attaches
               w starts
        at 3s                -> main PENDING attempt 1 error Timeout due 4s
               main succeeds -> refused STALE_EPOCH, main PENDING
        at 4s  w starts      -> main RUNNING attempt 2 due 7s
        at 7s                -> main TIMED_OUT attempt 2
      `,
    },
    {
      title: "is not retried if the policy lists Timeout",
      task: { timeouts, retry: { maxAttempts: 2, nonRetryableErrorTypes: ["Timeout"] } },
      script: `
        at 0s  w attaches
               w starts
        at 3s  -> main TIMED_OUT attempt 1
      `,
    },
  ]);

  test("tells the worker to stop at once what has timed out", () => {
    const world = new World();
    world.create({ task: theTask({ timeouts }) });
    world.attach();
    world.start();
    const attempt = world.reference();
    world.at(3000);
    expect(world.effects.filter(({ kind }) => kind === "cancel")).toEqual([
      {
        kind: "cancel",
        sessionId: "s1",
        cancelled: { attempt, graceMs: 0, cause: "the attempt took longer than start_to_end" },
      },
    ]);
  });
});

describe("heartbeat", () => {
  const timeouts = { ...none, heartbeatMs: 2000 };
  tell([
    {
      title: "ends an attempt that is silent from its start on",
      task: { timeouts },
      script: `
        at 0s  w attaches
               w takes
        at 1s  w accepts main  -> main RUNNING due 3s
        at 3s                  -> main TIMED_OUT error Timeout
      `,
    },
    {
      title: "counts from the last sign of life",
      task: { timeouts, retry: { maxAttempts: 2 } },
      script: `
        at 0s  w attaches
               w starts
        at 1s  main beats  -> main RUNNING due 3s
        at 2s  main beats  -> main RUNNING due 4s
        at 4s              -> main PENDING attempt 1 error Timeout
      `,
    },
    {
      title: "counts from its own start for the attempt after it",
      task: { timeouts, retry: { maxAttempts: 2 } },
      script: `
        at 0s  w attaches
               w starts
        at 1s  main fails  -> main PENDING due 2s
        at 9s  w takes     -> main ASSIGNED due 19s
        at 15s w accepts main -> main RUNNING due 17s
      `,
    },
  ]);

  test.each([
    { content: { kind: "heartbeat" as const } },
    { content: { kind: "progress" as const, percent: 1, message: "" } },
    { content: { kind: "log" as const, level: "info" as const, message: "" } },
    {
      content: {
        kind: "event" as const,
        published: { source: "me", type: "seen", attributes: {}, payload: undefined },
      },
    },
  ])("is kept by a report of the kind $content.kind", ({ content }) => {
    const world = new World();
    world.create({ task: theTask({ timeouts }) });
    world.attach();
    world.start();
    expect(world.at(1500).report(world.reference(), content)).toBeUndefined();
    expect(world.at(3000).action()).toMatchObject({ state: "RUNNING", dueMs: 3500 });
  });

  test("of a task that is opened again counts from its new start", () => {
    const world = new World();
    world.create({ task: theTask({ timeouts }) });
    world.attach();
    world.start();
    world.at(1000).fail("main");
    world.at(60_000).retry({ force: true });
    world.assign();
    expect(world.action()).toMatchObject({ state: "ASSIGNED", beatTimeMs: undefined, dueMs: 70_000 });
    world.at(61_000).cancel();
    expect(world.action()).toMatchObject({ state: "ASSIGNED", dueMs: 70_000 });
  });
});

describe("the timeout of a run", () => {
  tell([
    {
      title: "cancels what waits, gives what runs its grace, and ends the run as TIMED_OUT",
      plan: [aTask("a"), aTask("b", { after: ["a"] }), aCondition("c")],
      timeoutMs: 5000,
      script: `
        at 0s  w attaches
               w starts  -> a RUNNING, run RUNNING due 5s
        at 5s            -> a RUNNING due 15s, b CANCELLED, c CANCELLED, run RUNNING due never
        at 6s  a stops   -> a CANCELLED, run TIMED_OUT
      `,
    },
    {
      title: "leaves a run that is being cancelled CANCELLED",
      timeoutMs: 5000,
      script: `
        at 0s  w attaches
               w starts
        at 4s  ann cancels -> main RUNNING due 14s
        at 5s              -> run RUNNING due never
        at 14s             -> main CANCELLED, run CANCELLED
      `,
    },
    {
      title: "leaves a run that has ended in time as it is",
      timeoutMs: 5000,
      script: `
        at 0s  w attaches
               w starts
        at 4s  main succeeds -> run SUCCEEDED due never
        at 9s                -> run SUCCEEDED
      `,
    },
    {
      title: "begins anew when the run is opened again",
      timeoutMs: 5000,
      script: `
        at 5s               -> run TIMED_OUT
        at 20s ann retries  -> main QUEUED, run QUEUED due 25s
        at 25s              -> main CANCELLED, run TIMED_OUT
      `,
    },
  ]);
});

describe("the deadline of a condition", () => {
  tell([
    {
      title: "ends it as TIMED_OUT without a default",
      plan: [aCondition("c", { timeoutMs: 3000 }), aTask("a", { after: ["c"] })],
      script: `
        at 0s                   -> c PAUSED due 3s, run RUNNING
        at 3s                   -> c TIMED_OUT error Timeout, a SKIPPED error DependencyFailed, run TIMED_OUT
        at 4s  ann signals c true -> refused ACTION_ENDED
      `,
    },
    {
      title: "ends it with its default",
      plan: [aCondition("c", { timeoutMs: 3000, defaultValue: bool(false) }), aTask("a", { after: ["c"] })],
      script: `
        at 3s                       -> c SUCCEEDED value false, a QUEUED
        at 4s  ann signals c false  -> c SUCCEEDED value false
               ann signals c true   -> refused ALREADY_ANSWERED
      `,
    },
    {
      title: "counts from when it is paused, not from when it is created",
      plan: [aTask("a"), aCondition("c", { timeoutMs: 3000, after: ["a"] })],
      script: `
        at 7s                  -> c PENDING due never
               w attaches
               w starts
               a succeeds      -> c PAUSED due 10s
        at 10s                 -> c TIMED_OUT
      `,
    },
    {
      title: "is over once it is answered",
      plan: [aCondition("c", { timeoutMs: 3000 })],
      script: `
        at 2s  ann signals c true  -> c SUCCEEDED due never, run SUCCEEDED
        at 3s                      -> c SUCCEEDED value true
      `,
    },
  ]);

  test("takes a whole number as the default of a float", () => {
    const world = new World();
    world.create({ plan: [aCondition("c", { type: "float", timeoutMs: 10, defaultValue: int(2) })] });
    expect(world.at(10).action("c")).toMatchObject({ outcome: "DEFAULTED", outputs: { value: float(2) } });
    expect(world.eventsOf("condition_answered")).toMatchObject([
      { detail: { value: float(2), signalledBy: "", defaulted: true } },
    ]);
  });
});

describe("a deadline that is fired too early or too late", () => {
  test.each([
    { given: "an action that has none", due: { kind: "action", run: "default/r", action: "main" } },
    { given: "an action that is not there", due: { kind: "action", run: "default/r", action: "x" } },
    { given: "a run that is not there", due: { kind: "run", run: "default/x" } },
    { given: "a run that has none", due: { kind: "run", run: "default/r" } },
    { given: "a session that is not there", due: { kind: "session", sessionId: "x" } },
    { given: "a session whose lease runs", due: { kind: "session", sessionId: "s1" } },
  ] as const)("does nothing to $given", ({ due }) => {
    const world = new World();
    world.create();
    world.attach();
    const before = world.feed.length;
    expect(world.do<"fire">({ kind: "fire", due: due as never })).toMatchObject({ ok: true, events: [] });
    expect(world.feed).toHaveLength(before);
  });
});

test("a run that took too long says so as its error, not that somebody cancelled it", () => {
  const world = new World();
  world.create({ timeoutMs: 5000 });
  world.at(5000);
  expect(world.state.run(theRun)).toMatchObject({ state: "TIMED_OUT", error: { type: "Timeout" } });
});
