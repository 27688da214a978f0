import type {
  AnswerGiven,
  ConditionAnswered,
  ConditionChanged,
  ConditionPaused,
  Event as EventMessage,
  SignalKept,
} from "../../../../gen/signalbox/v1/event_pb.ts";
import type { EventDetail } from "../../../core/event.ts";
import { conditionChanges, valueTypes } from "../enums.ts";
import { message } from "../message.ts";
import { toTimestamp } from "../time.ts";
import { toValue } from "../to-proto-value.ts";
import { toConditionAnswer } from "./to-condition.ts";

type Kind =
  | "condition_paused"
  | "condition_answered"
  | "signal_kept"
  | "signal_dropped"
  | "answer_given"
  | "condition_changed"
  | "condition_escalated"
  | "webhook_posted"
  | "link_refused";

/** How each kind of event about conditions is told. */
export const conditionDetails: {
  readonly [K in Kind]: (detail: Extract<EventDetail, { readonly kind: K }>) => EventMessage["detail"];
} = {
  condition_paused: ({ type, prompt, deadlineMs, instance = 1, assignee = "", correlationKey = "" }) => ({
    case: "conditionPaused",
    value: message<ConditionPaused>({
      $typeName: "signalbox.v1.ConditionPaused",
      type: valueTypes.of[type],
      prompt,
      deadlineTime: toTimestamp(deadlineMs),
      instance,
      assignee,
      correlationKey,
    }),
  }),
  condition_answered: ({ value, signalledBy, defaulted, answer }) => ({
    case: "conditionAnswered",
    value: message<ConditionAnswered>({
      $typeName: "signalbox.v1.ConditionAnswered",
      value: toValue(value),
      signalledBy,
      defaulted,
      answer: answer === undefined ? undefined : toConditionAnswer(answer),
    }),
  }),
  signal_kept: ({ value, signalledBy, subject = "", correlationKey = "", expireMs }) => ({
    case: "signalKept",
    value: message<SignalKept>({
      $typeName: "signalbox.v1.SignalKept",
      value: toValue(value),
      signalledBy,
      subject,
      correlationKey,
      expireTime: toTimestamp(expireMs),
    }),
  }),
  signal_dropped: ({ cause, correlationKey = "" }) => ({
    case: "signalDropped",
    value: { $typeName: "signalbox.v1.SignalDropped", cause, correlationKey },
  }),
  answer_given: ({ answer, answerCount, requiredCount }) => ({
    case: "answerGiven",
    value: message<AnswerGiven>({
      $typeName: "signalbox.v1.AnswerGiven",
      answer: toConditionAnswer(answer),
      answerCount,
      requiredCount,
    }),
  }),
  condition_changed: ({ change, subject, assignee, snoozeEndMs, deadlineMs }) => ({
    case: "conditionChanged",
    value: message<ConditionChanged>({
      $typeName: "signalbox.v1.ConditionChanged",
      kind: conditionChanges.of[change],
      subject,
      assignee,
      snoozeEndTime: toTimestamp(snoozeEndMs),
      deadlineTime: toTimestamp(deadlineMs),
    }),
  }),
  condition_escalated: ({ step, notify, assignee }) => ({
    case: "conditionEscalated",
    value: { $typeName: "signalbox.v1.ConditionEscalated", step, notify: [...notify], assignee },
  }),
  webhook_posted: ({ about, deliveryCount, cause }) => ({
    case: "webhookPosted",
    value: { $typeName: "signalbox.v1.WebhookPosted", about, deliveryCount, cause },
  }),
  link_refused: ({ cause, origin }) => ({
    case: "linkRefused",
    value: { $typeName: "signalbox.v1.LinkRefused", cause, origin },
  }),
};
