import type { ConditionStanding } from "./conditions/standing.ts";
import type { ConditionTerms } from "./conditions/terms.ts";
import type { RunKey } from "./name.ts";
import type { InputSpecs, OutputSpec } from "./ops/op.ts";
import type { Demand } from "./placement/demand.ts";
import type { Labels } from "./run.ts";
import type { Value, Values, ValueType } from "./value.ts";

/**
 * Where an action stands.
 *
 * ```
 * PENDING ──▶ QUEUED ──▶ ASSIGNED ──▶ RUNNING ──▶ SUCCEEDED FAILED CANCELLED TIMED_OUT
 *    ▲  ▲________│ declined,  │             │
 *    │___________│ not accepted             │ next attempt
 *    └──────────────────────────────────────┘
 * ```
 * A condition is PAUSED from when nothing holds it back until it ends. A trace is RUNNING until its parent
 * says how it ended. SKIPPED ends what was never started because of how a dependency ended.
 */
export type ActionState =
  | "PENDING"
  | "QUEUED"
  | "ASSIGNED"
  | "RUNNING"
  | "PAUSED"
  | "SUCCEEDED"
  | "FAILED"
  | "CANCELLED"
  | "TIMED_OUT"
  | "SKIPPED"
  | "RECOVERED";

/** Why an action did not succeed. */
export interface ActionError {
  readonly type: string;
  readonly message: string;
  readonly stack: string;
  readonly nonRetryable: boolean;
}

/** One action that another waits for, by its name among the siblings. */
export interface Dependency {
  readonly action: string;
  readonly requirement: "succeeded" | "ended";
  /** Only if it put out this value as `value`. */
  readonly equals: Value | undefined;
}

/** An input: a value, or an output of a sibling. An empty output means all of them as one JSON object. */
export type Input =
  | { readonly value: Value }
  | { readonly reference: { readonly from: string; readonly output: string } };

/** What happens after a failed attempt; see `retry.ts`. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly initialBackoffMs: number;
  readonly multiplier: number;
  readonly maxBackoffMs: number;
  readonly jitter: number;
  readonly nonRetryableErrorTypes: readonly string[];
  /** No further attempt by itself: RetryRun may use those that are left. */
  readonly manual: boolean;
}

/** How long the parts of a task's life may take; undefined means no limit. */
export interface Timeouts {
  readonly queueToStartMs: number | undefined;
  readonly startToEndMs: number | undefined;
  readonly heartbeatMs: number | undefined;
}

/** What all kinds of actions are told when they are created. */
interface CommonSpec {
  readonly dependencies: readonly Dependency[];
  readonly labels: Labels;
}

/** Work for a worker, as it was stated, with its op's defaults filled in. */
export interface TaskSpec extends CommonSpec {
  readonly kind: "task";
  readonly op: string;
  readonly opVersion: number;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly retry: RetryPolicy;
  readonly timeouts: Timeouts;
  readonly cancelGraceMs: number;
  /** What it asks of its worker; undefined for nothing. */
  readonly demand: Demand | undefined;
  readonly image: string | undefined;
  readonly handler: string | undefined;
  /** Of the op's, those of inputs that are references: they are checked once these can be resolved. */
  readonly inputSpecs: InputSpecs | undefined;
  /** The op's, if it has any: outputs are checked by them. */
  readonly outputSpecs: Readonly<Record<string, OutputSpec>> | undefined;
}

/** A wait for a typed signal. */
export interface ConditionSpec extends CommonSpec {
  readonly kind: "condition";
  readonly type: ValueType;
  readonly prompt: string;
  readonly description: string;
  readonly timeoutMs: number | undefined;
  readonly defaultValue: Value | undefined;
  /** What it asks for beyond that; undefined for nothing, as most do. */
  readonly terms: ConditionTerms | undefined;
}

/** A step that a running task executes itself. */
export interface TraceSpec extends CommonSpec {
  readonly kind: "trace";
  readonly description: string;
}

/** What an action is; never changes. */
export type ActionSpec = TaskSpec | ConditionSpec | TraceSpec;

/** How a condition ended. */
export type Outcome = "ANSWERED" | "DEFAULTED" | "EXPIRED" | "WITHDRAWN";

