import type { ActionEnded, Event as EventMessage, RunEnded } from "../../../gen/signalbox/v1/event_pb.ts";
import type { Event, EventDetail, Position } from "../../core/event.ts";
import { actionKinds, actionStates, logLevels, runStates, valueTypes } from "./enums.ts";
import { message } from "./message.ts";
import { toTimestamp } from "./time.ts";
import { toActionError } from "./to-proto-action.ts";
import { toJson, toValue, toValues } from "./to-proto-value.ts";

/** An event's id: sixteen hexadecimal digits, which sort in feed order. */
export function toEventId(position: bigint): string {
  return position.toString(16).padStart(16, "0");
}

/** An event at its position. */
export function toEvent(position: Position, event: Event): EventMessage {
  return message<EventMessage>({
    $typeName: "signalbox.v1.Event",
    eventId: toEventId(position),
    createTime: toTimestamp(event.timeMs),
    namespace: event.namespace,
    runId: event.runId,
    action: event.action,
    attempt: event.attempt,
    runLabels: event.runLabels,
    detail: toDetail(event.detail),
  });
}

function toDetail(detail: EventDetail): EventMessage["detail"] {
  switch (detail.kind) {
    case "run_created":
    case "run_updated":
    case "run_started":
    case "run_cancel_requested":
    case "run_retried":
    case "run_ended":
      return toRunDetail(detail);
    case "condition_paused":
    case "condition_answered":
    case "signal_kept":
    case "signal_dropped":
      return toConditionDetail(detail);
    case "worker_attached":
    case "worker_draining":
    case "worker_left":
    case "op_registered":
    case "published":
      return toOtherDetail(detail);
    default:
      return toActionDetail(detail);
  }
}

type RunDetail = Extract<EventDetail, { readonly kind: `run_${string}` }>;
type ConditionDetail = Extract<EventDetail, { readonly kind: `condition_${string}` | `signal_${string}` }>;
type OtherDetail = Extract<EventDetail, { readonly kind: `worker_${string}` | "op_registered" | "published" }>;
type ActionDetail = Exclude<EventDetail, RunDetail | ConditionDetail | OtherDetail>;

function toRunDetail(detail: RunDetail): EventMessage["detail"] {
  switch (detail.kind) {
    case "run_created": {
      const { priority, actionCount } = detail;
      return { case: "runCreated", value: { $typeName: "signalbox.v1.RunCreated", priority, actionCount } };
    }
    case "run_updated": {
      const { priority, labels } = detail;
      return { case: "runUpdated", value: { $typeName: "signalbox.v1.RunUpdated", priority, labels } };
    }
    case "run_started":
      return { case: "runStarted", value: { $typeName: "signalbox.v1.RunStarted" } };
    case "run_cancel_requested": {
      const { cause } = detail;
      return { case: "runCancelRequested", value: { $typeName: "signalbox.v1.RunCancelRequested", cause } };
    }
    case "run_retried": {
      const { retryCount } = detail;
      return { case: "runRetried", value: { $typeName: "signalbox.v1.RunRetried", retryCount } };
    }
    case "run_ended": {
      const value = message<RunEnded>({
        $typeName: "signalbox.v1.RunEnded",
        state: runStates.of[detail.state],
        error: toActionError(detail.error),
        outputs: toValues(detail.outputs),
      });
      return { case: "runEnded", value };
    }
  }
}

function toActionDetail(detail: ActionDetail): EventMessage["detail"] {
  switch (detail.kind) {
    case "action_created": {
      const { actionKind, state, parent, op } = detail;
      const value = { kind: actionKinds.of[actionKind], state: actionStates.of[state], parent, op };
      return { case: "actionCreated", value: { $typeName: "signalbox.v1.ActionCreated", ...value } };
    }
    case "action_queued":
      return { case: "actionQueued", value: { $typeName: "signalbox.v1.ActionQueued" } };
    case "action_assigned": {
      const value = { workerId: detail.workerId, epoch: BigInt(detail.epoch) };
      return { case: "actionAssigned", value: { $typeName: "signalbox.v1.ActionAssigned", ...value } };
    }
    case "action_started": {
      const value = { workerId: detail.workerId, epoch: BigInt(detail.epoch) };
      return { case: "actionStarted", value: { $typeName: "signalbox.v1.ActionStarted", ...value } };
    }
    case "action_progressed": {
      const value = { percent: detail.percent, message: detail.message };
      return { case: "actionProgressed", value: { $typeName: "signalbox.v1.ActionProgressed", ...value } };
    }
    case "action_logged": {
      const value = { level: logLevels.of[detail.level], message: detail.message };
      return { case: "actionLogged", value: { $typeName: "signalbox.v1.ActionLogged", ...value } };
    }
    case "action_returned": {
      const { cause } = detail;
      return { case: "actionReturned", value: { $typeName: "signalbox.v1.ActionReturned", cause } };
    }
    case "action_cancel_requested": {
      const { cause } = detail;
      return { case: "actionCancelRequested", value: { $typeName: "signalbox.v1.ActionCancelRequested", cause } };
    }
    case "action_reopened": {
      const state = actionStates.of[detail.state];
      return { case: "actionReopened", value: { $typeName: "signalbox.v1.ActionReopened", state } };
    }
    default:
      return toEndDetail(detail);
  }
}

type EndDetail = Extract<EventDetail, { readonly kind: "attempt_failed" | "action_ended" }>;

function toEndDetail(detail: EndDetail): EventMessage["detail"] {
  const state = actionStates.of[detail.state];
  if (detail.kind === "action_ended") {
    const value = message<ActionEnded>({
      $typeName: "signalbox.v1.ActionEnded",
      state,
      outputs: toValues(detail.outputs),
      error: toActionError(detail.error),
      epoch: BigInt(detail.epoch),
    });
    return { case: "actionEnded", value };
  }
  const { $typeName, ...error } = toActionError(detail.error) ?? unsaid;
  const retryTime = toTimestamp(detail.retryTimeMs) ?? epoch;
  const value = { state, error: { $typeName, ...error }, retryTime };
  return { case: "attemptFailed", value: { $typeName: "signalbox.v1.AttemptFailed", ...value } };
}

function toConditionDetail(detail: ConditionDetail): EventMessage["detail"] {
  return detail as never;
}
