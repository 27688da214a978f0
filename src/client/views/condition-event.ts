import { ConditionChanged_Kind, type Event as EventMessage } from "../../../gen/signalbox/v1/event_pb.ts";
import type { Value } from "../../../gen/signalbox/v1/value_pb.ts";
import { fromValue, type JsValue } from "../js-value.ts";
import { nameValueType, toConditionAnswer } from "./condition.ts";
import type { Detail } from "./event.ts";
import { naming, toDate } from "./name.ts";

type Cases =
  | "conditionPaused"
  | "conditionAnswered"
  | "signalKept"
  | "signalDropped"
  | "answerGiven"
  | "conditionChanged"
  | "conditionEscalated"
  | "webhookPosted"
  | "linkRefused";
type ConditionEvent = Extract<EventMessage["detail"], { case: Cases }>;

const nameChange = naming(ConditionChanged_Kind);

/** Events about conditions and their answers. */
export function toConditionDetail(detail: ConditionEvent): Detail {
  switch (detail.case) {
    case "conditionPaused": {
      const { type, prompt, deadlineTime, instance, assignee, correlationKey } = detail.value;
      const asked = { type: nameValueType(type), prompt, deadlineTime: toDate(deadlineTime) };
      return { kind: "CONDITION_PAUSED", detail: { ...asked, instance, assignee, correlationKey } };
    }
    case "conditionAnswered": {
      const { value, signalledBy, defaulted, answer } = detail.value;
      const answered = {
        value: plain(value),
        signalledBy,
        defaulted,
        answer: answer && toConditionAnswer(answer),
      };
      return { kind: "CONDITION_ANSWERED", detail: answered };
    }
    case "signalKept": {
      const { value, signalledBy, subject, correlationKey, expireTime } = detail.value;
      const kept = { value: plain(value), signalledBy, subject, correlationKey };
      return { kind: "SIGNAL_KEPT", detail: { ...kept, expireTime: toDate(expireTime) } };
    }
    case "signalDropped": {
      const { cause, correlationKey } = detail.value;
      return { kind: "SIGNAL_DROPPED", detail: { cause, correlationKey } };
    }
    default:
      return toInboxDetail(detail);
  }
}

type InboxCases = Exclude<Cases, "conditionPaused" | "conditionAnswered" | "signalKept" | "signalDropped">;

function toInboxDetail(detail: Extract<ConditionEvent, { case: InboxCases }>): Detail {
  switch (detail.case) {
    case "answerGiven": {
      const { answer, answerCount, requiredCount } = detail.value;
      const given = { answer: answer && toConditionAnswer(answer), answerCount, requiredCount };
      return { kind: "ANSWER_GIVEN", detail: given };
    }
    case "conditionChanged": {
      const { kind, subject, assignee, snoozeEndTime, deadlineTime } = detail.value;
      const times = { snoozeEndTime: toDate(snoozeEndTime), deadlineTime: toDate(deadlineTime) };
      return { kind: "CONDITION_CHANGED", detail: { change: nameChange(kind), subject, assignee, ...times } };
    }
    case "conditionEscalated": {
      const { step, notify, assignee } = detail.value;
      return { kind: "CONDITION_ESCALATED", detail: { step, notify, assignee } };
    }
    case "webhookPosted": {
      const { about, deliveryCount, cause } = detail.value;
      return { kind: "WEBHOOK_POSTED", detail: { about, deliveryCount, cause } };
    }
    case "linkRefused":
      return { kind: "LINK_REFUSED", detail: { cause: detail.value.cause, origin: detail.value.origin } };
  }
}

function plain(value: Value | undefined): JsValue {
  return value === undefined ? null : fromValue(value);
}
