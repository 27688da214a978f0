import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  type ConditionAnswer as AnswerMessage,
  Condition_Outcome,
  ConditionAnswer_Channel,
  type Condition as ConditionMessage,
  type ConditionSpec,
} from "../../../gen/signalbox/v1/condition_pb.ts";
import { ValueType } from "../../../gen/signalbox/v1/value_pb.ts";
import { type ConditionType, fromValue, type JsValue } from "../js-value.ts";
import type { ConditionTerms } from "../spec/condition.ts";
import { fromConditionTerms } from "./condition-terms.ts";
import { type NameOf, naming, toDate } from "./name.ts";

/** How a condition ended; `UNSPECIFIED` while it has not. */
export type ConditionOutcome = NameOf<typeof Condition_Outcome>;

/** What a condition asks for, where it stands and who answered. */
export interface Condition {
  readonly namespace: string;
  readonly runId: string;
  /** Its whole name in the run. */
  readonly name: string;
  /** The type of the answer; undefined for one that this version does not know. */
  readonly type: ConditionType | undefined;
  readonly prompt: string;
  readonly description: string;
  readonly timeoutMs: number | undefined;
  /** The answer it takes when its time runs out. */
  readonly defaultValue: JsValue | undefined;
  /** When it began to wait. */
  readonly pauseTime: Date | undefined;
  readonly deadlineTime: Date | undefined;
  readonly endTime: Date | undefined;
  readonly outcome: ConditionOutcome;
  readonly answer: JsValue | undefined;
  /** Who gave the answer, as they said themselves. */
  readonly signalledBy: string;
  /** The labels of its run. */
  readonly runLabels: Readonly<Record<string, string>>;
  /** What it asks for beyond its type, as it was stated; what is secret is left out. */
  readonly terms: ConditionTerms<JsValue>;
  /** Which opening this is, from 1; 0 before it asks. */
  readonly instance: number;
  /** The answers given in this opening, in order. */
  readonly answers: readonly ConditionAnswer[];
  /** The answers of earlier openings, and of the run that its run does over. */
  readonly earlierAnswers: readonly ConditionAnswer[];
  /** Whose turn it is. */
  readonly assignee: string;
  /** Until when it is out of sight in the inbox. */
  readonly snoozeEndTime: Date | undefined;
  readonly delegations: readonly {
    readonly from: string;
    readonly to: string;
    readonly createTime: Date | undefined;
  }[];
  readonly escalationCount: number;
  readonly nextEscalationTime: Date | undefined;
  /** Who created its run. */
  readonly requester: string;
  /** The op of the task that asks; empty in a plan. */
  readonly op: string;
}

/** How an answer came. */
export type AnswerChannel = NameOf<typeof ConditionAnswer_Channel>;

/** An answer that was given: what, who, when and from where. */
export interface ConditionAnswer {
  readonly value: JsValue;
  /** Who gave it, as the server knows them. */
  readonly subject: string;
  /** In whose name, as they said themselves. */
  readonly signalledBy: string;
  readonly comment: string;
  readonly channel: AnswerChannel;
  /** The address that it came from. */
  readonly origin: string;
  readonly createTime: Date | undefined;
  /** In which opening of the condition. */
  readonly instance: number;
  /** The earlier run that it was given in; empty for this one. */
  readonly runId: string;
}

const nameChannel = naming(ConditionAnswer_Channel);
const nameOutcome = naming(Condition_Outcome);
const nameType = naming(ValueType);

/** A condition as plain values. */
export function toCondition(condition: ConditionMessage): Condition {
  const { spec, answer } = condition;
  return {
    namespace: condition.namespace,
    runId: condition.runId,
    name: condition.name,
    type: nameValueType(spec?.type ?? ValueType.UNSPECIFIED),
    prompt: spec?.prompt ?? "",
    description: spec?.description ?? "",
    ...readTimeout(spec),
    pauseTime: toDate(condition.pauseTime),
    deadlineTime: toDate(condition.deadlineTime),
    endTime: toDate(condition.endTime),
    outcome: nameOutcome(condition.outcome),
    answer: answer === undefined ? undefined : fromValue(answer),
    signalledBy: condition.signalledBy,
    runLabels: condition.runLabels,
    terms: fromConditionTerms(spec),
    instance: condition.instance,
    answers: condition.answers.map(toConditionAnswer),
    earlierAnswers: condition.earlierAnswers.map(toConditionAnswer),
    assignee: condition.assignee,
    snoozeEndTime: toDate(condition.snoozeEndTime),
    delegations: condition.delegations.map(({ from, to, createTime }) => {
      return { from, to, createTime: toDate(createTime) };
    }),
    escalationCount: condition.escalationCount,
    nextEscalationTime: toDate(condition.nextEscalationTime),
    requester: condition.requester,
    op: condition.op,
  };
}

/** An answer as plain values. */
export function toConditionAnswer(answer: AnswerMessage): ConditionAnswer {
  const { value, subject, signalledBy, comment, channel, origin, createTime, instance, runId } = answer;
  return {
    value: value === undefined ? null : fromValue(value),
    subject,
    signalledBy,
    comment,
    channel: nameChannel(channel),
    origin,
    createTime: toDate(createTime),
    instance,
    runId,
  };
}

/** The name of a condition's type. */
export function nameValueType(type: ValueType): ConditionType | undefined {
  const name = nameType(type);
  return name === "UNSPECIFIED" ? undefined : (name.toLowerCase() as ConditionType);
}

function readTimeout(spec: ConditionSpec | undefined): Pick<Condition, "timeoutMs" | "defaultValue"> {
  return {
    timeoutMs: spec?.timeout === undefined ? undefined : durationMs(spec.timeout),
    defaultValue: spec?.defaultValue === undefined ? undefined : fromValue(spec.defaultValue),
  };
}
