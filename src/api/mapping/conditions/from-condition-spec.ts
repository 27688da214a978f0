import type {
  AnswerRule as AnswerRuleMessage,
  ConditionSpec as ConditionSpecMessage,
  ConditionWebhook as WebhookMessage,
} from "../../../../gen/signalbox/v1/condition_pb.ts";
import { EarlySignals } from "../../../../gen/signalbox/v1/condition_pb.ts";
import {
  type AnswerRule,
  type ConditionTerms,
  type ConditionWebhook,
  plainRule,
} from "../../../core/conditions/terms.ts";
import type { NewCondition } from "../../../core/stated.ts";
import type { Value } from "../../../core/value.ts";
import { webhookFaults } from "../../callbacks/webhook-faults.ts";
import { valueTypes } from "../enums.ts";
import type { Faults } from "../faults.ts";
import { fromValue } from "../from-proto-value.ts";
import { fromDuration } from "../time.ts";

/** A condition of a request. */
export function fromConditionSpec(message: ConditionSpecMessage, faults: Faults): NewCondition {
  const { type, prompt, description, timeout } = message;
  const word = valueTypes.word(type);
  if (word === undefined) faults.within("type", () => faults.add("must be a type of value"));
  return {
    kind: "condition",
    type: word ?? "bool",
    prompt,
    description,
    timeoutMs: fromDuration(timeout),
    defaultValue: optionalValue("default_value", message.defaultValue, faults),
    terms: isPlain(message) ? undefined : fromTerms(message, faults),
  };
}

/** True if nothing is asked for but a type: most conditions keep no terms. */
function isPlain(message: ConditionSpecMessage): boolean {
  const { schema, choices, link, answerRule, assignee, escalations, webhook } = message;
  const { correlationKey, earlySignals, group } = message;
  const isAskedOfAnybody = answerRule === undefined && assignee === "" && escalations.length === 0;
  const isToldToNobody = webhook === undefined && link === "" && choices.length === 0;
  const isAlone = correlationKey === "" && group === "" && earlySignals !== EarlySignals.DROP;
  return schema === undefined && isAskedOfAnybody && isToldToNobody && isAlone;
}

function fromTerms(message: ConditionSpecMessage, faults: Faults): ConditionTerms {
  const { choices, escalations, link, assignee, correlationKey, group } = message;
  return {
    schema: message.schema,
    choices: faults.each("choices", choices, ({ value, label, description }) => ({
      value: optionalValue("value", value, faults) ?? { kind: "null" },
      label,
      description,
    })),
    link,
    rule: message.answerRule && faults.within("answer_rule", () => fromRule(message.answerRule, faults)),
    assignee,
    escalations: faults.each("escalations", escalations, (step) => {
      const afterMs = fromDuration(step.after);
      if (afterMs === undefined) faults.within("after", () => faults.add("must be set"));
      const { notify, subjects, groups } = step;
      return { afterMs: afterMs ?? 0, notify, subjects, groups, assignee: step.assignee };
    }),
    correlationKey,
    dropsEarly: message.earlySignals === EarlySignals.DROP,
    group,
    webhook: message.webhook && faults.within("webhook", () => fromWebhook(message.webhook, faults)),
  };
}

function fromRule(message: AnswerRuleMessage | undefined, faults: Faults): AnswerRule {
  if (message === undefined) return plainRule;
  const { requiredCount, voterCount, veto, subjects, groups, excludesRequester } = message;
  return {
    requiredCount: requiredCount || plainRule.requiredCount,
    voterCount: voterCount || plainRule.voterCount,
    veto: optionalValue("veto", veto, faults),
    subjects,
    groups,
    excludesRequester,
  };
}

function fromWebhook(message: WebhookMessage | undefined, faults: Faults): ConditionWebhook | undefined {
  if (message === undefined) return undefined;
  const { url, payload, secret, linkLifetime, headers } = message;
  const webhook = { url, payload, secret, linkLifetimeMs: fromDuration(linkLifetime), headers };
  webhookFaults(webhook, faults);
  return webhook;
}

function optionalValue(
  field: string,
  message: Parameters<typeof fromValue>[0] | undefined,
  faults: Faults,
): Value | undefined {
  return message === undefined ? undefined : faults.within(field, () => fromValue(message, faults));
}
