import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { type ConditionSpecSchema, EarlySignals } from "../../../gen/signalbox/v1/condition_pb.ts";
import { type AnswerByType, type ConditionType, toValueOfType, valueTypeByName } from "../js-value.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { toDuration } from "./duration.ts";

/** An answer to suggest. */
export interface NewChoice<Answer> {
  readonly value: Answer;
  /** What a button says; the value itself unless said. */
  readonly label?: string;
  readonly description?: string;
}

/** How many answers a condition takes, and who may give them. */
export interface NewAnswerRule<Answer> {
  /** How many equal answers decide; 1 unless said. */
  readonly requiredCount?: number;
  /** How many may answer at most, each once; 100 unless said. */
  readonly voterCount?: number;
  /** An answer equal to this one decides at once. */
  readonly veto?: Answer;
  /** Who may answer, as subjects of tokens; anybody if neither subjects nor groups are said. */
  readonly subjects?: readonly string[];
  /** Groups whose members may answer. */
  readonly groups?: readonly string[];
  /** Who created the run may not answer. */
  readonly excludesRequester?: boolean;
}

/** A step that is taken while nobody answers. */
export interface NewEscalation {
  /** How long after it began to wait. */
  readonly afterMs: number;
  /** Who is to be told: names for whoever follows `CONDITION_ESCALATED` or gets the webhook. */
  readonly notify?: readonly string[];
  /** Subjects and groups that may answer from then on too. */
  readonly subjects?: readonly string[];
  readonly groups?: readonly string[];
  /** Whose turn it is from then on. */
  readonly assignee?: string;
}

/** An address that is told when a condition waits, escalates and ends. */
export interface NewConditionWebhook {
  readonly url: string;
  /**
   * What the post says. `{callback_uri}` in its texts becomes a link that answers the condition once;
   * `{prompt}`, `{run_id}`, `{name}` and `{namespace}` become what they name. The condition unless said.
   */
  readonly payload?: JsonObject;
  /** What posts are signed with, as `whsec_` and base64. It is never shown again. */
  readonly secret?: string;
  /** How long the link may be used; as long as the condition waits unless said. */
  readonly linkLifetimeMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a condition may ask for beyond its type. */
export interface ConditionTerms<Answer> {
  /** What the answer must keep beside its type, as JSON Schema (2020-12). */
  readonly schema?: JsonObject;
  /** Answers to suggest, in order; others are taken as well. */
  readonly choices?: readonly NewChoice<Answer>[];
  /** Where more about it is to be seen. */
  readonly link?: string;
  /** One answer of anybody unless said. */
  readonly answerRule?: NewAnswerRule<Answer>;
  /** Whose turn it is, as a subject: for finding it in the inbox. */
  readonly assignee?: string;
  readonly escalations?: readonly NewEscalation[];
  /** A name under which a signal finds it without knowing its run. */
  readonly correlationKey?: string;
  /** `DROP`: signals that came before it was open do not count. `KEEP` unless said. */
  readonly earlySignals?: "KEEP" | "DROP";
  /** Of siblings with the same group the first that takes an answer ends the others as WITHDRAWN. */
  readonly group?: string;
  readonly webhook?: NewConditionWebhook;
}

/** A wait for a typed answer. */
export interface NewCondition<T extends ConditionType = ConditionType>
  extends ConditionTerms<AnswerByType[T]> {
  readonly type: T;
  /** The question, in one line or in markdown. */
  readonly prompt?: string;
  /** What helps to decide. */
  readonly description?: string;
  /** How long it waits; without end unless said. */
  readonly timeoutMs?: number;
  /** The answer it takes when its time runs out; only together with `timeoutMs`. */
  readonly defaultValue?: AnswerByType[T];
}

/** The message for a condition. Throws a TypeError or RangeError for answers that do not have its type. */
export function toConditionSpec<T extends ConditionType>(
  condition: NewCondition<T>,
  place = "",
): MessageInitShape<typeof ConditionSpecSchema> {
  const { type, prompt = "", description = "", timeoutMs, defaultValue, schema } = condition;
  const { choices = [], answerRule, escalations = [], webhook, earlySignals } = condition;
  const toAnswer = (value: unknown, what: string) => toValueOfType(value, type, `${place}${what}`);
  return withoutUndefined({
    type: valueTypeByName[type],
    prompt,
    description,
    timeout: toDuration(timeoutMs),
    defaultValue: defaultValue === undefined ? undefined : toAnswer(defaultValue, "the default value"),
    schema,
    choices: choices.map(({ value, ...choice }) => ({ ...choice, value: toAnswer(value, "a choice") })),
    link: condition.link ?? "",
    answerRule: answerRule && toRule(answerRule, (veto) => toAnswer(veto, "the veto")),
    assignee: condition.assignee ?? "",
    escalations: escalations.map(toEscalation),
    correlationKey: condition.correlationKey ?? "",
    earlySignals: EarlySignals[earlySignals ?? "UNSPECIFIED"],
    group: condition.group ?? "",
    webhook: webhook && toWebhook(webhook),
  });
}

function toRule<Answer>(
  rule: NewAnswerRule<Answer>,
  toAnswer: (value: Answer) => ReturnType<typeof toValueOfType>,
) {
  const { requiredCount = 0, voterCount = 0, veto, subjects, groups, excludesRequester = false } = rule;
  return withoutUndefined({
    requiredCount,
    voterCount,
    veto: veto === undefined ? undefined : toAnswer(veto),
    subjects: [...(subjects ?? [])],
    groups: [...(groups ?? [])],
    excludesRequester,
  });
}

function toEscalation({ afterMs, notify, subjects, groups, assignee = "" }: NewEscalation) {
  return withoutUndefined({
    after: toDuration(afterMs),
    notify: [...(notify ?? [])],
    subjects: [...(subjects ?? [])],
    groups: [...(groups ?? [])],
    assignee,
  });
}

function toWebhook({ url, payload, secret = "", linkLifetimeMs, headers }: NewConditionWebhook) {
  return withoutUndefined({
    url,
    payload,
    secret,
    linkLifetime: toDuration(linkLifetimeMs),
    headers: { ...headers },
  });
}
