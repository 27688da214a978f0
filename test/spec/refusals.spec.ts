import { describe, expect, test } from "vitest";
import type { Reason, Refusal } from "../../src/core/refusal.ts";
import { actionsPerRunMax } from "../../src/limits.ts";
import { aCondition, aTask, bool, noRequest, text, theTask } from "../support/builders.ts";
import { type theRun, World } from "../support/world.ts";

/**
 * How each reason comes about, and the facts that come with it. A new reason does not compile without a row.
 */
const rows = {
  INVALID_REQUEST: {
    when: "a plan contradicts itself",
    refused: (world) => world.create({ runId: "q", plan: [aTask("a", { after: ["x"] })] }),
    facts: {
      violations: [
        {
          field: "run.plan.actions[0].dependencies[0].action",
          description: "there is no action x beside a",
        },
      ],
    },
  },
  RUN_NOT_FOUND: {
    when: "the run is not there",
    refused: (world) => world.cancel("default/x" as typeof theRun),
    facts: { namespace: "default", runId: "x" },
  },
  RUN_EXISTS: {
    when: "another run has the id",
    refused: (world) => world.create(),
    facts: { runId: "r" },
  },
  RUN_ENDED: {
    when: "a run that has ended is cancelled",
    refused: (world) => {
      world.cancel();
      return world.cancel();
    },
    facts: { runId: "r", state: "CANCELLED" },
  },
  RUN_NOT_ENDED: {
    when: "a live run is opened again",
    refused: (world) => world.retry(),
    facts: { runId: "r", state: "RUNNING" },
  },
  RUN_SUCCEEDED: {
    when: "a run that succeeded is opened again without force",
    refused: (world) => {
      world.create({ runId: "q" });
      world.attach();
      world.start();
      world.report(world.reference("main", "default/q" as typeof theRun), { kind: "succeeded", outputs: {} });
      return world.retry({ run: "default/q" as typeof theRun });
    },
    facts: { runId: "q" },
  },
  ACTION_NOT_FOUND: {
    when: "nothing of the name can ever be there",
    refused: (world) => world.signal("x", bool(true)),
    facts: { runId: "r", action: "x" },
  },
  ACTION_ENDED: {
    when: "a condition that was cancelled is signalled",
    refused: (world) => {
      world.cancel();
      return world.signal("ok", bool(true));
    },
    facts: { runId: "r", action: "ok", state: "CANCELLED" },
  },
  ACTION_NOT_CONDITION: {
    when: "a task is signalled",
    refused: (world) => world.signal("a", bool(true)),
    facts: { runId: "r", action: "a", kind: "task" },
  },
  ALREADY_ANSWERED: {
    when: "a condition is given another answer",
    refused: (world) => {
      world.signal("ok", bool(true));
      return world.signal("ok", bool(false));
    },
    facts: { runId: "r", action: "ok" },
  },
  SIGNAL_TYPE_MISMATCH: {
    when: "a signal has not the type of its condition",
    refused: (world) => world.signal("ok", text("yes")),
    facts: { expected: "bool", actual: "string" },
  },
  OP_NOT_FOUND: {
    when: "a task asks for a version that is not registered",
    refused: (world) => world.create({ runId: "q", task: theTask({ op: "x", opVersion: 2 }) }),
    facts: { op: "x", version: 2 },
  },
  REQUEST_ID_REUSED: {
    when: "a request id comes with other content",
    refused: (world) => {
      world.create({ runId: "p", request: { requestId: "1", digest: "a" } });
      return world.create({ runId: "q", request: { requestId: "1", digest: "b" } });
    },
    facts: { requestId: "1" },
  },
  LIMIT_REACHED: {
    when: "a run would have more actions than it may",
    refused: (world) => {
      const rest = Array.from({ length: actionsPerRunMax - 1 }, (_, index) => aCondition(`c${index}`));
      world.create({ runId: "full", plan: [aTask("t", { op: "other" }), ...rest] });
      world.attach("w", { ops: ["other"] });
      world.start();
      const attempt = world.reference("t", "default/full" as typeof theRun);
      return world.do<"addActions">({ kind: "addActions", sessionId: "s1", attempt, actions: [aTask("x")] });
    },
    facts: { limit: "actionsPerRunMax", maximum: actionsPerRunMax },
  },
  STALE_EPOCH: {
    when: "a worker reports under a lease that has moved on",
    refused: (world) => {
      world.attach();
      world.assign();
      const attempt = world.reference("a");
      world.decline(attempt);
      return world.decline(attempt);
    },
    facts: { runId: "r", action: "a", epoch: 1, currentEpoch: 1 },
  },
  SESSION_GONE: {
    when: "a session that is not there pulses",
    refused: (world) => world.do<"pulse">({ kind: "pulse", sessionId: "s9", leaseMs: 1 }),
    facts: { sessionId: "s9" },
  },
  WORKER_NOT_FOUND: {
    when: "a worker that is not there is drained",
    refused: (world) =>
      world.do<"drainWorker">({
        kind: "drainWorker",
        request: noRequest,
        namespace: "default",
        workerId: "w",
      }),
    facts: { workerId: "w" },
  },
  ACTION_EXISTS: {
    when: "a child is asked for under the name of another kind of child",
    refused: (world) => {
      world.attach();
      world.start();
      world.add("a", aTask("x"));
      return world.add("a", aCondition("x"));
    },
    facts: { runId: "r", action: "a/x" },
  },
} satisfies {
  readonly [R in Reason]: {
    readonly when: string;
    readonly refused: (world: World) => unknown;
    readonly facts: Omit<Extract<Refusal, { readonly reason: R }>, "reason">;
  };
};

describe("a refusal", () => {
  const cases = Object.entries(rows).map(([reason, row]) => ({ reason, ...row }));

  test.each(cases)("$reason when $when, with all its facts", ({ reason, refused, facts }) => {
    const world = new World();
    world.create({ plan: [aTask("a"), aCondition("ok")] });
    expect(refused(world)).toEqual({ ok: false, refusal: { reason, ...facts } });
  });
});
