import type { ActionError, Dependency, Input, RetryPolicy, Timeouts } from "./action.ts";
import type { ConditionTerms } from "./conditions/terms.ts";
import type { LogLevel, Published } from "./event.ts";
import type { RunKey } from "./name.ts";
import type { Placement, Resources } from "./placement/demand.ts";
import type { Labels } from "./run.ts";
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
  readonly terms: ConditionTerms | undefined;
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
  | { readonly kind: "counter"; readonly key: string }
  /** A signal was kept long enough for a condition with its correlation key. */
  | { readonly kind: "keyedSignal"; readonly namespace: string; readonly correlationKey: string };

/** What becomes of an answer that a condition had, when its run is done again. */
export type Replay = "reuse" | "askAgain" | "requireBoth";

/** What becomes of earlier answers: of all, and of single conditions by their whole names. */
export interface Replays {
  /** Undefined takes what is usual for the command. */
  readonly all: Replay | undefined;
  readonly byCondition: Readonly<Record<string, Replay>>;
}