/** An action as it stands. Times are milliseconds since 1970. */
export interface Action {
  readonly run: RunKey;
  /** Its whole name. */
  readonly name: string;
  readonly parent: string;
  readonly spec: ActionSpec;
  readonly state: ActionState;
  /** The run's, copied, so that the queue can be ordered by it. */
  readonly priority: number;
  /** When it was first queued: among equals of priority the oldest is assigned first. */
  readonly ageMs: number;
  /** The number of its current or last attempt, 0 before the first. */
  readonly attempt: number;
  /** Attempts before this one do not count against the policy: it was reopened after them. */
  readonly attemptBase: number;
  /** The fencing number of its current or last lease, 0 before the first; grows with each grant. */
  readonly epoch: number;
  /** The session that holds it while it is ASSIGNED or RUNNING. */
  readonly sessionId: string | undefined;
  /** The devices that its current or last attempt was given. */
  readonly deviceIndexes: readonly number[];
  /** The counters in which it takes a place while it is held, by their keys. */
  readonly holds: readonly string[];
  /** The counter that it waits for while QUEUED: it is out of the queue until that has a place. */
  readonly parkedOn: string | undefined;
  /** What its current or last attempt started with, if that is not just what was stated. */
  readonly attemptInputs: Values | undefined;
  /** The worker that has or had it last. */
  readonly workerId: string | undefined;
  /** The last report recorded of the current attempt. */
  readonly reportSequence: number;
  /** How many children it has ever had. */
  readonly childCount: number;
  /** Dependencies that have not ended. */
  readonly waitingCount: number;
  readonly createTimeMs: number;
  readonly queueTimeMs: number | undefined;
  readonly assignTimeMs: number | undefined;
  readonly startTimeMs: number | undefined;
  readonly endTimeMs: number | undefined;
  /** When its next attempt is due, while PENDING for one. */
  readonly retryTimeMs: number | undefined;
  /** The last sign of life of its running attempt. */
  readonly beatTimeMs: number | undefined;
  /** When a cancel was asked for, and why. */
  readonly cancelTimeMs: number | undefined;
  readonly cancelCause: string;
  /** The earliest of its deadlines; the store finds what is due by it. */
  readonly dueMs: number | undefined;
  readonly outputs: Values | undefined;
  readonly error: ActionError | undefined;
  readonly progressPercent: number;
  readonly progressMessage: string;
  /** For conditions: how it ended, and who answered. */
  readonly outcome: Outcome | undefined;
  readonly signalledBy: string;
  /** For conditions: what else there is to say; undefined for a plain one that nothing has happened to. */
  readonly standing: ConditionStanding | undefined;
  /** The id of the earlier run whose action it stands for, if it is RECOVERED. */
  readonly recoveredFrom: string | undefined;
  /** It ended before a forced retry of its run: a parent that asks for it again opens it. */
  readonly isStale: boolean;
  /** The parent's attempt that asked for it last, 0 at the top: only a later one opens it again. */
  readonly parentAttempt: number;
}

/** One ended try of a task. The current one stands in its action until it ends. */
export interface Attempt {
  readonly run: RunKey;
  readonly action: string;
  readonly number: number;
  readonly state: ActionState;
  readonly epoch: number;
  readonly workerId: string | undefined;
  /** What it started with, if that is not just what was stated. */
  readonly inputs: Values | undefined;
  readonly deviceIndexes: readonly number[];
  readonly assignTimeMs: number | undefined;
  readonly startTimeMs: number | undefined;
  readonly endTimeMs: number | undefined;
  readonly outputs: Values | undefined;
  readonly error: ActionError | undefined;
  readonly progressPercent: number;
  readonly progressMessage: string;
}

/** The current or last attempt of a task, as its action has it, with what became of it. */
export function attemptOf(
  action: Action,
  end: Pick<Attempt, "state" | "endTimeMs" | "outputs" | "error">,
): Attempt {
  return {
    run: action.run,
    action: action.name,
    number: action.attempt,
    epoch: action.epoch,
    workerId: action.workerId,
    inputs: action.attemptInputs,
    deviceIndexes: action.deviceIndexes,
    assignTimeMs: action.assignTimeMs,
    startTimeMs: action.startTimeMs,
    progressPercent: action.progressPercent,
    progressMessage: action.progressMessage,
    ...end,
  };
}

/** True if an action in this state has ended. */
export function hasEnded(action: Pick<Action, "state">): boolean {
  switch (action.state) {
    case "PENDING":
    case "QUEUED":
    case "ASSIGNED":
    case "RUNNING":
    case "PAUSED":
      return false;
    default:
      return true;
  }
}

/** True if an action in this state put out what it was meant to. */
export function hasSucceeded(action: Pick<Action, "state">): boolean {
  return action.state === "SUCCEEDED" || action.state === "RECOVERED";
}

/** True while a session holds the action. */
export function isHeld(action: Pick<Action, "state" | "spec">): boolean {
  return (action.state === "ASSIGNED" || action.state === "RUNNING") && action.spec.kind === "task";
}
