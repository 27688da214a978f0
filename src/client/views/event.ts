import { create, type JsonValue } from "@bufbuild/protobuf";
import {
  EventKind as EventKinds,
  type Event as EventMessage,
  LogLevel as LogLevels,
} from "../../../gen/signalbox/v1/event_pb.ts";
import { ValueSchema } from "../../../gen/signalbox/v1/value_pb.ts";
import { fromValue, fromValues } from "../js-value.ts";
import { fromDelivery, type NewDelivery } from "../spec/placement.ts";
import { nameActionKind, nameActionState, toActionError } from "./action.ts";
import { toConditionDetail } from "./condition-event.ts";
import type { EventDetails, EventKind } from "./event-details.ts";
import { naming, toDate } from "./name.ts";
import { nameRunState } from "./run.ts";

/** What every event has. */
interface EventBase {
  /** Unique in the server's whole feed; ids sort in feed order. */
  readonly eventId: string;
  /** For people; the order is that of the feed. */
  readonly createTime: Date | undefined;
  readonly namespace: string;
  /** Empty for events of workers, ops and services. */
  readonly runId: string;
  /** Empty for events of a whole run. */
  readonly action: string;
  /** 0 for none. */
  readonly attempt: number;
  readonly runLabels: Readonly<Record<string, string>>;
  /** Where it goes beside the feed. */
  readonly delivery: NewDelivery | undefined;
}

/** An event with its kind and what it says: a switch over `kind` tells the type of `detail`. */
type EventOf<K extends EventKind> = EventBase & { readonly kind: K; readonly detail: EventDetails[K] };

/** An immutable fact in the feed. A reader that does not know a kind skips it. */
export type Event = { [K in EventKind]: EventOf<K> }[EventKind];

const nameLevel = naming(LogLevels);

/** The number of each kind in filters. */
export const eventKindNumbers: Readonly<Record<EventKind, EventKinds>> = EventKinds;

/** The names of the kinds that an event can have. */
export const eventKinds = (Object.keys(eventKindNumbers) as EventKind[]).filter(
  (kind) => kind !== "UNSPECIFIED",
);

/** The name of a kind. */
export const nameEventKind = naming(EventKinds);

/** An event as plain values. */
export function toEvent(event: EventMessage): Event {
  const base: EventBase = {
    eventId: event.eventId,
    createTime: toDate(event.createTime),
    namespace: event.namespace,
    runId: event.runId,
    action: event.action,
    attempt: event.attempt,
    runLabels: event.runLabels,
    delivery: fromDelivery(event.delivery),
  };
  return { ...base, ...toDetail(event.detail) };
}

/** The kind of an event and what it says. */
export type Detail = { [K in EventKind]: Pick<EventOf<K>, "kind" | "detail"> }[EventKind];

function toDetail(detail: EventMessage["detail"]): Detail {
  switch (detail.case) {
    case "runCreated": {
      const { priority, actionCount, createdBy, rerunOf } = detail.value;
      return { kind: "RUN_CREATED", detail: { priority, actionCount, createdBy, rerunOf } };
    }
    case "runUpdated":
      return {
        kind: "RUN_UPDATED",
        detail: { priority: detail.value.priority, labels: detail.value.labels },
      };
    case "runStarted":
      return { kind: "RUN_STARTED", detail: {} };
    case "runCancelRequested":
      return { kind: "RUN_CANCEL_REQUESTED", detail: { cause: detail.value.cause } };
    case "runRetried":
      return { kind: "RUN_RETRIED", detail: { retryCount: detail.value.retryCount } };
    case "runEnded": {
      const { state, error, outputs } = detail.value;
      const ended = { state: nameRunState(state), error: toActionError(error), outputs: fromValues(outputs) };
      return { kind: "RUN_ENDED", detail: ended };
    }
    case "published": {
      const { source, type, attributes, payload } = detail.value;
      const json =
        payload === undefined ? null : create(ValueSchema, { kind: { case: "jsonValue", value: payload } });
      return {
        kind: "PUBLISHED",
        detail: { source, type, attributes, payload: json && (fromValue(json) as JsonValue) },
      };
    }
    case undefined:
      return { kind: "UNSPECIFIED", detail: {} };
    default:
      return toActionDetail(detail);
  }
}

type RunCases = "runCreated" | "runUpdated" | "runStarted" | "runCancelRequested" | "runRetried" | "runEnded";
type OtherCases = "published" | undefined;
type ActionDetail = Exclude<EventMessage["detail"], { case: RunCases | OtherCases }>;

