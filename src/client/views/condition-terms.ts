import {
  type ConditionSpec as ConditionSpecMessage,
  type ConditionWebhook,
  EarlySignals,
} from "../../../gen/signalbox/v1/condition_pb.ts";
import type { Value } from "../../../gen/signalbox/v1/value_pb.ts";
import { fromValue, type JsValue } from "../js-value.ts";
import type { ConditionTerms } from "../spec/condition.ts";
import { fromDuration } from "../spec/duration.ts";
import { withoutUndefined } from "../without-undefined.ts";

/** What a condition asks for beyond its type, as a client states it. */
export function fromConditionTerms(spec: ConditionSpecMessage | undefined): ConditionTerms<JsValue> {
  if (spec === undefined) return {};
  const { schema, choices, link, answerRule: rule, assignee, escalations, correlationKey, group } = spec;
  return withoutUndefined({
    schema,
    choices: stated(
      choices.map(({ value, ...choice }) => ({ ...withoutType(choice), value: answer(value) })),
    ),
    link: stated(link),
    answerRule: rule && withoutUndefined({ ...withoutType(rule), veto: rule.veto && answer(rule.veto) }),
    assignee: stated(assignee),
    escalations: stated(
      escalations.map(({ after, ...step }) => ({ ...withoutType(step), afterMs: fromDuration(after) ?? 0 })),
    ),
    correlationKey: stated(correlationKey),
    earlySignals: spec.earlySignals === EarlySignals.DROP ? ("DROP" as const) : undefined,
    group: stated(group),
    webhook: spec.webhook && fromWebhook(spec.webhook),
  });
}

function fromWebhook({ url, payload, linkLifetime }: ConditionWebhook) {
  return withoutUndefined({ url, payload, linkLifetimeMs: fromDuration(linkLifetime) });
}

function answer(value: Value | undefined): JsValue {
  return value === undefined ? null : fromValue(value);
}

/** Undefined for what says nothing. */
function stated<T extends { readonly length: number }>(value: T): T | undefined {
  return value.length === 0 ? undefined : value;
}

function withoutType<T extends { readonly $typeName: string; readonly $unknown?: unknown }>(message: T) {
  const { $typeName: _, $unknown: __, ...rest } = message;
  return rest;
}
