import type { Action, ActionError, ActionSpec, Dependency, Input, RetryPolicy, Timeouts } from "./action.ts";
import type { LogLevel, Published } from "./event.ts";
import type { Limit, LimitContent } from "./limits/limit.ts";
import type { RunKey } from "./name.ts";
import type { Op, OpChange, OpContent } from "./ops/op.ts";
import type { Capacity, Placement, Resources, Taint } from "./placement/demand.ts";
import type { Refusal } from "./refusal.ts";
import type { Delivery, Labels, Run } from "./run.ts";
import type { Session } from "./session.ts";
import type {
  DeadLetter,
  PositionRange,
  Subscription,
  SubscriptionContent,
} from "./subscriptions/subscription.ts";
import type { Value, Values, ValueType } from "./value.ts";

/** What makes a repeat safe: an id of the caller's (empty for none) and a digest of the content. */
export interface Request {
  readonly requestId: string;
  readonly digest: string;
}

/** A task as a caller states it; undefined takes the op's default, else Signalbox's. */
export interface NewTask {
  readonly kind: "task";
  readonly op: string;
  readonly opVersion: number;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly retry: Partial<RetryPolicy> | undefined;
  readonly timeouts: Timeouts | undefined;
  readonly cancelGraceMs: number | undefined;
  readonly resources: Resources | undefined;
  readonly placement: Placement | undefined;
  /** "" takes the op's. */
  readonly image: string;
  readonly handler: string;
}

/** A condition as a caller states it. */
export interface NewCondition {
  readonly kind: "condition";
  readonly type: ValueType;
  readonly prompt: string;
  readonly description: string;
  readonly timeoutMs: number | undefined;
  readonly defaultValue: Value | undefined;
}

/** A trace as a worker states it. */
export interface NewTrace {
  readonly kind: "trace";
  readonly description: string;
}

/** One more action, by its name among its siblings. */
export interface NewAction {
  readonly name: string;
  readonly spec: NewTask | NewCondition | NewTrace;
  readonly dependencies: readonly Dependency[];
  readonly labels: Labels;
}

/** One attempt under one lease. */
export interface AttemptReference {
  readonly run: RunKey;
  readonly action: string;
  readonly attempt: number;
  readonly epoch: number;
}

/** What a worker says about an attempt. */
export type ReportContent =
  | { readonly kind: "progress"; readonly percent: number; readonly message: string }
  | { readonly kind: "log"; readonly level: LogLevel; readonly message: string }
  | { readonly kind: "event"; readonly published: Published }
  | { readonly kind: "heartbeat" }
  | { readonly kind: "succeeded"; readonly outputs: Values }
  | { readonly kind: "failed"; readonly error: ActionError }
  | { readonly kind: "stopped"; readonly message: string }
  | {
      readonly kind: "trace_ended";
      readonly name: string;
      readonly outputs: Values;
      readonly error: ActionError | undefined;
    };

/** One report: sequence numbers grow within an attempt, from 1. */
export interface AttemptReport {
  readonly attempt: AttemptReference;
  readonly sequence: number;
  readonly content: ReportContent;
}

/** Something due: an action's deadline, a run's, or a session's lease. */
export type Due =
  | { readonly kind: "action"; readonly run: RunKey; readonly action: string }
  | { readonly kind: "run"; readonly run: RunKey }
  | { readonly kind: "session"; readonly sessionId: string }
  /** What is parked on a counter is to be looked at. */
  | { readonly kind: "counter"; readonly key: string };

