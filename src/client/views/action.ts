import {
  Action_Kind,
  Action_State,
  type ActionError as ActionErrorMessage,
  type Action as ActionMessage,
  type Attempt as AttemptMessage,
  Dependency_Requirement,
  type Dependency as DependencyMessage,
  type Input,
} from "../../../gen/signalbox/v1/action_pb.ts";
import { fromValue, fromValues, type JsValue, type JsValues } from "../js-value.ts";
import { fromDuration } from "../spec/duration.ts";
import { fromPlacement, fromResources, type NewPlacement, type NewResources } from "../spec/placement.ts";
import { type OutputOf, output } from "../spec/plan.ts";
import { fromRetry, fromTimeouts, type NewRetry, type NewTimeouts } from "../spec/retry.ts";
import { type Condition, toCondition } from "./condition.ts";
import { type NameOf, naming, toDate } from "./name.ts";

/** Where an action or an attempt stands. */
export type ActionState = NameOf<typeof Action_State>;

/** What kind of action it is. */
export type ActionKind = NameOf<typeof Action_Kind>;

/** Why an action did not succeed. */
export interface ActionError {
  /** What kind of error, as retry policies list them. */
  readonly type: string;
  readonly message: string;
  readonly stack: string;
  readonly nonRetryable: boolean;
}

/** One that an action waits for. */
export interface Dependency {
  readonly action: string;
  readonly requirement: "SUCCEEDED" | "ENDED";
  /** Only if it put out this very value. */
  readonly equals: JsValue | undefined;
}

/** One node of a run, as it stands. */
export interface Action {
  readonly namespace: string;
  readonly runId: string;
  /** Its whole name: the path from the top of the run. */
  readonly name: string;
  /** Its parent's whole name; empty at the top. */
  readonly parent: string;
  readonly kind: ActionKind;
  readonly state: ActionState;
  readonly op: string;
  readonly opVersion: number;
  /** The number of the current or last attempt; 0 before the first. */
  readonly attempt: number;
  readonly workerId: string;
  readonly createTime: Date | undefined;
  readonly queueTime: Date | undefined;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  /** When its next attempt is due. */
  readonly retryTime: Date | undefined;
  /** What it put out; the answer to a condition is `value`. */
  readonly outputs: Readonly<JsValues>;
  readonly error: ActionError | undefined;
  readonly progressPercent: number;
  readonly progressMessage: string;
  readonly cancelRequested: boolean;
  /** How many of its dependencies have not ended. */
  readonly waitingCount: number;
  readonly dependencies: readonly Dependency[];
  readonly labels: Readonly<Record<string, string>>;
  /** As they were stated: values, and what `output()` makes. */
  readonly inputs: Readonly<Record<string, JsValue | OutputOf>>;
  /** Only for conditions. */
  readonly condition: Condition | undefined;
  /** What a task asks of its worker. */
  readonly resources: NewResources | undefined;
  /** Which workers a task may go to. */
  readonly placement: NewPlacement | undefined;
  /** The container image that executes a task, and what executes it; empty for none. */
  readonly image: string;
  readonly handler: string;
  /** The devices that its current or last attempt was given. */
  readonly deviceIndexes: readonly number[];
  readonly retry: NewRetry | undefined;
  readonly timeouts: NewTimeouts | undefined;
  /** The earlier run whose action it stands for, if it is RECOVERED. */
  readonly recoveredFrom: string;
}

/** One try of a task. */
export interface Attempt {
  readonly attemptId: string;
  readonly number: number;
  readonly state: ActionState;
  readonly workerId: string;
  readonly assignTime: Date | undefined;
  readonly startTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly outputs: Readonly<JsValues>;
  readonly error: ActionError | undefined;
  readonly progressPercent: number;
  readonly progressMessage: string;
  /** What it started with, references resolved and defaults filled in. */
  readonly inputs: Readonly<JsValues>;
  readonly resources: NewResources | undefined;
  /** The devices that it was given. */
  readonly deviceIndexes: readonly number[];
  /** The fencing number of its lease. */
  readonly epoch: bigint;
  /** How long it ran, to its end or to now; undefined before its start. */
  readonly durationMs: number | undefined;
}

/** The name of an action's state. */
export const nameActionState = naming(Action_State);
/** The name of an action's kind. */
export const nameActionKind = naming(Action_Kind);

/** An action as plain values. */
export function toAction(action: ActionMessage): Action {
  return {
    namespace: action.namespace,
    runId: action.runId,
    name: action.name,
    parent: action.parent,
    kind: nameActionKind(action.kind),
    state: nameActionState(action.state),
    op: action.op,
    opVersion: action.opVersion,
    attempt: action.attempt,
    workerId: action.workerId,
    createTime: toDate(action.createTime),
    queueTime: toDate(action.queueTime),
    startTime: toDate(action.startTime),
    endTime: toDate(action.endTime),
    retryTime: toDate(action.retryTime),
    outputs: fromValues(action.outputs),
    error: toActionError(action.error),
    progressPercent: action.progressPercent,
    progressMessage: action.progressMessage,
    cancelRequested: action.cancelRequested,
    waitingCount: action.waitingCount,
    dependencies: action.dependencies.map(fromDependency),
    labels: action.labels,
    inputs: fromInputs(action.inputs),
    condition: action.condition === undefined ? undefined : toCondition(action.condition),
    resources: action.resources === undefined ? undefined : fromResources(action.resources),
    placement: action.placement === undefined ? undefined : fromPlacement(action.placement),
    image: action.image,
    handler: action.handler,
    deviceIndexes: action.deviceIndexes,
    retry: action.retry === undefined ? undefined : fromRetry(action.retry),
    timeouts: action.timeouts === undefined ? undefined : fromTimeouts(action.timeouts),
    recoveredFrom: action.recoveredFrom,
  };
}

/** An attempt as plain values. */
export function toAttempt(attempt: AttemptMessage): Attempt {
  return {
    attemptId: attempt.attemptId,
    number: attempt.number,
    state: nameActionState(attempt.state),
    workerId: attempt.workerId,
    assignTime: toDate(attempt.assignTime),
    startTime: toDate(attempt.startTime),
    endTime: toDate(attempt.endTime),
    outputs: fromValues(attempt.outputs),
    error: toActionError(attempt.error),
    progressPercent: attempt.progressPercent,
    progressMessage: attempt.progressMessage,
    inputs: fromValues(attempt.inputs),
    resources: attempt.resources === undefined ? undefined : fromResources(attempt.resources),
    deviceIndexes: attempt.summary?.deviceIndexes ?? [],
    epoch: attempt.epoch,
    durationMs: fromDuration(attempt.summary?.duration),
  };
}

/** An error as plain values; undefined stays what it is. */
export function toActionError(error: ActionErrorMessage | undefined): ActionError | undefined {
  if (error === undefined) {
    return undefined;
  }
  const { type, message, stack, nonRetryable } = error;
  return { type, message, stack, nonRetryable };
}

function fromDependency({ action, requirement, equals }: DependencyMessage): Dependency {
  return {
    action,
    requirement: requirement === Dependency_Requirement.ENDED ? "ENDED" : "SUCCEEDED",
    equals: equals === undefined ? undefined : fromValue(equals),
  };
}

function fromInputs(inputs: Readonly<Record<string, Input>>): Record<string, JsValue | OutputOf> {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, fromInput(input)]));
}

function fromInput({ source }: Input): JsValue | OutputOf {
  switch (source.case) {
    case "value":
      return fromValue(source.value);
    case "reference":
      return output(source.value.from, source.value.output);
    case undefined:
      return null;
  }
}
