import type {
  ActionEnded,
  AttemptFailed,
  Event as EventMessage,
  Published,
  RunEnded,
} from "../../../gen/signalbox/v1/event_pb.ts";
import type { Event, EventDetail, EventKind, Position } from "../../core/event.ts";
import { conditionDetails } from "./conditions/condition-details.ts";
import { toDelivery } from "./delivery.ts";
import { actionKinds, actionStates, logLevels, runStates } from "./enums.ts";
import { message } from "./message.ts";
import { toTimestamp } from "./time.ts";
import { toActionError } from "./to-proto-action.ts";
import { toJson, toValues } from "./to-proto-value.ts";

/** An event's id: sixteen hexadecimal digits, which sort in feed order. */
export function toEventId(position: bigint): string {
  // Numbers are printed much faster, and a feed has to be very old to need more than they hold.
  const number = position <= Number.MAX_SAFE_INTEGER ? Number(position) : position;
  return number.toString(16).padStart(16, "0");
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
    delivery: toDelivery(event.delivery),
    detail: toDetail(event.detail),
  });
}

const kept = Symbol("the message");

/** An event of the feed, with the message that was made of it. A map beside it would cost as much again. */
interface Placed {
  readonly position: Position;
  readonly event: Event;
  [kept]?: EventMessage;
}

/**
 * An event of the feed as a message. The same one for everybody who follows, as long as the feed holds the
 * event, so that many followers cost one translation; nobody may change it.
 */
export function toPlacedEvent(placed: Placed): EventMessage {
  placed[kept] ??= toEvent(placed.position, placed.event);
  return placed[kept];
}

/** The same for one who alone follows: a message that nobody has made yet is not kept. */
export function toLoneEvent(placed: Placed): EventMessage {
  return placed[kept] ?? toEvent(placed.position, placed.event);
}

type Detail = EventMessage["detail"];
type DetailOf<K extends EventKind> = Extract<EventDetail, { readonly kind: K }>;

function toDetail<K extends EventKind>(detail: DetailOf<K>): Detail {
  return details[detail.kind](detail);
}