/** Everything that can be asked of the rules, by kind. */
export type Command =
  | {
      readonly kind: "createRun";
      readonly request: Request;
      readonly namespace: string;
      /** The caller's own id, or "" for `newRunId`. */
      readonly runId: string;
      readonly newRunId: string;
      readonly labels: Labels;
      readonly priority: number;
      readonly timeoutMs: number | undefined;
      /** Undefined takes that of the op of its only task. */
      readonly delivery: Delivery | undefined;
      readonly work: { readonly task: NewTask } | { readonly plan: readonly NewAction[] };
    }
  | { readonly kind: "cancelRun"; readonly request: Request; readonly run: RunKey; readonly cause: string }
  | {
      readonly kind: "retryRun";
      readonly request: Request;
      readonly run: RunKey;
      readonly force: boolean;
      /** Also what succeeded. */
      readonly all: boolean;
    }
  /** From an operator: the action ends so, whatever its worker does. */
  | {
      readonly kind: "endAction";
      readonly request: Request;
      readonly run: RunKey;
      readonly action: string;
      readonly end:
        | { readonly state: "SUCCEEDED"; readonly outputs: Values }
        | { readonly state: "FAILED"; readonly error: ActionError }
        | { readonly state: "CANCELLED" };
      readonly cause: string;
    }
  | {
      readonly kind: "updateRun";
      readonly request: Request;
      readonly run: RunKey;
      readonly priority: number | undefined;
      readonly setLabels: Labels;
      readonly removeLabels: readonly string[];
    }
  | {
      readonly kind: "signalCondition";
      readonly request: Request;
      readonly run: RunKey;
      readonly action: string;
      readonly value: Value;
      readonly signalledBy: string;
    }
  | {
      readonly kind: "publishEvents";
      readonly request: Request;
      readonly namespace: string;
      readonly events: readonly {
        readonly runId: string;
        readonly action: string;
        readonly published: Published;
      }[];
    }
  | {
      readonly kind: "registerOp";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      readonly content: OpContent;
    }
  | {
      readonly kind: "updateOp";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      /** What changes; what is undefined stays, unless it is among `cleared`. */
      readonly set: OpChange;
      readonly cleared: readonly (keyof OpContent)[];
    }
  | {
      readonly kind: "deleteOp";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      /** 0 for all. */
      readonly version: number;
      readonly force: boolean;
    }
  | {
      readonly kind: "setLimit";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      readonly content: LimitContent;
    }
  | {
      readonly kind: "deleteLimit";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
    }
  | {
      readonly kind: "createSubscription";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      readonly content: SubscriptionContent;
      /** Events behind this position are delivered. */
      readonly through: number;
    }
  | {
      readonly kind: "deleteSubscription";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
    }
  /** From whoever delivers: what a subscription has dealt with since, in any order, and what it sets aside. */
  | {
      readonly kind: "moveSubscription";
      readonly namespace: string;
      readonly name: string;
      /** Which one of this name: another one may have come since. */
      readonly createTimeMs: number;
      readonly dealtWith: readonly PositionRange[];
      readonly deadLetters: readonly DeadLetter[];
    }
  | {
      readonly kind: "releaseDeadLetters";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      /** Empty means all, `deadLettersPerReleaseMax` at once. */
      readonly positions: readonly number[];
      /** Instead of delivering them again. */
      readonly forget: boolean;
    }
  | {
      readonly kind: "attach";
      readonly newSessionId: string;
      readonly namespace: string;
      readonly workerId: string;
      readonly incarnation: string;
      readonly ops: readonly string[];
      readonly labels: Labels;
      readonly capacity: Capacity;
      readonly taints: readonly Taint[];
      readonly sharedNamespaces: readonly string[];
      readonly running: readonly AttemptReference[];
      readonly leaseMs: number;
    }
  | { readonly kind: "pulse"; readonly sessionId: string; readonly leaseMs: number }
  | { readonly kind: "detach"; readonly sessionId: string }
  | { readonly kind: "leave"; readonly sessionId: string; readonly cause: string }
  /** From the worker itself, on its stream. */
  | { readonly kind: "drain"; readonly sessionId: string }
  /** From an operator, by the worker's name. */
  | {
      readonly kind: "drainWorker";
      readonly request: Request;
      readonly namespace: string;
      readonly workerId: string;
    }
  /** From an operator: everything is taken from the worker at once. */
  | {
      readonly kind: "evictWorker";
      readonly request: Request;
      readonly namespace: string;
      readonly workerId: string;
      readonly cause: string;
    }
  | {
      readonly kind: "assign";
      readonly sessions: readonly { readonly sessionId: string; readonly credit: number }[];
      /** How many in all, at most. */
      readonly limit: number;
      readonly acceptTimeoutMs: number;
    }
  | { readonly kind: "accept"; readonly sessionId: string; readonly attempts: readonly AttemptReference[] }
  | {
      readonly kind: "decline";
      readonly sessionId: string;
      readonly attempt: AttemptReference;
      readonly cause: string;
    }
  | { readonly kind: "report"; readonly sessionId: string; readonly reports: readonly AttemptReport[] }
  | {
      readonly kind: "addActions";
      readonly sessionId: string;
      readonly attempt: AttemptReference;
      readonly actions: readonly NewAction[];
    }
  | { readonly kind: "fire"; readonly due: Due }
  /** Once, when a server opens the store: every lease gets the time a worker needs to attach again. */
  | { readonly kind: "boot"; readonly leaseMs: number }
  /** Forgets request ids that have served their time. */
  | { readonly kind: "sweepRequests" };

