import type {
  Op as OpMessage,
  RetryPolicy as RetryPolicyMessage,
  Timeouts as TimeoutsMessage,
} from "../../../gen/signalbox/v1/op_pb.ts";
import type { Run as RunMessage } from "../../../gen/signalbox/v1/run_pb.ts";
import type { RetryPolicy, Timeouts } from "../../core/action.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import type { Op } from "../../core/ops/op.ts";
import type { Run } from "../../core/run.ts";
import { runStates } from "./enums.ts";
import { message } from "./message.ts";
import { toDuration, toTimestamp } from "./time.ts";
import { toActionError } from "./to-proto-action.ts";
import { toValues } from "./to-proto-value.ts";

/** A run as it stands. */
export function toRun(run: Run): RunMessage {
  return message<RunMessage>({
    $typeName: "signalbox.v1.Run",
    namespace: namespaceOf(run.key),
    runId: runIdOf(run.key),
    labels: run.labels,
    priority: run.priority,
    state: runStates.of[run.state],
    createTime: toTimestamp(run.createTimeMs),
    startTime: toTimestamp(run.startTimeMs),
    endTime: toTimestamp(run.endTimeMs),
    pausedConditionCount: run.pausedConditionCount,
    actionCount: run.actionCount,
    endedActionCount: run.endedActionCount,
    error: toActionError(run.error),
    outputs: toValues(run.outputs),
    cancelRequested: run.cancelRequested,
    retryCount: run.retryCount,
    deadlineTime: toTimestamp(run.deadlineMs),
  });
}

/** One version of an op. */
export function toOp(op: Op): OpMessage {
  return message<OpMessage>({
    $typeName: "signalbox.v1.Op",
    namespace: op.namespace,
    name: op.name,
    version: op.version,
    description: op.description,
    labels: op.labels,
    retry: op.retry === undefined ? undefined : toRetryPolicy(op.retry),
    timeouts: op.timeouts === undefined ? undefined : toTimeouts(op.timeouts),
    createTime: toTimestamp(op.createTimeMs),
  });
}

function toRetryPolicy(policy: Partial<RetryPolicy>): RetryPolicyMessage {
  return message<RetryPolicyMessage>({
    $typeName: "signalbox.v1.RetryPolicy",
    maxAttempts: policy.maxAttempts ?? 0,
    initialBackoff: toDuration(policy.initialBackoffMs),
    multiplier: policy.multiplier ?? 0,
    maxBackoff: toDuration(policy.maxBackoffMs),
    jitter: policy.jitter ?? 0,
    nonRetryableErrorTypes: [...(policy.nonRetryableErrorTypes ?? [])],
  });
}

function toTimeouts(timeouts: Timeouts): TimeoutsMessage {
  return message<TimeoutsMessage>({
    $typeName: "signalbox.v1.Timeouts",
    queueToStart: toDuration(timeouts.queueToStartMs),
    startToEnd: toDuration(timeouts.startToEndMs),
    heartbeat: toDuration(timeouts.heartbeatMs),
  });
}