/** How each kind of event is told. */
const details: { readonly [K in EventKind]: (detail: DetailOf<K>) => Detail } = {
  run_created: ({ priority, actionCount, createdBy = "", rerunOf = "" }) => ({
    case: "runCreated",
    value: { $typeName: "signalbox.v1.RunCreated", priority, actionCount, createdBy, rerunOf },
  }),
  run_updated: ({ priority, labels }) => ({
    case: "runUpdated",
    value: { $typeName: "signalbox.v1.RunUpdated", priority, labels },
  }),
  run_started: () => ({ case: "runStarted", value: { $typeName: "signalbox.v1.RunStarted" } }),
  run_cancel_requested: ({ cause }) => ({
    case: "runCancelRequested",
    value: { $typeName: "signalbox.v1.RunCancelRequested", cause },
  }),
  run_retried: ({ retryCount }) => ({
    case: "runRetried",
    value: { $typeName: "signalbox.v1.RunRetried", retryCount },
  }),
  run_ended: ({ state, error, outputs }) => ({
    case: "runEnded",
    value: message<RunEnded>({
      $typeName: "signalbox.v1.RunEnded",
      state: runStates.of[state],
      error: toActionError(error),
      outputs: toValues(outputs),
    }),
  }),
  action_created: ({ actionKind, state, parent, op, recoveredFrom = "" }) => ({
    case: "actionCreated",
    value: {
      $typeName: "signalbox.v1.ActionCreated",
      kind: actionKinds.of[actionKind],
      state: actionStates.of[state],
      parent,
      op,
      recoveredFrom,
    },
  }),
  action_queued: () => ({ case: "actionQueued", value: { $typeName: "signalbox.v1.ActionQueued" } }),
  action_assigned: ({ workerId, epoch, deviceIndexes }) => ({
    case: "actionAssigned",
    value: {
      $typeName: "signalbox.v1.ActionAssigned",
      workerId,
      epoch: BigInt(epoch),
      deviceIndexes: [...deviceIndexes],
    },
  }),
  action_started: ({ workerId, epoch }) => ({
    case: "actionStarted",
    value: { $typeName: "signalbox.v1.ActionStarted", workerId, epoch: BigInt(epoch) },
  }),
  action_progressed: ({ percent, message: text }) => ({
    case: "actionProgressed",
    value: { $typeName: "signalbox.v1.ActionProgressed", percent, message: text },
  }),
  action_logged: ({ level, message: text }) => ({
    case: "actionLogged",
    value: { $typeName: "signalbox.v1.ActionLogged", level: logLevels.of[level], message: text },
  }),
  attempt_failed: ({ state, error, retryTimeMs }) => ({
    case: "attemptFailed",
    value: message<AttemptFailed>({
      $typeName: "signalbox.v1.AttemptFailed",
      state: actionStates.of[state],
      error: toActionError(error),
      retryTime: toTimestamp(retryTimeMs),
    }),
  }),
  action_returned: ({ cause }) => ({
    case: "actionReturned",
    value: { $typeName: "signalbox.v1.ActionReturned", cause },
  }),
  action_cancel_requested: ({ cause }) => ({
    case: "actionCancelRequested",
    value: { $typeName: "signalbox.v1.ActionCancelRequested", cause },
  }),
  action_ended: ({ state, outputs, error, epoch, cause }) => ({
    case: "actionEnded",
    value: message<ActionEnded>({
      $typeName: "signalbox.v1.ActionEnded",
      state: actionStates.of[state],
      outputs: toValues(outputs),
      error: toActionError(error),
      epoch: BigInt(epoch),
      cause,
    }),
  }),
  action_reopened: ({ state }) => ({
    case: "actionReopened",
    value: { $typeName: "signalbox.v1.ActionReopened", state: actionStates.of[state] },
  }),
  ...conditionDetails,
  worker_attached: ({ workerId, sessionId, ops, keptCount }) => ({
    case: "workerAttached",
    value: { $typeName: "signalbox.v1.WorkerAttached", workerId, sessionId, ops: [...ops], keptCount },
  }),
  worker_draining: ({ workerId }) => ({
    case: "workerDraining",
    value: { $typeName: "signalbox.v1.WorkerDraining", workerId },
  }),
  worker_left: ({ workerId, sessionId, cause }) => ({
    case: "workerLeft",
    value: { $typeName: "signalbox.v1.WorkerLeft", workerId, sessionId, cause },
  }),
  op_registered: ({ op, version }) => ({
    case: "opRegistered",
    value: { $typeName: "signalbox.v1.OpRegistered", op, version },
  }),
  op_deleted: ({ op, version }) => ({
    case: "opDeleted",
    value: { $typeName: "signalbox.v1.OpDeleted", op, version },
  }),
  limit_set: ({ limit, concurrentMax }) => ({
    case: "limitSet",
    value: { $typeName: "signalbox.v1.LimitSet", limit, concurrentMax },
  }),
  limit_deleted: ({ limit }) => ({
    case: "limitDeleted",
    value: { $typeName: "signalbox.v1.LimitDeleted", limit },
  }),
  subscription_created: ({ subscription }) => ({
    case: "subscriptionCreated",
    value: { $typeName: "signalbox.v1.SubscriptionCreated", subscription },
  }),
  subscription_deleted: ({ subscription }) => ({
    case: "subscriptionDeleted",
    value: { $typeName: "signalbox.v1.SubscriptionDeleted", subscription },
  }),
  event_dead_lettered: ({ subscription, position, deliveryCount, cause }) => ({
    case: "eventDeadLettered",
    value: {
      $typeName: "signalbox.v1.EventDeadLettered",
      subscription,
      eventId: toEventId(BigInt(position)),
      deliveryCount,
      cause,
    },
  }),
  published: ({ source, type, attributes, payload }) => ({
    case: "published",
    value: message<Published>({
      $typeName: "signalbox.v1.Published",
      source,
      type,
      attributes,
      payload: payload === undefined ? undefined : toJson(payload),
    }),
  }),
};
