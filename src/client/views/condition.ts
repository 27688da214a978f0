import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  Condition_Outcome,
  type Condition as ConditionMessage,
  type ConditionSpec,
} from "../../../gen/signalbox/v1/condition_pb.ts";
import { ValueType } from "../../../gen/signalbox/v1/value_pb.ts";
import { type ConditionType, fromValue, type JsValue } from "../js-value.ts";
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
}

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
