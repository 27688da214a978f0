import type {
  ActionError as ActionErrorMessage,
  Action as ActionMessage,
  Dependency as DependencyMessage,
  Input as InputMessage,
} from "../../../gen/signalbox/v1/action_pb.ts";
import type {
  Condition as ConditionMessage,
  ConditionSpec as ConditionSpecMessage,
} from "../../../gen/signalbox/v1/condition_pb.ts";
import { Condition_Outcome } from "../../../gen/signalbox/v1/condition_pb.ts";
import type {
  Action,
  ActionError,
  ActionSpec,
  ConditionSpec,
  Dependency,
  Input,
  Timeouts,
} from "../../core/action.ts";
import { requirementsOf } from "../../core/actions/dependency.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import type { Labels } from "../../core/run.ts";
import { actionKinds, actionStates, outcomes, requirements, valueTypes } from "./enums.ts";
import { message } from "./message.ts";
import { toDuration, toTimestamp } from "./time.ts";
import { toRetryPolicy, toTimeouts } from "./to-proto-op.ts";
import { toPlacement, toResources } from "./to-proto-resource.ts";
import { toValue, toValues } from "./to-proto-value.ts";

const noLabels: Labels = {};

/** An action as it stands. The condition in it says nothing of the labels of its run. */
export function toAction(action: Action): ActionMessage {
  const { spec } = action;
  const isTask = spec.kind === "task";
  return message<ActionMessage>({
    $typeName: "signalbox.v1.Action",
    namespace: namespaceOf(action.run),
    runId: runIdOf(action.run),
    name: action.name,
    parent: action.parent,
    kind: actionKinds.of[spec.kind],
    state: actionStates.of[action.state],
    op: isTask ? spec.op : "",
    opVersion: isTask ? spec.opVersion : 0,
    attempt: action.attempt,
    workerId: action.workerId ?? "",
    createTime: toTimestamp(action.createTimeMs),
    queueTime: toTimestamp(isTask ? action.queueTimeMs : undefined),
    startTime: toTimestamp(action.startTimeMs),
    endTime: toTimestamp(action.endTimeMs),
    retryTime: toTimestamp(action.retryTimeMs),
    outputs: toValues(action.outputs),
    error: toActionError(action.error),
    progressPercent: action.progressPercent,
    progressMessage: action.progressMessage,
    cancelRequested: action.cancelTimeMs !== undefined,
    waitingCount: action.waitingCount,
    dependencies: dependenciesOf(spec).map(toDependency),
    labels: spec.labels,
    inputs: isTask ? toInputs(spec.inputs) : {},
    condition: spec.kind === "condition" ? conditionOf(action, spec, noLabels) : undefined,
    resources: toResources(isTask ? spec.demand?.resources : undefined),
    placement: toPlacement(isTask ? spec.demand?.placement : undefined),
    image: isTask ? (spec.image ?? "") : "",
    handler: isTask ? (spec.handler ?? "") : "",
    deviceIndexes: [...action.deviceIndexes],
    retry: isTask ? toRetryPolicy(spec.retry) : undefined,
    timeouts: isTask && isTimed(spec.timeouts) ? toTimeouts(spec.timeouts) : undefined,
  });
}

function isTimed({ queueToStartMs, startToEndMs, heartbeatMs }: Timeouts): boolean {
  return queueToStartMs !== undefined || startToEndMs !== undefined || heartbeatMs !== undefined;
}

/** The condition that an action is, with the labels of its run; undefined for any other kind. */
export function toCondition(action: Action, runLabels: Labels): ConditionMessage | undefined {
  return action.spec.kind === "condition" ? conditionOf(action, action.spec, runLabels) : undefined;
}

function conditionOf(action: Action, spec: ConditionSpec, runLabels: Labels): ConditionMessage {
  const pauseTimeMs = action.queueTimeMs;
  const isTimed = pauseTimeMs !== undefined && spec.timeoutMs !== undefined;
  const answer = action.outputs?.["value"];
  return message<ConditionMessage>({
    $typeName: "signalbox.v1.Condition",
    namespace: namespaceOf(action.run),
    runId: runIdOf(action.run),
    name: action.name,
    spec: toConditionSpec(spec),
    pauseTime: toTimestamp(pauseTimeMs),
    deadlineTime: toTimestamp(isTimed ? pauseTimeMs + spec.timeoutMs : undefined),
    endTime: toTimestamp(action.endTimeMs),
    outcome: action.outcome === undefined ? Condition_Outcome.UNSPECIFIED : outcomes.of[action.outcome],
    answer: answer === undefined ? undefined : toValue(answer),
    signalledBy: action.signalledBy,
    runLabels,
  });
}

function toConditionSpec(spec: ConditionSpec): ConditionSpecMessage {
  return message<ConditionSpecMessage>({
    $typeName: "signalbox.v1.ConditionSpec",
    type: valueTypes.of[spec.type],
    prompt: spec.prompt,
    description: spec.description,
    timeout: toDuration(spec.timeoutMs),
    defaultValue: spec.defaultValue === undefined ? undefined : toValue(spec.defaultValue),
  });
}

/** What an action waits for: what it names, and once each what only its inputs refer to. */
function dependenciesOf(spec: ActionSpec): readonly Dependency[] {
  const stated = spec.dependencies.length;
  const named = new Set<string>();
  return requirementsOf(spec).filter((dependency, index) => {
    const isKept = index < stated || !named.has(dependency.action);
    named.add(dependency.action);
    return isKept;
  });
}

function toDependency({ action, requirement, equals }: Dependency): DependencyMessage {
  return message<DependencyMessage>({
    $typeName: "signalbox.v1.Dependency",
    action,
    requirement: requirements.of[requirement],
    equals: equals === undefined ? undefined : toValue(equals),
  });
}

function toInputs(inputs: Readonly<Record<string, Input>>): Record<string, InputMessage> {
  const messages: Record<string, InputMessage> = {};
  for (const [name, input] of Object.entries(inputs)) {
    messages[name] = {
      $typeName: "signalbox.v1.Input",
      source:
        "value" in input
          ? { case: "value", value: toValue(input.value) }
          : { case: "reference", value: { $typeName: "signalbox.v1.OutputReference", ...input.reference } },
    };
  }
  return messages;
}

/** Why an action did not succeed; undefined stays undefined. */
export function toActionError(error: ActionError | undefined): ActionErrorMessage | undefined {
  if (error === undefined) return undefined;
  const { type, message: text, stack, nonRetryable } = error;
  return { $typeName: "signalbox.v1.ActionError", type, message: text, stack, nonRetryable };
}
