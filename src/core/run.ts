import type { ActionError } from "./action.ts";
import type { RunKey } from "./name.ts";
import type { Values } from "./value.ts";

/** Where a run stands. The last four are its ends. */
export type RunState = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED" | "TIMED_OUT";

/** Labels by name. */
export type Labels = Readonly<Record<string, string>>;

/** Where events go beside the feed. */
export interface Delivery {
  readonly topic: string;
  readonly attributes: Labels;
}

/** A run as it stands. Times are milliseconds since 1970. */
export interface Run {
  readonly key: RunKey;
  readonly labels: Labels;
  readonly priority: number;
  readonly state: RunState;
  readonly createTimeMs: number;
  readonly startTimeMs: number | undefined;
  readonly endTimeMs: number | undefined;
  /** When its own time runs out. */
  readonly deadlineMs: number | undefined;
  /** True for a run of one task: the task's outputs are the run's. */
  readonly isSingle: boolean;
  readonly timeoutMs: number | undefined;
  /** `deadlineMs` while it can still fire; the store finds what is due by it. */
  readonly dueMs: number | undefined;
  readonly pausedConditionCount: number;
  readonly actionCount: number;
  readonly endedActionCount: number;
  /** The worst end an action at the top came to so far, and its error. */
  readonly worst: "FAILED" | "TIMED_OUT" | "CANCELLED" | undefined;
  readonly error: ActionError | undefined;
  readonly outputs: Values | undefined;
  readonly cancelRequested: boolean;
  readonly cancelCause: string;
  readonly timedOut: boolean;
  readonly retryCount: number;
  readonly keptSignalCount: number;
  /** Of its only task: the op with its version, and the image; "" and 0 for a plan. */
  readonly op: string;
  readonly opVersion: number;
  readonly image: string;
  /** Where its events go beside the feed. */
  readonly delivery: Delivery | undefined;
  /** When its state, priority or labels last changed. */
  readonly updateTimeMs: number;
  /** The subject of the caller that created it. */
  readonly createdBy: string;
  /** The id of the run that it does over; "" for none. */
  readonly rerunOf: string;
}

/** True if a run in this state has ended. */
export function hasRunEnded(run: Pick<Run, "state">): boolean {
  return run.state !== "QUEUED" && run.state !== "RUNNING";
}
