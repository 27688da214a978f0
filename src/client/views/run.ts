import { Run_State, type Run as RunMessage } from "../../../gen/signalbox/v1/run_pb.ts";
import { fromValues, type JsValues } from "../js-value.ts";
import { fromDelivery, type NewDelivery } from "../spec/placement.ts";
import { type ActionError, toActionError } from "./action.ts";
import { type NameOf, naming, toDate } from "./name.ts";

/** Where a run stands. */
export type RunState = NameOf<typeof Run_State>;

/** A run, as it stands. */
export interface Run {
  readonly namespace: string;
  readonly runId: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Queued actions of a higher one are assigned first. */
  readonly priority: number;
  readonly state: RunState;
  readonly createTime: Date | undefined;
  /** When its first action started. */
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  /** When its time runs out. */
  readonly deadlineTime: Date | undefined;
  /** How many of its conditions wait for an answer. */
  readonly pausedConditionCount: number;
  readonly actionCount: number;
  readonly endedActionCount: number;
  /** Why it did not succeed. */
  readonly error: ActionError | undefined;
  /** What its only task put out; empty for a plan, whose actions have theirs. */
  readonly outputs: Readonly<JsValues>;
  readonly cancelRequested: boolean;
  /** How often it was opened again. */
  readonly retryCount: number;
  /** The op of its only task, and the version that it took its defaults from; empty and 0 for a plan. */
  readonly op: string;
  readonly opVersion: number;
  /** The container image of its only task. */
  readonly image: string;
  /** Where its events go beside the feed. */
  readonly delivery: NewDelivery | undefined;
  /** When its state, priority or labels last changed. */
  readonly updateTime: Date | undefined;
  /** The subject of the caller that created it. */
  readonly createdBy: string;
  /** The run that it does over; empty for none. */
  readonly rerunOf: string;
}

/** The number of each state in filters. */
export const runStateNumbers = Run_State;

/** The name of a run's state. */
export const nameRunState = naming(Run_State);

/** True for a run that has reached its end; RetryRun may open it again. */
export function hasRunEnded(state: RunState): boolean {
  return state === "SUCCEEDED" || state === "FAILED" || state === "CANCELLED" || state === "TIMED_OUT";
}

/** A run as plain values. */
export function toRun(run: RunMessage): Run {
  return {
    namespace: run.namespace,
    runId: run.runId,
    labels: run.labels,
    priority: run.priority,
    state: nameRunState(run.state),
    createTime: toDate(run.createTime),
    startTime: toDate(run.startTime),
    endTime: toDate(run.endTime),
    deadlineTime: toDate(run.deadlineTime),
    pausedConditionCount: run.pausedConditionCount,
    actionCount: run.actionCount,
    endedActionCount: run.endedActionCount,
    error: toActionError(run.error),
    outputs: fromValues(run.outputs),
    cancelRequested: run.cancelRequested,
    retryCount: run.retryCount,
    op: run.op,
    opVersion: run.opVersion,
    image: run.image,
    delivery: fromDelivery(run.delivery),
    updateTime: toDate(run.updateTime),
    createdBy: run.createdBy,
    rerunOf: run.rerunOf,
  };
}
