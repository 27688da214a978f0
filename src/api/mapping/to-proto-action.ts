import type {
  ActionError as ActionErrorMessage,
  Action as ActionMessage,
  Dependency as DependencyMessage,
  Input as InputMessage,
} from "../../../gen/signalbox/v1/action_pb.ts";
import type { Action, ActionError, ActionSpec, Dependency, Input, Timeouts } from "../../core/action.ts";
import { requirementsOf } from "../../core/actions/dependency.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import { toCondition } from "./conditions/to-condition.ts";
import { actionKinds, actionStates, requirements } from "./enums.ts";
import { message } from "./message.ts";
import { toTimestamp } from "./time.ts";
import { toRetryPolicy, toTimeouts } from "./to-proto-op.ts";
import { toPlacement, toResources } from "./to-proto-resource.ts";
import { toValue, toValues } from "./to-proto-value.ts";

const noSurroundings = { runLabels: {}, requester: "", op: "" };

/** An action as it stands. The condition in it says nothing of its run and of the task that asks. */
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
    condition: toCondition(action, noSurroundings),
    resources: toResources(isTask ? spec.demand?.resources : undefined),
    placement: toPlacement(isTask ? spec.demand?.placement : undefined),
    image: isTask ? (spec.image ?? "") : "",
    handler: isTask ? (spec.handler ?? "") : "",
    deviceIndexes: [...action.deviceIndexes],
    retry: isTask ? toRetryPolicy(spec.retry) : undefined,
    timeouts: isTask && isTimed(spec.timeouts) ? toTimeouts(spec.timeouts) : undefined,
    recoveredFrom: action.recoveredFrom ?? "",
  });
}

function isTimed({ queueToStartMs, startToEndMs, heartbeatMs }: Timeouts): boolean {
  return queueToStartMs !== undefined || startToEndMs !== undefined || heartbeatMs !== undefined;
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
