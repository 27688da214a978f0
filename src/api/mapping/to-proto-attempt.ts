import type {
  Attempt as AttemptMessage,
  ExecutionSummary as ExecutionSummaryMessage,
} from "../../../gen/signalbox/v1/action_pb.ts";
import { type Action, type Attempt, attemptOf, type TaskSpec } from "../../core/action.ts";
import { attemptId } from "../../core/name.ts";
import type { Values } from "../../core/value.ts";
import { actionStates } from "./enums.ts";
import { message } from "./message.ts";
import { toDuration, toTimestamp } from "./time.ts";
import { toActionError } from "./to-proto-action.ts";
import { toResources } from "./to-proto-resource.ts";
import { toValues } from "./to-proto-value.ts";

/** One try of the task that a spec describes; a try that has not ended has run until `nowMs`. */
export function toAttempt(attempt: Attempt, spec: TaskSpec | undefined, nowMs: number): AttemptMessage {
  return message<AttemptMessage>({
    $typeName: "signalbox.v1.Attempt",
    attemptId: attemptId(attempt.run, attempt.action, attempt.number),
    number: attempt.number,
    state: actionStates.of[attempt.state],
    workerId: attempt.workerId ?? "",
    assignTime: toTimestamp(attempt.assignTimeMs),
    startTime: toTimestamp(attempt.startTimeMs),
    endTime: toTimestamp(attempt.endTimeMs),
    outputs: toValues(attempt.outputs),
    error: toActionError(attempt.error),
    progressPercent: attempt.progressPercent,
    progressMessage: attempt.progressMessage,
    inputs: toValues(attempt.inputs ?? statedInputs(spec)),
    resources: toResources(spec?.demand?.resources),
    epoch: BigInt(attempt.epoch),
    summary: toSummary(attempt, nowMs),
  });
}

function toSummary(attempt: Attempt, nowMs: number): ExecutionSummaryMessage {
  const { startTimeMs, endTimeMs } = attempt;
  const durationMs = startTimeMs === undefined ? undefined : Math.max(0, (endTimeMs ?? nowMs) - startTimeMs);
  return message<ExecutionSummaryMessage>({
    $typeName: "signalbox.v1.ExecutionSummary",
    duration: toDuration(durationMs),
    workerId: attempt.workerId ?? "",
    errorMessage: attempt.error?.message ?? "",
    deviceIndexes: [...attempt.deviceIndexes],
  });
}

/** What a task was told to start with, when none of it had to be resolved. */
function statedInputs(spec: TaskSpec | undefined): Values {
  const inputs: Record<string, Values[string]> = {};
  for (const [name, input] of Object.entries(spec?.inputs ?? {})) {
    if ("value" in input) inputs[name] = input.value;
  }
  return inputs;
}

/** The attempt that a session holds, which is still part of its action. */
export function currentAttempt(action: Action): Attempt {
  return attemptOf(action, {
    state: action.state,
    endTimeMs: undefined,
    outputs: undefined,
    error: undefined,
  });
}
