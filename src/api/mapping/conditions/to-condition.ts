import type {
  ConditionAnswer as AnswerMessage,
  AnswerRule as AnswerRuleMessage,
  Condition as ConditionMessage,
  ConditionSpec as ConditionSpecMessage,
  Delegation as DelegationMessage,
  ConditionWebhook as WebhookMessage,
} from "../../../../gen/signalbox/v1/condition_pb.ts";
import { Condition_Outcome, EarlySignals } from "../../../../gen/signalbox/v1/condition_pb.ts";
import type { Action, ConditionSpec } from "../../../core/action.ts";
import {
  type ConditionStanding,
  type Delegation,
  type GivenAnswer,
  standingOf,
} from "../../../core/conditions/standing.ts";
import type {
  AnswerRule,
  Choice,
  ConditionTerms,
  ConditionWebhook,
  Escalation,
} from "../../../core/conditions/terms.ts";
import { plainTerms } from "../../../core/conditions/terms.ts";
import { namespaceOf, runIdOf } from "../../../core/name.ts";
import type { Labels } from "../../../core/run.ts";
import { answerChannels, outcomes, valueTypes } from "../enums.ts";
import { message } from "../message.ts";
import { toDuration, toTimestamp } from "../time.ts";
import { toValue } from "../to-proto-value.ts";

/** What a condition is told with and that stands elsewhere. */
export interface ConditionSurroundings {
  readonly runLabels: Labels;
  /** Who created its run. */
  readonly requester: string;
  /** The op of the task that asks; "" in a plan. */
  readonly op: string;
}

/** The condition that an action is; undefined for any other kind. */
export function toCondition(
  action: Action,
  surroundings: ConditionSurroundings,
): ConditionMessage | undefined {
  return action.spec.kind === "condition" ? conditionOf(action, action.spec, surroundings) : undefined;
}

function conditionOf(
  action: Action,
  spec: ConditionSpec,
  { runLabels, requester, op }: ConditionSurroundings,
): ConditionMessage {
  const standing = standingOf(action);
  const answer = action.outputs?.["value"];
  return message<ConditionMessage>({
    $typeName: "signalbox.v1.Condition",
    namespace: namespaceOf(action.run),
    runId: runIdOf(action.run),
    name: action.name,
    spec: toConditionSpec(spec),
    pauseTime: toTimestamp(action.queueTimeMs),
    deadlineTime: toTimestamp(standing.deadlineMs),
    endTime: toTimestamp(action.endTimeMs),
    outcome: action.outcome === undefined ? Condition_Outcome.UNSPECIFIED : outcomes.of[action.outcome],
    answer: answer === undefined ? undefined : toValue(answer),
    signalledBy: action.signalledBy,
    runLabels,
    instance: action.queueTimeMs === undefined ? 0 : standing.instance,
    answers: standing.answers.map(toConditionAnswer),
    earlierAnswers: standing.earlier.map(toConditionAnswer),
    assignee: standing.assignee,
    snoozeEndTime: toTimestamp(standing.snoozeEndMs),
    delegations: standing.delegations.map(toDelegation),
    escalationCount: standing.escalationCount,
    nextEscalationTime: toTimestamp(nextEscalationMs(action, spec, standing)),
    requester,
    op,
  });
}

function nextEscalationMs(
  { state, queueTimeMs }: Action,
  { terms }: ConditionSpec,
  { escalationCount }: ConditionStanding,
): number | undefined {
  const step = terms?.escalations[escalationCount];
  return state !== "PAUSED" || step === undefined || queueTimeMs === undefined
    ? undefined
    : queueTimeMs + step.afterMs;
}

/** An answer that was given. */
export function toConditionAnswer(answer: GivenAnswer): AnswerMessage {
  const { value, subject, signalledBy, comment, channel, origin, timeMs, instance, runId } = answer;
  return message<AnswerMessage>({
    $typeName: "signalbox.v1.ConditionAnswer",
    value: toValue(value),
    subject,
    signalledBy,
    comment,
    channel: answerChannels.of[channel],
    origin,
    createTime: toTimestamp(timeMs),
    instance,
    runId,
  });
}

function toDelegation({ from, to, timeMs }: Delegation): DelegationMessage {
  return message<DelegationMessage>({
    $typeName: "signalbox.v1.Delegation",
    from,
    to,
    createTime: toTimestamp(timeMs),
  });
}

function toConditionSpec({ terms: stated, ...spec }: ConditionSpec): ConditionSpecMessage {
  const terms = stated ?? plainTerms;
  return message<ConditionSpecMessage>({
    $typeName: "signalbox.v1.ConditionSpec",
    type: valueTypes.of[spec.type],
    prompt: spec.prompt,
    description: spec.description,
    timeout: toDuration(spec.timeoutMs),
    defaultValue: spec.defaultValue === undefined ? undefined : toValue(spec.defaultValue),
    schema: terms.schema as ConditionSpecMessage["schema"],
    choices: terms.choices.map(toChoice),
    link: terms.link,
    answerRule: terms.rule === undefined ? undefined : toAnswerRule(terms.rule),
    assignee: terms.assignee,
    escalations: terms.escalations.map(toEscalation),
    correlationKey: terms.correlationKey,
    earlySignals: earlySignalsOf(terms),
    group: terms.group,
    webhook: terms.webhook === undefined ? undefined : toWebhook(terms.webhook),
  });
}

function earlySignalsOf({ dropsEarly }: ConditionTerms): EarlySignals {
  return dropsEarly ? EarlySignals.DROP : EarlySignals.UNSPECIFIED;
}

function toChoice({ value, label, description }: Choice) {
  return { $typeName: "signalbox.v1.Choice" as const, value: toValue(value), label, description };
}

function toAnswerRule(rule: AnswerRule): AnswerRuleMessage {
  return message<AnswerRuleMessage>({
    $typeName: "signalbox.v1.AnswerRule",
    requiredCount: rule.requiredCount,
    voterCount: rule.voterCount,
    veto: rule.veto === undefined ? undefined : toValue(rule.veto),
    subjects: [...rule.subjects],
    groups: [...rule.groups],
    excludesRequester: rule.excludesRequester,
  });
}

function toEscalation({ afterMs, notify, subjects, groups, assignee }: Escalation) {
  return {
    $typeName: "signalbox.v1.Escalation" as const,
    after: toDuration(afterMs) as NonNullable<ReturnType<typeof toDuration>>,
    notify: [...notify],
    subjects: [...subjects],
    groups: [...groups],
    assignee,
  };
}

/** Where posts go to, without what they are signed with and the headers, which may be secrets as well. */
function toWebhook({ url, payload, linkLifetimeMs }: ConditionWebhook): WebhookMessage {
  return message<WebhookMessage>({
    $typeName: "signalbox.v1.ConditionWebhook",
    url,
    payload: payload as WebhookMessage["payload"],
    secret: "",
    linkLifetime: toDuration(linkLifetimeMs),
    headers: {},
  });
}
