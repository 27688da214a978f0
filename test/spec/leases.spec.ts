import { describe, expect, test } from "vitest";
import { aTask, int, theTask } from "../support/builders.ts";
import { tell } from "../support/story.ts";
import { leaseMs, World } from "../support/world.ts";

const retry = { maxAttempts: 3, initialBackoffMs: 0 };
const beat = { kind: "heartbeat" as const };
const done = { kind: "succeeded" as const, outputs: { n: int(1) } };

/** A run whose task runs at the worker w. */
function running(task = theTask({ retry })): World {
  const world = new World();
  world.create({ task });
  world.attach();
  world.start();
  return world;
}

describe("the epoch of an action", () => {
  test("grows with each lease, also when an attempt's number is used again", () => {
    const world = new World();
    world.create({ task: theTask({ retry }) });
    world.attach();
    const leases: [number, number][] = [];
    for (const end of ["decline", "fail", "fail"] as const) {
      world.at(world.nowMs + 1000).start();
      leases.push([world.action().attempt, world.action().epoch]);
      if (end === "fail") world.fail("main");
      else {
        world.decline(world.reference());
        leases.push([world.action().attempt, world.action().epoch]);
      }
    }
    expect(leases).toEqual([
      [1, 1],
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });
});

describe("a report", () => {
  const stale = [
    {
      given: "the attempt failed and another one is due",
      act: (world: World) => void world.fail("main"),
      reason: "STALE_EPOCH",
    },
    {
      given: "another lease was granted",
      act: (world: World) => {
        world.fail("main");
        world.at(0).start();
      },
      reason: "STALE_EPOCH",
    },
    {
      given: "the action ended under this lease",
      act: (world: World) => void world.succeed("main"),
      reason: "ACTION_ENDED",
    },
    {
      given: "the action ended under a later lease",
      act: (world: World) => {
        world.fail("main");
        world.at(0).start();
        world.succeed("main");
      },
      reason: "STALE_EPOCH",
    },
    {
      given: "the run was opened again",
      act: (world: World) => {
        world.succeed("main");
        world.retry({ force: true });
      },
      reason: "STALE_EPOCH",
    },
    {
      given: "the lease ran out",
      act: (world: World) => void world.at(leaseMs),
      reason: "STALE_EPOCH",
    },
  ];
  const contents = [
    beat,
    done,
    { kind: "progress" as const, percent: 1, message: "" },
    { kind: "log" as const, level: "info" as const, message: "" },
    { kind: "failed" as const, error: { type: "Late", message: "", stack: "", nonRetryable: true } },
    { kind: "stopped" as const, message: "" },
    { kind: "event" as const, published: { source: "s", type: "t", attributes: {}, payload: undefined } },
    { kind: "trace_ended" as const, name: "t", outputs: {}, error: undefined },
  ];
  const cases = stale.flatMap((row) => contents.map((content) => ({ ...row, content })));

  test.each(cases)(
    "of the kind $content.kind after $given: $reason, and nothing changes",
    ({ act, reason, content }) => {
      const world = running();
      world.add("main", { ...aTask("t"), spec: { kind: "trace", description: "" } });
      const attempt = world.reference();
      act(world);
      const before = JSON.stringify([world.run(), world.state.allActions(), world.feed.length]);
      expect(world.report(attempt, content)).toMatchObject({ reason });
      expect(JSON.stringify([world.run(), world.state.allActions(), world.feed.length])).toBe(before);
    },
  );

  test.each([
    { given: "a number that no lease has had yet", change: { epoch: 9 }, reason: "STALE_EPOCH" },
    { given: "another attempt", change: { attempt: 2 }, reason: "STALE_EPOCH" },
    { given: "an action that is not there", change: { action: "x" }, reason: "ACTION_NOT_FOUND" },
    { given: "a run that is not there", change: { run: "default/x" as never }, reason: "RUN_NOT_FOUND" },
  ])("that names $given: $reason", ({ change, reason }) => {
    const world = running();
    expect(world.report({ ...world.reference(), ...change }, beat)).toMatchObject({ reason });
  });

  test("says which epoch is current when it is refused", () => {
    const world = running();
    const attempt = world.reference();
    world.fail("main");
    world.at(0).start();
    expect(world.report(attempt, beat)).toEqual({
      reason: "STALE_EPOCH",
      runId: "r",
      action: "main",
      epoch: 1,
      currentEpoch: 2,
    });
  });

  test.each([
    { given: "while the attempt runs", content: { kind: "progress" as const, percent: 5, message: "" } },
    { given: "after it has ended its attempt", content: done },
    {
      given: "while the next attempt is due",
      content: { ...done, kind: "failed" as const, error: error("Broken") },
    },
  ])("sent again $given is recorded again and changes nothing", ({ content }) => {
    const world = running();
    const attempt = world.reference();
    expect(world.report(attempt, content, 7)).toBeUndefined();
    const before = JSON.stringify([world.run(), world.action(), world.feed.length]);
    expect(world.report(attempt, content, 7)).toBeUndefined();
    expect(world.report(attempt, beat, 3)).toBeUndefined();
    expect(JSON.stringify([world.run(), world.action(), world.feed.length])).toBe(before);
  });

  test("begins to count at 1 again with the next lease", () => {
    const world = running();
    world.report(world.reference(), { kind: "failed", error: error("Broken") }, 50);
    world.at(0).start();
    expect(world.report(world.reference(), { kind: "progress", percent: 9, message: "" }, 1)).toBeUndefined();
    expect(world.action().progressPercent).toBe(9);
  });

  test("is taken in the order of the frame, and one refused does not hold up another", () => {
    const world = running();
    const attempt = world.reference();
    const reports = [
      { attempt, sequence: 1, content: { kind: "log" as const, level: "warn" as const, message: "hm" } },
      { attempt: { ...attempt, epoch: 9 }, sequence: 2, content: beat },
      { attempt, sequence: 3, content: done },
      { attempt, sequence: 4, content: beat },
    ];
    const { refusals } = world.must<"report">({ kind: "report", sessionId: "s1", reports });
    expect(refusals.map((refusal) => refusal?.reason)).toEqual([
      undefined,
      "STALE_EPOCH",
      undefined,
      "ACTION_ENDED",
    ]);
    expect(world.action()).toMatchObject({
      state: "SUCCEEDED",
      outputs: { n: int(1) },
      progressPercent: 100,
    });
  });

  test("with outputs of more than 1 MiB in all fails its attempt for good", () => {
    const world = running();
    const half = { kind: "string" as const, value: "x".repeat(600_000) };
    expect(
      world.report(world.reference(), { kind: "succeeded", outputs: { a: half, b: half } }),
    ).toBeUndefined();
    expect(world.action()).toMatchObject({ state: "FAILED", attempt: 1, error: { type: "OutputTooLarge" } });
  });

  test("that it stopped, unasked, fails the attempt for good", () => {
    const world = running();
    world.report(world.reference(), { kind: "stopped", message: "going home" });
    expect(world.action()).toMatchObject({ state: "FAILED", attempt: 1, error: { type: "Cancelled" } });
  });

  test("on the stream that the process had before is taken under the current epoch", () => {
    const world = running();
    const attempt = world.reference();
    world.attach("w", { running: [attempt] });
    const reports = [{ attempt, sequence: 1, content: done }];
    expect(world.must<"report">({ kind: "report", sessionId: "s1", reports })).toEqual({
      refusals: [undefined],
    });
    expect(world.action().state).toBe("SUCCEEDED");
  });
});

function error(type: string) {
  return { type, message: "it broke", stack: "", nonRetryable: false };
}

describe("a worker that attaches again as the same process", () => {
  tell([
    {
      title: "keeps what it still runs, under the same attempt and epoch",
      script: `
        at 0s  w attaches
               w starts
        at 5s  w attaches again with main  -> main RUNNING attempt 1 epoch 1
               main succeeds               -> run SUCCEEDED
      `,
    },
    {
      title: "has accepted what it says it runs",
      script: `
        at 0s  w attaches
               w takes                     -> main ASSIGNED due 10s
        at 5s  w attaches again with main  -> main RUNNING epoch 1 due never, run RUNNING
      `,
    },
    {
      title: "has failed what it started and no longer runs, by the policy",
      task: { retry: { maxAttempts: 2 } },
      script: `
        at 0s  w attaches
               w starts
        at 5s  w attaches again  -> main PENDING attempt 1 error LeaseExpired due 6s
        at 6s  w starts          -> main RUNNING attempt 2 epoch 2
      `,
    },
    {
      title: "gives back what it was assigned and does not know of",
      script: `
        at 0s  w attaches
               w takes
        at 5s  w attaches again  -> main PENDING attempt 0 due 6s
      `,
    },
    {
      title: "keeps its work after its stream was gone for a while",
      script: `
        at 0s  w attaches
               w starts
               w detaches                  -> main RUNNING
        at 9s  w attaches again with main  -> main RUNNING epoch 1
      `,
    },
    {
      title: "gives a sign of life for each attempt that it brings along",
      task: {
        timeouts: { queueToStartMs: undefined, startToEndMs: undefined, heartbeatMs: 2000 },
      },
      script: `
        at 0s  w attaches
               w starts                    -> main RUNNING due 2s
        at 1s  w attaches again with main  -> main RUNNING due 3s
      `,
    },
  ]);

  test("is told what it keeps, what it drops, and what was cancelled meanwhile", () => {
    const world = new World();
    world.create({ plan: [aTask("a", { cancelGraceMs: 5000 }), aTask("b"), aTask("c")] });
    world.attach();
    world.start();
    const [a, b, c] = ["a", "b", "c"].map((name) => world.reference(name));
    if (a === undefined || b === undefined || c === undefined) throw new Error("three are assigned");
    world.succeed("b");
    world.at(1000).cancel();
    const unknown = { ...a, action: "x" };
    const answer = world.at(3000).attach("w", { running: [a, a, b, { ...c, epoch: 9 }, unknown] });
    expect(answer).toMatchObject({
      keep: [a],
      drop: [b, { ...c, epoch: 9 }, unknown],
      cancelled: [{ attempt: a, graceMs: 3000, cause: "not wanted" }],
    });
    expect(world.action("c")).toMatchObject({ state: "CANCELLED" });
  });

  test("ends the stream that it had before, without leaving", () => {
    const world = running();
    world.attach("w", { running: [world.reference()] });
    expect(world.effects).toContainEqual({ kind: "gone", sessionId: "s1", cause: "attached again" });
    expect(world.eventsOf("worker_left")).toEqual([]);
    expect(world.eventsOf("worker_attached").at(-1)).toMatchObject({
      detail: { sessionId: "s2", keptCount: 1 },
    });
    expect(world.state.session("s1")).toBeUndefined();
  });

  test("does not get the attempts of another worker by naming them", () => {
    const world = running();
    const attempt = world.reference();
    world.attach("v");
    expect(world.attach("v", { running: [attempt] })).toMatchObject({ keep: [], drop: [attempt] });
    expect(world.action()).toMatchObject({ state: "RUNNING", workerId: "w", sessionId: "s1" });
  });
});

describe("another process of a worker's name", () => {
  tell([
    {
      title: "takes its place: what it ran has failed by the policy, and what it was assigned is given back",
      plan: [aTask("a", { retry: { maxAttempts: 2 } }), aTask("b"), aTask("c")],
      script: `
        at 0s  w attaches
               w takes
               w accepts a
               w accepts b
               another w attaches  -> a PENDING error LeaseExpired attempt 1, b FAILED error LeaseExpired
                                   -> c PENDING attempt 0
      `,
    },
  ]);

  test("does not keep what it says it runs, and the first one is superseded", () => {
    const world = running();
    const attempt = world.reference();
    expect(world.attach("w", { incarnation: "2", running: [attempt] })).toMatchObject({
      keep: [],
      drop: [attempt],
    });
    expect(world.effects).toContainEqual({ kind: "gone", sessionId: "s1", cause: "superseded" });
    expect(world.eventsOf("worker_left")).toMatchObject([
      { detail: { sessionId: "s1", cause: "superseded" } },
    ]);
    expect(world.report(attempt, done)).toMatchObject({ reason: "STALE_EPOCH" });
  });
});

describe("a session", () => {
  tell([
    {
      title: "whose lease runs out has failed what it ran and gives back what it was assigned",
      plan: [aTask("a", { retry: { maxAttempts: 2 } }), aTask("b")],
      script: `
        at 0s     w attaches
                  w starts 1  -> a RUNNING
        at 995s   w takes     -> b ASSIGNED due 1005s
        at 1000s              -> a PENDING error LeaseExpired due 1001s, b PENDING attempt 0 due 1001s
      `,
    },
    {
      title: "keeps what it holds as long as it pulses",
      script: `
        at 0s     w attaches
                  w starts
        at 999s   w pulses
        at 1500s            -> main RUNNING
        at 1999s            -> main FAILED error LeaseExpired, run FAILED
                  w pulses  -> refused SESSION_GONE
                  w drains  -> refused SESSION_GONE
      `,
    },
    {
      title: "that leaves gives back at once what it still holds: what had started has failed",
      plan: [aTask("a"), aTask("b", { retry: { maxAttempts: 2 } }), aTask("c")],
      script: `
        at 0s  w attaches
               w takes
               w accepts a
               w accepts b
               w leaves     -> a FAILED error LeaseExpired, b PENDING attempt 1, c PENDING attempt 0 due 1s
        at 1s               -> c QUEUED
      `,
    },
    {
      title: "that is gone ends every run of which nothing is left, each by itself",
      plan: [aTask("a")],
      script: `
        at 0s  w attaches
               w starts
               w leaves  -> a FAILED, run FAILED
      `,
    },
  ]);

  test("that held the last action of several runs ends them all when its lease runs out", () => {
    const world = new World();
    for (const runId of ["r", "q", "p"]) world.create({ runId });
    world.attach();
    world.start();
    world.at(leaseMs);
    expect([...world.state.runs.values()].map(({ state }) => state)).toEqual(["FAILED", "FAILED", "FAILED"]);
    expect(
      world
        .eventsOf("run_ended")
        .map(({ runId }) => runId)
        .toSorted(),
    ).toEqual(["p", "q", "r"]);
    expect(world.feed.at(-1)?.events.at(-1)?.detail.kind).toBe("run_ended");
  });

  test("that has left is not there, and leaving or detaching again does nothing", () => {
    const world = running();
    world.must<"leave">({ kind: "leave", sessionId: "s1", cause: "" });
    expect(world.eventsOf("worker_left")).toMatchObject([{ detail: { cause: "left" } }]);
    for (const kind of ["leave", "detach"] as const) {
      expect(world.do({ kind, sessionId: "s1", cause: "" })).toMatchObject({ ok: true, events: [] });
    }
  });

  test.each([
    { next: "detaches", state: "DETACHED" },
    { next: "attaches again", state: "DRAINING" },
    { next: "attaches again after a restart of the server", state: "DRAINING" },
    { next: "is replaced by another process", state: "ATTACHED" },
  ])("that drains and $next is $state", ({ next, state }) => {
    const world = new World();
    world.attach();
    world.must<"drain">({ kind: "drain", sessionId: "s1" });
    expect(world.state.session("s1")).toMatchObject({ state: "DRAINING" });
    world.must<"drain">({ kind: "drain", sessionId: "s1" });
    expect(world.eventsOf("worker_draining")).toHaveLength(1);
    if (next === "detaches") world.must<"detach">({ kind: "detach", sessionId: "s1" });
    else {
      if (next.includes("restart")) world.must<"boot">({ kind: "boot", leaseMs });
      world.attach("w", { incarnation: next.startsWith("is replaced") ? "2" : "1" });
    }
    expect(world.state.sessionOf("default", "w")).toMatchObject({ state });
    const isTold = world.effects.some((effect) => effect.kind === "drain" && effect.sessionId === "s2");
    expect(isTold).toBe(next.startsWith("attaches again"));
  });

  test("whose worker an operator drains is told so, also if it is not attached at the moment", () => {
    const world = new World();
    world.attach();
    const drainWorker = {
      kind: "drainWorker" as const,
      request: { requestId: "", digest: "" },
      namespace: "default",
      workerId: "w",
    };
    world.must<"detach">({ kind: "detach", sessionId: "s1" });
    const { session } = world.must<"drainWorker">(drainWorker);
    expect(session).toMatchObject({ state: "DETACHED", isDraining: true });
    world.must<"drainWorker">(drainWorker);
    expect(world.eventsOf("worker_draining")).toMatchObject([{ detail: { workerId: "w" } }]);
    world.attach();
    expect(world.effects.at(-1)).toEqual({ kind: "drain", sessionId: "s2" });
    expect(world.do<"drainWorker">({ ...drainWorker, workerId: "x" })).toMatchObject({
      refusal: { reason: "WORKER_NOT_FOUND", workerId: "x" },
    });
  });
});

describe("a server that boots", () => {
  tell([
    {
      title: "gives every lease the time to attach again",
      script: `
        at 0s     w attaches
                  w starts
        at 900s   the server boots
        at 1899s                             -> main RUNNING
                  w attaches again with main -> main RUNNING epoch 1
        at 2899s                             -> main FAILED error LeaseExpired
      `,
    },
    {
      title: "does not take back what a worker may have accepted while nobody listened",
      script: `
        at 0s     w attaches
                  w takes                     -> main ASSIGNED due 10s
                  the server boots            -> main ASSIGNED due 1000s
        at 500s   w attaches again with main  -> main RUNNING epoch 1
      `,
    },
    {
      title: "does not hold silence against a worker while nobody listened",
      task: { timeouts: { queueToStartMs: undefined, startToEndMs: undefined, heartbeatMs: 2000 } },
      script: `
        at 0s     w attaches
                  w starts                    -> main RUNNING due 2s
        at 1s     the server boots            -> main RUNNING due 1003s
        at 500s   w attaches again with main  -> main RUNNING due 502s
        at 502s                               -> main TIMED_OUT
      `,
    },
    {
      title: "holds every attempt to the time that it may take in all",
      task: { timeouts: { queueToStartMs: undefined, startToEndMs: 5000, heartbeatMs: 2000 } },
      script: `
        at 0s     w attaches
                  w starts
        at 1s     the server boots  -> main RUNNING due 5s
        at 5s                       -> main TIMED_OUT
      `,
    },
  ]);

  test("never makes a lease shorter, and takes every session for DETACHED", () => {
    const world = new World();
    world.attach();
    expect(world.must<"boot">({ kind: "boot", leaseMs: 5 })).toEqual({ sessionCount: 1 });
    expect(world.state.session("s1")).toMatchObject({ state: "DETACHED", leaseEndMs: leaseMs });
  });
});
