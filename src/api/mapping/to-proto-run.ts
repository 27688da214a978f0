import type { Run as RunMessage } from "../../../gen/signalbox/v1/run_pb.ts";
import { namespaceOf, runIdOf } from "../../core/name.ts";
import type { Run } from "../../core/run.ts";
import { toDelivery } from "./delivery.ts";
import { runStates } from "./enums.ts";
import { message } from "./message.ts";
import { toTimestamp } from "./time.ts";
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
    op: run.op,
    opVersion: run.opVersion,
    image: run.image,
    delivery: toDelivery(run.delivery),
    updateTime: toTimestamp(run.updateTimeMs),
    createdBy: run.createdBy,
    rerunOf: run.rerunOf,
  });
}