function toActionDetail(detail: ActionDetail): Detail {
  switch (detail.case) {
    case "actionCreated": {
      const { kind, state, ...rest } = detail.value;
      const { parent, op, recoveredFrom } = rest;
      const stand = { kind: nameActionKind(kind), state: nameActionState(state) };
      return { kind: "ACTION_CREATED", detail: { ...stand, parent, op, recoveredFrom } };
    }
    case "actionQueued":
      return { kind: "ACTION_QUEUED", detail: {} };
    case "actionAssigned": {
      const { workerId, epoch, deviceIndexes } = detail.value;
      return { kind: "ACTION_ASSIGNED", detail: { workerId, epoch, deviceIndexes } };
    }
    case "actionStarted":
      return {
        kind: "ACTION_STARTED",
        detail: { workerId: detail.value.workerId, epoch: detail.value.epoch },
      };
    case "actionProgressed":
      return {
        kind: "ACTION_PROGRESSED",
        detail: { percent: detail.value.percent, message: detail.value.message },
      };
    case "actionLogged":
      return {
        kind: "ACTION_LOGGED",
        detail: { level: nameLevel(detail.value.level), message: detail.value.message },
      };
    case "attemptFailed": {
      const { state, error, retryTime } = detail.value;
      const failed = {
        state: nameActionState(state),
        error: toActionError(error),
        retryTime: toDate(retryTime),
      };
      return { kind: "ATTEMPT_FAILED", detail: failed };
    }
    case "actionReturned":
    case "actionCancelRequested":
    case "actionEnded":
    case "actionReopened":
      return toActionEndDetail(detail);
    case "conditionPaused":
    case "conditionAnswered":
    case "signalKept":
    case "signalDropped":
    case "answerGiven":
    case "conditionChanged":
    case "conditionEscalated":
    case "webhookPosted":
    case "linkRefused":
      return toConditionDetail(detail);
    default:
      return toServiceDetail(detail);
  }
}

type EndCases = "actionReturned" | "actionCancelRequested" | "actionEnded" | "actionReopened";

/** Events of what ends an action, or takes its end back. */
function toActionEndDetail(detail: Extract<ActionDetail, { case: EndCases }>): Detail {
  switch (detail.case) {
    case "actionCancelRequested":
      return { kind: "ACTION_CANCEL_REQUESTED", detail: { cause: detail.value.cause } };
    case "actionReturned":
      return { kind: "ACTION_RETURNED", detail: { cause: detail.value.cause } };
    case "actionEnded": {
      const { state, error, outputs, epoch, cause } = detail.value;
      const ended = {
        state: nameActionState(state),
        error: toActionError(error),
        outputs: fromValues(outputs),
        epoch,
        cause,
      };
      return { kind: "ACTION_ENDED", detail: ended };
    }
    case "actionReopened":
      return { kind: "ACTION_REOPENED", detail: { state: nameActionState(detail.value.state) } };
  }
}

type ServiceCases =
  | "workerAttached"
  | "workerDraining"
  | "workerLeft"
  | "opRegistered"
  | "opDeleted"
  | "limitSet"
  | "limitDeleted"
  | "subscriptionCreated"
  | "subscriptionDeleted"
  | "eventDeadLettered";

/** Events of workers, ops, limits and subscriptions. */
function toServiceDetail(detail: Extract<ActionDetail, { case: ServiceCases }>): Detail {
  switch (detail.case) {
    case "workerAttached": {
      const { workerId, sessionId, ops, keptCount } = detail.value;
      return { kind: "WORKER_ATTACHED", detail: { workerId, sessionId, ops, keptCount } };
    }
    case "workerDraining":
      return { kind: "WORKER_DRAINING", detail: { workerId: detail.value.workerId } };
    case "workerLeft": {
      const { workerId, sessionId, cause } = detail.value;
      return { kind: "WORKER_LEFT", detail: { workerId, sessionId, cause } };
    }
    case "opRegistered":
      return { kind: "OP_REGISTERED", detail: { op: detail.value.op, version: detail.value.version } };
    case "opDeleted":
      return { kind: "OP_DELETED", detail: { op: detail.value.op, version: detail.value.version } };
    case "limitSet": {
      const { limit, concurrentMax } = detail.value;
      return { kind: "LIMIT_SET", detail: { limit, concurrentMax } };
    }
    case "limitDeleted":
      return { kind: "LIMIT_DELETED", detail: { limit: detail.value.limit } };
    case "subscriptionCreated":
      return { kind: "SUBSCRIPTION_CREATED", detail: { subscription: detail.value.subscription } };
    case "subscriptionDeleted":
      return { kind: "SUBSCRIPTION_DELETED", detail: { subscription: detail.value.subscription } };
    case "eventDeadLettered": {
      const { subscription, eventId, deliveryCount, cause } = detail.value;
      return { kind: "EVENT_DEAD_LETTERED", detail: { subscription, eventId, deliveryCount, cause } };
    }
  }
}
