import type { JsonValue } from "@bufbuild/protobuf";
import type {
  ConditionChanged_Kind as ChangeKinds,
  LogLevel as LogLevels,
} from "../../../gen/signalbox/v1/event_pb.ts";
import type { ConditionType, JsValue, JsValues } from "../js-value.ts";
import type { ActionError, ActionKind, ActionState } from "./action.ts";
import type { ConditionAnswer } from "./condition.ts";
import type { NameOf } from "./name.ts";
import type { RunState } from "./run.ts";

/** How much a log line matters. */
export type LogLevel = NameOf<typeof LogLevels>;

type None = Readonly<Record<never, never>>;
type Cause = { readonly cause: string };
type Leased = { readonly workerId: string; readonly epoch: bigint };
type OfSubscription = { readonly subscription: string };
type Session = { readonly workerId: string; readonly sessionId: string };
type Ended<S> = {
  readonly state: S;
  readonly error: ActionError | undefined;
  readonly outputs: Readonly<JsValues>;
};

/** What the event of each kind says; the contract (event.proto) tells what each means. */
export interface EventDetails {
  readonly RUN_CREATED: {
    readonly priority: number;
    readonly actionCount: number;
    readonly createdBy: string;
    /** The run that it does over; empty for none. */
    readonly rerunOf: string;
  };
  readonly RUN_UPDATED: { readonly priority: number; readonly labels: Readonly<Record<string, string>> };
  readonly RUN_STARTED: None;
  readonly RUN_CANCEL_REQUESTED: Cause;
  readonly RUN_RETRIED: { readonly retryCount: number };
  readonly RUN_ENDED: Ended<RunState>;
  readonly ACTION_CREATED: {
    readonly kind: ActionKind;
    readonly state: ActionState;
    readonly parent: string;
    readonly op: string;
    /** The earlier run whose action it stands for, if it is RECOVERED. */
    readonly recoveredFrom: string;
  };
  readonly ACTION_QUEUED: None;
  readonly ACTION_ASSIGNED: Leased & { readonly deviceIndexes: readonly number[] };
  readonly ACTION_STARTED: Leased;
  readonly ACTION_PROGRESSED: { readonly percent: number; readonly message: string };
  readonly ACTION_LOGGED: { readonly level: LogLevel; readonly message: string };
  readonly ATTEMPT_FAILED: Omit<Ended<ActionState>, "outputs"> & { readonly retryTime: Date | undefined };
  readonly ACTION_RETURNED: Cause;
  readonly ACTION_CANCEL_REQUESTED: Cause;
  readonly ACTION_ENDED: Ended<ActionState> & Cause & { readonly epoch: bigint };
  readonly ACTION_REOPENED: { readonly state: ActionState };
  readonly CONDITION_PAUSED: {
    readonly type: ConditionType | undefined;
    readonly prompt: string;
    readonly deadlineTime: Date | undefined;
    readonly instance: number;
    readonly assignee: string;
    readonly correlationKey: string;
  };
  readonly CONDITION_ANSWERED: {
    readonly value: JsValue;
    readonly signalledBy: string;
    readonly defaulted: boolean;
    readonly answer: ConditionAnswer | undefined;
  };
  readonly SIGNAL_KEPT: {
    readonly value: JsValue;
    readonly signalledBy: string;
    readonly subject: string;
    readonly correlationKey: string;
    readonly expireTime: Date | undefined;
  };
  readonly SIGNAL_DROPPED: Cause & { readonly correlationKey: string };
  readonly ANSWER_GIVEN: {
    readonly answer: ConditionAnswer | undefined;
    readonly answerCount: number;
    readonly requiredCount: number;
  };
  readonly CONDITION_CHANGED: {
    readonly change: NameOf<typeof ChangeKinds>;
    /** By whom; empty if the time had come. */
    readonly subject: string;
    readonly assignee: string;
    readonly snoozeEndTime: Date | undefined;
    readonly deadlineTime: Date | undefined;
  };
  readonly CONDITION_ESCALATED: {
    readonly step: number;
    readonly notify: readonly string[];
    readonly assignee: string;
  };
  readonly WEBHOOK_POSTED: Cause & { readonly about: string; readonly deliveryCount: number };
  readonly LINK_REFUSED: Cause & { readonly origin: string };
  readonly WORKER_ATTACHED: Session & { readonly ops: readonly string[]; readonly keptCount: number };
  readonly WORKER_DRAINING: { readonly workerId: string };
  readonly WORKER_LEFT: Session & Cause;
  readonly OP_REGISTERED: { readonly op: string; readonly version: number };
  readonly OP_DELETED: { readonly op: string; readonly version: number };
  readonly LIMIT_SET: { readonly limit: string; readonly concurrentMax: number };
  readonly LIMIT_DELETED: { readonly limit: string };
  readonly SUBSCRIPTION_CREATED: OfSubscription;
  readonly SUBSCRIPTION_DELETED: OfSubscription;
  readonly EVENT_DEAD_LETTERED: OfSubscription &
    Cause & { readonly eventId: string; readonly deliveryCount: number };
  readonly PUBLISHED: {
    readonly source: string;
    readonly type: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly payload: JsonValue;
  };
  /** Of a kind that this version does not know. */
  readonly UNSPECIFIED: None;
}

/** What happened. */
export type EventKind = keyof EventDetails;
