import { describe, expect, test } from "vitest";
import { runKey } from "../../src/core/name.ts";
import type { Reason, Refusal } from "../../src/core/refusal.ts";
import type { SubscriptionContent } from "../../src/core/subscriptions/subscription.ts";
import { liveActionsPerRunMax } from "../../src/limits.ts";
import {
  aCondition,
  answerRule,
  aTask,
  bool,
  by,
  json,
  noRequest,
  terms,
  text,
  theInputs,
  theTask,
} from "../support/builders.ts";
import { theRun, World } from "../support/world.ts";

const ofOp = { request: noRequest, namespace: "default" };

const ofKey = { ...ofOp, value: bool(true), by: by("ann"), keepForMs: undefined };

const aSubscription: SubscriptionContent = {
  filter: { namespace: "default", runId: "", kinds: [], labels: {}, topics: [] },
  target: { kind: "pull" },
  ackTimeoutMs: 1_000,
  deliveriesMax: 0,
  inFlightMax: 1,
  initialBackoffMs: 1_000,
  maxBackoffMs: 1_000,
};

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
      const rest = Array.from({ length: liveActionsPerRunMax - 1 }, (_, index) => aCondition(`c${index}`));
      world.create({ runId: "full", plan: [aTask("t", { op: "other" }), ...rest] });
      world.attach("w", { ops: ["other"] });
      world.start();
      const attempt = world.reference("t", "default/full" as typeof theRun);
      return world.do<"addActions">({ kind: "addActions", sessionId: "s1", attempt, actions: [aTask("x")] });
    },
    facts: { limit: "liveActionsPerRunMax", maximum: liveActionsPerRunMax },
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
  OP_IN_USE: {
    when: "an op is deleted of which a task has not ended",
    refused: (world) => {
      world.register({}, "used");
      world.create({ runId: "u", task: theTask({ op: "used" }) });
      return world.do<"deleteOp">({ kind: "deleteOp", ...ofOp, name: "used", version: 0, force: false });
    },
    facts: { op: "used", version: 0, runId: "u", action: "main" },
  },
  INPUTS_INVALID: {
    when: "inputs do not fit the op",
    refused: (world) => {
      world.register({ inputs: theInputs({ n: "int" }) }, "count");
      return world.create({ runId: "u", task: theTask({ op: "count", inputs: { n: text("3") } }) });
    },
    facts: {
      op: "count",
      version: 1,
      violations: [{ field: 'run.task.inputs["n"]', description: "must be of type int, and is a string" }],
    },
  },
  ATTEMPTS_EXHAUSTED: {
    when: "a run is opened again of which an action has no attempt left",
    refused: (world) => {
      world.attach();
      world.start();
      world.fail("a");
      world.signal("ok", bool(true));
      return world.retry();
    },
    facts: { runId: "r", action: "a", attempts: 1, maxAttempts: 1 },
  },
  ANSWER_INVALID: {
    when: "an answer does not keep the schema",
    refused: (world) => {
      const schema = { properties: { items: { items: { type: "string" } } } };
      world.create({ runId: "q", plan: [aCondition("c", { type: "json", terms: terms({ schema }) })] });
      return world.signal("c", json({ items: [1, "a"] }), { run: runKey("default", "q") });
    },
    facts: {
      runId: "q",
      action: "c",
      violations: [{ field: "value/items/0", description: "must be a string, and is a number" }],
    },
  },
  NOT_ALLOWED: {
    when: "somebody answers who is not named",
    refused: (world) => {
      const rule = answerRule({ subjects: ["ben"], groups: ["ops"] });
      world.create({ runId: "q", plan: [aCondition("c", { terms: terms({ rule }) })] });
      return world.signal("c", bool(true), { run: runKey("default", "q"), by: by("ann") });
    },
    facts: { runId: "q", action: "c", subject: "ann", rule: "only ben, members of ops may answer" },
  },
  INSTANCE_CHANGED: {
    when: "an answer is for another opening",
    refused: (world) => world.signal("ok", bool(true), { instance: 2 }),
    facts: { runId: "r", action: "ok", instance: 2, currentInstance: 1 },
  },
  CORRELATION_NOT_FOUND: {
    when: "no open condition has the key",
    refused: (world) => world.do<"signalByKey">({ kind: "signalByKey", ...ofKey, correlationKey: "k" }),
    facts: { correlationKey: "k" },
  },
  CORRELATION_AMBIGUOUS: {
    when: "several open conditions have the key",
    refused: (world) => {
      const asked = { terms: terms({ correlationKey: "k" }) };
      world.create({ runId: "q", plan: [aCondition("c", asked), aCondition("d", asked)] });
      return world.do<"signalByKey">({ kind: "signalByKey", ...ofKey, correlationKey: "k" });
    },
    facts: { correlationKey: "k", conditions: ["q/c", "q/d"] },
  },
  ALREADY_CLAIMED: {
    when: "somebody else is on it",
    refused: (world) => {
      const claim = { kind: "changeCondition", request: noRequest, run: theRun, action: "ok" } as const;
      const change = { kind: "claim", force: false } as const;
      world.must<"changeCondition">({ ...claim, by: by("ben"), change });
      return world.do<"changeCondition">({ ...claim, by: by("ann"), change });
    },
    facts: { runId: "r", action: "ok", assignee: "ben" },
  },
  CONDITION_NOT_OPEN: {
    when: "a condition is claimed that still waits itself",
    refused: (world) => {
      world.create({ runId: "q", plan: [aTask("a"), aCondition("c", { after: ["a"] })] });
      return world.do<"changeCondition">({
        kind: "changeCondition",
        request: noRequest,
        run: runKey("default", "q"),
        action: "c",
        by: by("ann"),
        change: { kind: "claim", force: false },
      });
    },
    facts: { runId: "q", action: "c", state: "PENDING" },
  },
  LIMIT_NOT_FOUND: {
    when: "a limit is deleted that is not there",
    refused: (world) => world.do<"deleteLimit">({ kind: "deleteLimit", ...ofOp, name: "gpu" }),
    facts: { limit: "gpu" },
  },
  SUBSCRIPTION_NOT_FOUND: {
    when: "a subscription is deleted that is not there",
    refused: (world) => world.do<"deleteSubscription">({ kind: "deleteSubscription", ...ofOp, name: "s" }),
    facts: { subscription: "s" },
  },
  SUBSCRIPTION_EXISTS: {
    when: "another subscription has the name",
    refused: (world) => {
      const command = { kind: "createSubscription" as const, ...ofOp, name: "s", through: 0 };
      world.must<"createSubscription">({ ...command, content: aSubscription });
      const content = { ...aSubscription, inFlightMax: 7 };
      return world.do<"createSubscription">({ ...command, content });
    },
    facts: { subscription: "s" },
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
