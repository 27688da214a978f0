import { describe, expect, test } from "vitest";
import { hasEnded } from "../../src/core/action.ts";
import type { AttemptReference, ReportContent } from "../../src/core/stated.ts";
import { aCondition, aTask, aTrace, bool, noRequest, theTask } from "../support/builders.ts";
import { theRun, World } from "../support/world.ts";

/**
 * Every state of a run of one task, and every call that gyoza has for it: what becomes of it, or why it is
 * refused. Worker frames stand for its events. Where Signalbox differs on purpose, docs/gyoza.md says why.
 */
const states = {
  /** Theirs: PENDING. */
  QUEUED: () => undefined,
  ASSIGNED: (world: World) => void world.assign("w", 1),
  RUNNING: (world: World) => void world.start("w", 1),
  /** Theirs: COMPLETED. */
  SUCCEEDED: (world: World) => {
    world.start("w", 1);
    world.succeed("main");
  },
  FAILED: (world: World) => {
    world.start("w", 1);
    world.fail("main");
  },
  CANCELLED: (world: World) => {
    world.start("w", 1);
    world.cancel();
    world.report(world.reference(), { kind: "stopped", message: "" });
  },
};

type State = keyof typeof states;
type Call = keyof typeof calls;

/** What the calls do; each gives the reason of its refusal, if it is refused. */
const calls = {
  /** Another worker asks for work. */
  assign: (world: World) => {
    world.attach("v");
    return world.assign("v", 1).length === 0 ? "nothing to assign" : undefined;
  },
  STARTED: (world: World) => world.accept([held(world)]).refused[0]?.refusal.reason,
  PROGRESS: (world: World) => report(world, { kind: "progress", percent: 40, message: "" }),
  INFO: (world: World) => report(world, { kind: "log", level: "info", message: "so far" }),
  ERROR: (world: World) => report(world, { kind: "log", level: "error", message: "odd" }),
  COMPLETED: (world: World) => report(world, { kind: "succeeded", outputs: {} }),
  FAILED: (world: World) => {
    const error = { type: "Broken", message: "it broke", stack: "", nonRetryable: false };
    return report(world, { kind: "failed", error });
  },
  /** Asked for by CancelRun, and reported by the worker if there is one. */
  CANCELLED: (world: World) => {
    const cancelled = world.cancel();
    if (!cancelled.ok) return cancelled.refusal.reason;
    const isOver = hasEnded(world.action());
    return isOver ? undefined : report(world, { kind: "stopped", message: "" });
  },
  retry: (world: World) => reasonOf(world.retry()),
  "retry with force": (world: World) => reasonOf(world.retry({ force: true })),
};

function reasonOf(done: object): string | undefined {
  return (done as { refusal?: { reason: string } }).refusal?.reason;
}

/** The lease that the worker has or had, or the one that it would have made up. */
function held(world: World): AttemptReference {
  const { attempt, epoch } = world.action();
  return { run: theRun, action: "main", attempt: Math.max(1, attempt), epoch: Math.max(1, epoch) };
}

function report(world: World, content: ReportContent): string | undefined {
  return world.report(held(world), content)?.reason;
}

/** A state that follows, or a reason in lower case words or as the contract has it. */
type Outcome = State | `refused ${string}`;
const notLeased = "refused STALE_EPOCH";
const ended = "refused ACTION_ENDED";
const taken = "refused nothing to assign";
const live = "refused RUN_NOT_ENDED";

const matrix: Readonly<Record<State, Readonly<Record<Call, Outcome>>>> = {
  QUEUED: {
    assign: "ASSIGNED",
    STARTED: notLeased,
    PROGRESS: notLeased,
    // Theirs are recorded. Ours come from whoever has the lease, or as published events of a service.
    INFO: notLeased,
    ERROR: notLeased,
    COMPLETED: notLeased,
    FAILED: notLeased,
    CANCELLED: "CANCELLED",
    retry: live,
    "retry with force": live,
  },
  ASSIGNED: {
    assign: taken,
    STARTED: "RUNNING",
    // Theirs are refused. Ours count as the accept: who reports under a lease executes.
    PROGRESS: "RUNNING",
    INFO: "RUNNING",
    ERROR: "RUNNING",
    COMPLETED: "SUCCEEDED",
    FAILED: "FAILED",
    CANCELLED: "CANCELLED",
    retry: live,
    "retry with force": live,
  },
  RUNNING: {
    assign: taken,
    // Theirs is refused. Ours is the same accept again, as a worker sends it that has lost the answer.
    STARTED: "RUNNING",
    PROGRESS: "RUNNING",
    INFO: "RUNNING",
    ERROR: "RUNNING",
    COMPLETED: "SUCCEEDED",
    FAILED: "FAILED",
    CANCELLED: "CANCELLED",
    retry: live,
    "retry with force": live,
  },
  SUCCEEDED: {
    assign: taken,
    STARTED: ended,
    PROGRESS: ended,
    INFO: ended,
    ERROR: ended,
    COMPLETED: ended,
    FAILED: ended,
    CANCELLED: "refused RUN_ENDED",
    retry: "refused RUN_SUCCEEDED",
    "retry with force": "QUEUED",
  },
  FAILED: {
    assign: taken,
    STARTED: ended,
    PROGRESS: ended,
    INFO: ended,
    ERROR: ended,
    COMPLETED: ended,
    FAILED: ended,
    CANCELLED: "refused RUN_ENDED",
    retry: "QUEUED",
    "retry with force": "QUEUED",
  },
  CANCELLED: {
    assign: taken,
    STARTED: ended,
    PROGRESS: ended,
    INFO: ended,
    ERROR: ended,
    COMPLETED: ended,
    FAILED: ended,
    CANCELLED: "refused RUN_ENDED",
    retry: "QUEUED",
    "retry with force": "QUEUED",
  },
};