/** An attempt that a session is to execute, with its inputs resolved. */
export interface Assignment {
  readonly attempt: AttemptReference;
  readonly op: string;
  readonly opVersion: number;
  readonly inputs: Values;
  readonly runLabels: Labels;
  readonly startToEndMs: number | undefined;
  readonly heartbeatMs: number | undefined;
  readonly image: string;
  readonly handler: string;
  readonly resources: Resources | undefined;
  readonly deviceIndexes: readonly number[];
}

/** What a command answers when it is not refused. */
export interface Answers {
  createRun: { readonly run: Run };
  cancelRun: { readonly run: Run };
  retryRun: { readonly run: Run };
  updateRun: { readonly run: Run };
  signalCondition: {
    readonly action: Action | undefined;
    readonly kept: boolean;
    readonly repeated: boolean;
  };
  publishEvents: { readonly count: number };
  registerOp: { readonly op: Op };
  updateOp: { readonly op: Op };
  deleteOp: { readonly versionCount: number };
  endAction: { readonly action: Action };
  setLimit: { readonly limit: Limit };
  deleteLimit: Record<never, never>;
  createSubscription: { readonly subscription: Subscription };
  deleteSubscription: Record<never, never>;
  moveSubscription: Record<never, never>;
  releaseDeadLetters: { readonly positions: readonly number[] };
  attach: {
    readonly session: Session;
    readonly keep: readonly AttemptReference[];
    readonly drop: readonly AttemptReference[];
    /** Of what is kept: attempts that a cancel was asked for, to be told again. */
    readonly cancelled: readonly CancelledAttempt[];
  };
  pulse: { readonly session: Session };
  detach: Record<never, never>;
  leave: Record<never, never>;
  drain: Record<never, never>;
  drainWorker: { readonly session: Session };
  evictWorker: { readonly releasedCount: number };
  assign: {
    readonly assignments: readonly { readonly sessionId: string; readonly assignment: Assignment }[];
    /** Queues (`queueKey`) that were found empty. */
    readonly emptyQueues: readonly string[];
    /**
     * Queues that hold work which none of the sessions can take as they are: they are asked for again when
     * something is freed (see the effect), when a session comes or has credit again, or at `againMs`.
     */
    readonly blockedQueues: readonly string[];
    /** When to ask again for what is blocked, whatever happens until then. */
    readonly againMs: number | undefined;
    /** Sessions that are no longer there or take no more work. */
    readonly closedSessions: readonly string[];
  };
  accept: { readonly refused: readonly { readonly attempt: AttemptReference; readonly refusal: Refusal }[] };
  decline: Record<never, never>;
  report: {
    /** In the order of the reports; undefined for those recorded. */
    readonly refusals: readonly (Refusal | undefined)[];
  };
  addActions: { readonly actions: readonly Action[] };
  fire: Record<never, never>;
  boot: { readonly sessionCount: number };
  sweepRequests: { readonly count: number };
}

/** The name of a command. */
export type CommandKind = Command["kind"];

/** The command of a kind. */
export type CommandOf<K extends CommandKind> = Extract<Command, { readonly kind: K }>;

/** An attempt that is told to stop. */
export interface CancelledAttempt {
  readonly attempt: AttemptReference;
  readonly graceMs: number;
  readonly cause: string;
}

/** What must be done outside after the commit. Losing one costs time, never correctness. */
export type Effect =
  /** Actions were queued: look whether somebody can take them. */
  | { readonly kind: "queued"; readonly queue: string }
  /** Something that blocked queues wait for was given back. */
  | { readonly kind: "freed" }
  /** A subscription came, went or has letters released: whoever delivers it looks again. */
  | { readonly kind: "subscription"; readonly namespace: string; readonly name: string }
  | { readonly kind: "cancel"; readonly sessionId: string; readonly cancelled: CancelledAttempt }
  | {
      readonly kind: "childEnded";
      readonly sessionId: string;
      readonly parent: AttemptReference;
      readonly child: Action;
    }
  /** The session's place was taken or its lease ran out: its stream, if there is one, must end. */
  | { readonly kind: "gone"; readonly sessionId: string; readonly cause: string }
  | { readonly kind: "drain"; readonly sessionId: string }
  /** Something is due then: arm the timer. */
  | { readonly kind: "due"; readonly atMs: number };

/** Names the queue of an op in a namespace. */
export function queueKey(namespace: string, op: string): string {
  return `${namespace}/${op}`;
}

/** When and by which chance a command is decided: what the pure rules must be told. `chance` is in [0, 1). */
export interface Stamp {
  readonly nowMs: number;
  readonly chance: number;
}

/** The kinds of spec, for event details and pages. */
export type ActionKind = ActionSpec["kind"];
