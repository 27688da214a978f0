import {
  Action_Kind,
  Action_State,
  Dependency_Requirement,
  TimelineEntry_Type,
} from "../../../gen/signalbox/v1/action_pb.ts";
import { Condition_Outcome, ConditionAnswer_Channel } from "../../../gen/signalbox/v1/condition_pb.ts";
import {
  ConditionChanged_Kind,
  EventKind as EventKindEnum,
  LogLevel as LogLevelEnum,
} from "../../../gen/signalbox/v1/event_pb.ts";
import { SpecType as SpecTypeEnum } from "../../../gen/signalbox/v1/op_pb.ts";
import { ConditionReplay } from "../../../gen/signalbox/v1/replay_pb.ts";
import { Run_State } from "../../../gen/signalbox/v1/run_pb.ts";
import { ValueType as ValueTypeEnum } from "../../../gen/signalbox/v1/value_pb.ts";
import { Worker_State } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { ActionSpec, ActionState, Dependency, Outcome } from "../../core/action.ts";
import type { GivenAnswer } from "../../core/conditions/standing.ts";
import type { EventDetail, EventKind, LogLevel } from "../../core/event.ts";
import type { SpecType } from "../../core/ops/op.ts";
import type { RunState } from "../../core/run.ts";
import type { SessionState } from "../../core/session.ts";
import type { Replay } from "../../core/stated.ts";
import type { ValueType } from "../../core/value.ts";
import type { TimelineType } from "../timeline.ts";

/** The words of the core for the values of one enum of the contract, both ways. */
export interface EnumMap<Word extends string, Value extends number> {
  /** The enum's value for a word. */
  readonly of: Readonly<Record<Word, Value>>;
  /** The word for an enum's value; undefined for UNSPECIFIED and for values this version does not know. */
  word(value: number): Word | undefined;
}

function enumMap<Word extends string, Value extends number>(
  of: Readonly<Record<Word, Value>>,
): EnumMap<Word, Value> {
  const words = new Map<number, Word>();
  for (const word of Object.keys(of) as Word[]) words.set(of[word], word);
  return { of, word: (value) => words.get(value) };
}

/** The enum without UNSPECIFIED; the compiler holds its names to the words of the core. */
function sameNames<Word extends string, Value extends number>(
  named: Readonly<Record<Word | "UNSPECIFIED", Value>>,
): EnumMap<Word, Value> {
  const { UNSPECIFIED: _, ...of } = named;
  return enumMap(of as unknown as Readonly<Record<Word, Value>>);
}

/** Where actions, runs and sessions stand, and how conditions ended: the names are the same on both sides. */
export const actionStates = sameNames<ActionState, Action_State>(Action_State);
export const runStates = sameNames<RunState, Run_State>(Run_State);
export const sessionStates = sameNames<SessionState, Worker_State>(Worker_State);
export const outcomes = sameNames<Outcome, Condition_Outcome>(Condition_Outcome);

/** Kinds of actions. */
export const actionKinds = enumMap<ActionSpec["kind"], Action_Kind>({
  task: Action_Kind.TASK,
  condition: Action_Kind.CONDITION,
  trace: Action_Kind.TRACE,
});

/** What must hold of what an action waits for. */
export const requirements = enumMap<Dependency["requirement"], Dependency_Requirement>({
  succeeded: Dependency_Requirement.SUCCEEDED,
  ended: Dependency_Requirement.ENDED,
});

/** How answers come. */
export const answerChannels = enumMap<GivenAnswer["channel"], ConditionAnswer_Channel>({
  call: ConditionAnswer_Channel.CALL,
  link: ConditionAnswer_Channel.LINK,
  default: ConditionAnswer_Channel.DEFAULT,
});

/** What is done to a condition in the inbox. */
export const conditionChanges = enumMap<
  Extract<EventDetail, { readonly kind: "condition_changed" }>["change"],
  ConditionChanged_Kind
>({
  claimed: ConditionChanged_Kind.CLAIMED,
  released: ConditionChanged_Kind.RELEASED,
  delegated: ConditionChanged_Kind.DELEGATED,
  snoozed: ConditionChanged_Kind.SNOOZED,
  woken: ConditionChanged_Kind.WOKEN,
  extended: ConditionChanged_Kind.EXTENDED,
});

/** What becomes of earlier answers. */
export const replays = enumMap<Replay, ConditionReplay>({
  reuse: ConditionReplay.REUSE,
  askAgain: ConditionReplay.ASK_AGAIN,
  requireBoth: ConditionReplay.REQUIRE_BOTH,
});

/** Types that a condition asks its answer to have. */
export const valueTypes = enumMap<ValueType, ValueTypeEnum>({
  bool: ValueTypeEnum.BOOL,
  int: ValueTypeEnum.INT,
  float: ValueTypeEnum.FLOAT,
  string: ValueTypeEnum.STRING,
  json: ValueTypeEnum.JSON,
});

/** Types of the inputs and outputs of ops. */
export const specTypes = enumMap<SpecType, SpecTypeEnum>({
  string: SpecTypeEnum.STRING,
  int: SpecTypeEnum.INT,
  float: SpecTypeEnum.FLOAT,
  bool: SpecTypeEnum.BOOL,
  object: SpecTypeEnum.OBJECT,
  array: SpecTypeEnum.ARRAY,
  any: SpecTypeEnum.ANY,
});

/** Types of the entries of a timeline. */
export const timelineTypes = sameNames<TimelineType, TimelineEntry_Type>(TimelineEntry_Type);

/** How much a log line matters. */
export const logLevels = enumMap<LogLevel, LogLevelEnum>({
  debug: LogLevelEnum.DEBUG,
  info: LogLevelEnum.INFO,
  warn: LogLevelEnum.WARN,
  error: LogLevelEnum.ERROR,
});

/** Kinds of events. */
export const eventKinds = enumMap<EventKind, EventKindEnum>(byLowerCaseName());

function byLowerCaseName(): Readonly<Record<EventKind, EventKindEnum>> {
  const named: Readonly<Record<Uppercase<EventKind> | "UNSPECIFIED", EventKindEnum>> = EventKindEnum;
  const entries = Object.entries(named).filter(([name]) => name !== "UNSPECIFIED");
  return Object.fromEntries(entries.map(([name, value]) => [name.toLowerCase(), value])) as Record<
    EventKind,
    EventKindEnum
  >;
}