const cells = Object.entries(matrix).flatMap(([state, row]) =>
  Object.entries(row).map(([call, outcome]) => ({ state: state as State, call: call as Call, outcome })),
);

/** A run in a state; its policy leaves a second attempt to RetryRun. */
function inState(state: State): World {
  const world = new World();
  world.create({ task: theTask({ retry: { maxAttempts: 2, manual: true } }) });
  world.attach();
  states[state](world);
  expect(world.action().state).toBe(state);
  return world;
}

describe("a run of one task", () => {
  test.each(cells)(
    "G-110 G-111 G-112 G-114 G-115 G-116 G-120 G-124 G-125 G-127 G-128 G-129 G-137 G-141 G-142 in $state, $call: $outcome",
    ({ state, call, outcome }) => {
      const world = inState(state);
      const before = world.events().length;
      const reason = calls[call](world);
      expect(reason === undefined ? world.action().state : `refused ${reason}`).toBe(outcome);
      // What is refused is recorded nowhere.
      const isSilent = reason !== undefined && call !== "assign";
      if (isSilent) expect(world.events()).toHaveLength(before);
      if (reason !== undefined) expect(world.action().state).toBe(state);
    },
  );

  test("G-112 a report about what has ended is refused as such before anything else is looked at", () => {
    const world = inState("SUCCEEDED");
    const error = { type: "X", message: "", stack: "", nonRetryable: false };
    expect(world.report(held(world), { kind: "failed", error })).toMatchObject({ reason: "ACTION_ENDED" });
  });

  test("G-114 an assignment that is declined or not accepted goes back to the queue, and costs no attempt", () => {
    const world = inState("ASSIGNED");
    world.decline(world.reference());
    expect(world.action()).toMatchObject({ state: "PENDING", attempt: 0 });
    world.at(1_000).assign();
    expect(world.action()).toMatchObject({ state: "ASSIGNED", attempt: 1, epoch: 2 });
    world.at(11_000);
    expect(world.action()).toMatchObject({ state: "PENDING", attempt: 0 });
  });

  test.each(["QUEUED", "ASSIGNED", "RUNNING"] as const)(
    "G-132 G-134 in %s, an operator ends it with outputs, and says why in the feed",
    (state) => {
      const world = inState(state);
      const outputs = { n: { kind: "int", value: "1" } } as const;
      const cause = "checked by hand";
      const end = { state: "SUCCEEDED", outputs } as const;
      const command = { kind: "endAction" as const, request: noRequest, run: theRun, action: "main" };
      world.must<"endAction">({ ...command, end, cause });
      expect(world.run()).toMatchObject({ state: "SUCCEEDED", outputs });
      expect(world.eventsOf("action_ended")[0]?.detail).toMatchObject({ cause, outputs, epoch: 0 });
      expect(world.effects.some(({ kind }) => kind === "cancel")).toBe(state !== "QUEUED");
      expect(world.do<"endAction">({ ...command, end, cause })).toMatchObject({
        refusal: { reason: "ACTION_ENDED" },
      });
    },
  );
});

describe("an operator", () => {
  test("cannot say that a condition succeeded: that takes an answer", () => {
    const world = new World();
    world.create({ plan: [aCondition("ask")] });
    const command = { kind: "endAction" as const, request: noRequest, run: theRun, action: "ask", cause: "" };
    const done = world.do<"endAction">({ ...command, end: { state: "SUCCEEDED", outputs: {} } });
    expect(done).toMatchObject({ refusal: { reason: "INVALID_REQUEST", violations: [{ field: "state" }] } });
    expect(world.action("ask").state).toBe("PAUSED");
    expect(world.signal("ask", bool(true)).ok).toBe(true);
  });

  test("ends with a task what it added: a child that runs is told to stop, others end", () => {
    const world = new World();
    world.attach();
    world.create({ plan: [aTask("p")] });
    world.start();
    world.add("p", aTask("k"), aTrace("t"), aCondition("c"), aTask("q", { op: "nobody" }));
    world.start();
    const command = { kind: "endAction" as const, request: noRequest, run: theRun, action: "p", cause: "" };
    world.must<"endAction">({ ...command, end: { state: "SUCCEEDED", outputs: {} } });
    const states = world.state.actions(theRun).map(({ name, state }) => `${name} ${state}`);
    expect(states).toEqual(["p SUCCEEDED", "p/c CANCELLED", "p/k RUNNING", "p/q CANCELLED", "p/t CANCELLED"]);
    expect(world.action("p/k").cancelTimeMs).toBe(world.nowMs);
    world.report(world.reference("p/k"), { kind: "stopped", message: "" });
    expect(world.run().state).toBe("SUCCEEDED");
  });
});
