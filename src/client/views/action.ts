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
import {
  type ExplainActionResponse,
  ExplainActionResponse_Cause,
} from "../../../gen/signalbox/v1/run_service_pb.ts";
import { fromValue, fromValues, type JsValue, type JsValues } from "../js-value.ts";
import { type OutputOf, output } from "../plan.ts";
import { type Condition, toCondition } from "./condition.ts";
import { type NameOf, naming, toDate } from "./name.ts";

/** Where an action or an attempt stands. */
export type ActionState = NameOf<typeof Action_State>;

/** What kind of action it is. */
export type ActionKind = NameOf<typeof Action_Kind>;

/** Why an action does not run, or that it does. */
export type ExplainCause = NameOf<typeof ExplainActionResponse_Cause>;

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
}

/** Why an action does not run, at the moment it was asked. */
export interface Explanation {
  readonly cause: ExplainCause;
  /** The same in a sentence, with what to do. */
  readonly message: string;
  /** The actions it waits for; the first 100. */
  readonly waitsFor: readonly string[];
  readonly retryTime: Date | undefined;
  /** How many attached workers announce its op. */
  readonly workerCount: number;
  /** How many queued actions of its op come before it; counted up to 1,000. */
  readonly queuePosition: number;
}

/** The name of an action's state. */
export const nameActionState = naming(Action_State);
/** The name of an action's kind. */
export const nameActionKind = naming(Action_Kind);
const nameCause = naming(ExplainActionResponse_Cause);

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
  };
}

/** An explanation as plain values. */
export function toExplanation(explanation: ExplainActionResponse): Explanation {
  const { cause, message, waitsFor, retryTime, workerCount, queuePosition } = explanation;
  return {
    cause: nameCause(cause),
    message,
    waitsFor,
    retryTime: toDate(retryTime),
    workerCount,
    queuePosition,
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
