import type { ActionError, ActionSpec, ActionState } from "./action.ts";
import type { WebhookPost } from "./conditions/outbox.ts";
import type { GivenAnswer } from "./conditions/standing.ts";
import type { Delivery, Labels, RunState } from "./run.ts";
import type { Json, Value, Values, ValueType } from "./value.ts";

/** An event's place in the feed: grows with commit order, from 1, without holes. */
export type Position = bigint & { readonly brand: "Position" };

/** What happened, by kind; the proto message of the same name says when each occurs. */
export type EventDetail =
  | {
      readonly kind: "run_created";
      readonly priority: number;
      readonly actionCount: number;
      /** Undefined in events from before there were callers. */
      readonly createdBy: string | undefined;
      /** Undefined for a run that does none over. */
      readonly rerunOf: string | undefined;
    }
  | { readonly kind: "run_updated"; readonly priority: number; readonly labels: Labels }
  | { readonly kind: "run_started" }
  | { readonly kind: "run_cancel_requested"; readonly cause: string }
  | { readonly kind: "run_retried"; readonly retryCount: number }
  | {
      readonly kind: "run_ended";
      readonly state: RunState;
      readonly error: ActionError | undefined;
      readonly outputs: Values | undefined;
    }
  | {
      readonly kind: "action_created";
      readonly actionKind: ActionSpec["kind"];
      readonly state: ActionState;
      readonly parent: string;
      readonly op: string;
      /** The earlier run whose action it stands for, if it is RECOVERED. */
      readonly recoveredFrom: string | undefined;
    }
  | { readonly kind: "action_queued" }
  | {
      readonly kind: "action_assigned";
      readonly workerId: string;
      readonly epoch: number;
      readonly deviceIndexes: readonly number[];
    }
  | { readonly kind: "action_started"; readonly workerId: string; readonly epoch: number }
  | { readonly kind: "action_progressed"; readonly percent: number; readonly message: string }
  | { readonly kind: "action_logged"; readonly level: LogLevel; readonly message: string }
  | {
      readonly kind: "attempt_failed";
      readonly state: "FAILED" | "TIMED_OUT";
      readonly error: ActionError;
      readonly retryTimeMs: number;
    }
  | { readonly kind: "action_returned"; readonly cause: string }
  | { readonly kind: "action_cancel_requested"; readonly cause: string }
  | {
      readonly kind: "action_ended";
      readonly state: ActionState;
      readonly outputs: Values | undefined;
      readonly error: ActionError | undefined;
      readonly epoch: number;
      /** Why somebody other than its worker ended it; "" if nobody did. */
      readonly cause: string;
    }
  | { readonly kind: "action_reopened"; readonly state: ActionState }
  | {
      readonly kind: "condition_paused";
      readonly type: ValueType;
      readonly prompt: string;
      readonly deadlineMs: number | undefined;
      /** Undefined for the first. */
      readonly instance: number | undefined;
      readonly assignee: string | undefined;
      readonly correlationKey: string | undefined;
    }
  | {
      readonly kind: "condition_answered";
      readonly value: Value;
      readonly signalledBy: string;
      readonly defaulted: boolean;
      /** Undefined in events from before it was kept. */
      readonly answer: GivenAnswer | undefined;
    }
  | {
      readonly kind: "signal_kept";
      readonly value: Value;
      readonly signalledBy: string;
      readonly subject: string | undefined;
      /** For one that names no run. */
      readonly correlationKey: string | undefined;
      readonly expireMs: number | undefined;
    }
  | {
      readonly kind: "signal_dropped";
      readonly cause: string;
      readonly correlationKey: string | undefined;
    }
  | {
      readonly kind: "answer_given";
      readonly answer: GivenAnswer;
      readonly answerCount: number;
      readonly requiredCount: number;
    }
  | {
      readonly kind: "condition_changed";
      readonly change: "claimed" | "released" | "delegated" | "snoozed" | "woken" | "extended";
      /** "" if the time had come. */
      readonly subject: string;
      readonly assignee: string;
      readonly snoozeEndMs: number | undefined;
      readonly deadlineMs: number | undefined;
    }
  | {
      readonly kind: "condition_escalated";
      /** From 1. */
      readonly step: number;
      readonly notify: readonly string[];
      readonly assignee: string;
    }
  | {
      readonly kind: "webhook_posted";
      readonly about: WebhookPost["about"];
      readonly deliveryCount: number;
      /** What the last try said; "" if it was taken. */
      readonly cause: string;
    }
  | { readonly kind: "link_refused"; readonly cause: string; readonly origin: string }
  | {
      readonly kind: "worker_attached";
      readonly workerId: string;
      readonly sessionId: string;
      readonly ops: readonly string[];
      readonly keptCount: number;
    }
  | { readonly kind: "worker_draining"; readonly workerId: string }
  | {
      readonly kind: "worker_left";
      readonly workerId: string;
      readonly sessionId: string;
      readonly cause: string;
    }
  | { readonly kind: "op_registered"; readonly op: string; readonly version: number }
  | { readonly kind: "op_deleted"; readonly op: string; readonly version: number }
  | { readonly kind: "limit_set"; readonly limit: string; readonly concurrentMax: number }
  | { readonly kind: "limit_deleted"; readonly limit: string }
  | { readonly kind: "subscription_created"; readonly subscription: string }
  | { readonly kind: "subscription_deleted"; readonly subscription: string }
  | {
      readonly kind: "event_dead_lettered";
      readonly subscription: string;
      readonly position: number;
      readonly deliveryCount: number;
      readonly cause: string;
    }
  | ({ readonly kind: "published" } & Published);

/** How much a log line matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Something that a service or a worker says on its own account. */
export interface Published {
  readonly source: string;
  readonly type: string;
  readonly attributes: Labels;
  readonly payload: Json | undefined;
}

/** The name of a kind of event. */
export type EventKind = EventDetail["kind"];

/** An immutable fact, before the store has given it its position. `runId` and `action` are "" for none. */
export interface Event {
  readonly timeMs: number;
  readonly namespace: string;
  readonly runId: string;
  readonly action: string;
  readonly attempt: number;
  readonly runLabels: Labels;
  /** Where it goes beside the feed. */
  readonly delivery: Delivery | undefined;
  readonly detail: EventDetail;
}

/** The events of one transaction; the first has position `first`, the others follow without a hole. */
export interface Transaction {
  readonly first: Position;
  readonly events: readonly Event[];
}

/** The position of the last event of a transaction: where a reader of it goes on. */
export function lastPosition(transaction: Transaction): Position {
  return (transaction.first + BigInt(transaction.events.length) - 1n) as Position;
}
