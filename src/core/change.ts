import type { Action, Attempt } from "./action.ts";
import type { Answers, Effect } from "./answer.ts";
import type { CommandKind } from "./command.ts";
import type { WebhookPost } from "./conditions/outbox.ts";
import type { Event } from "./event.ts";
import type { Counter, Limit } from "./limits/limit.ts";
import type { KeptSignal, KeyedSignal, StoredAnswer } from "./loaded.ts";
import type { RunKey } from "./name.ts";
import type { Op } from "./ops/op.ts";
import type { Refusal } from "./refusal.ts";
import type { Run } from "./run.ts";
import type { Session } from "./session.ts";
import type { DeadLetter, Subscription } from "./subscriptions/subscription.ts";

/** That one action waits for another, by whole names. */
export interface Edge {
  readonly run: RunKey;
  readonly from: string;
  readonly to: string;
}

/** Everything that one command writes. Each row stands in it once, as it is to be. */
export interface Change {
  readonly runs: readonly Run[];
  /** Rows that are there already; their `spec` has not changed. */
  readonly actions: readonly Action[];
  readonly newActions: readonly Action[];
  readonly newEdges: readonly Edge[];
  readonly newAttempts: readonly Attempt[];
  readonly keptSignals: readonly KeptSignal[];
  readonly droppedSignals: readonly { readonly run: RunKey; readonly action: string }[];
  readonly keyedSignals: readonly KeyedSignal[];
  readonly droppedKeyedSignals: readonly Pick<KeyedSignal, "namespace" | "correlationKey">[];
  /** Posts of webhooks, as they are to be. */
  readonly posts: readonly WebhookPost[];
  /** By their keys. */
  readonly gonePosts: readonly string[];
  readonly answers: readonly StoredAnswer[];
  readonly droppedAnswers: readonly string[];
  readonly newOps: readonly Op[];
  readonly goneOps: readonly Pick<Op, "namespace" | "name" | "version">[];
  readonly limits: readonly Limit[];
  readonly goneLimits: readonly Pick<Limit, "namespace" | "name">[];
  readonly counters: readonly Counter[];
  /** By their keys. */
  readonly goneCounters: readonly string[];
  readonly subscriptions: readonly Subscription[];
  /** Their dead letters go with them. */
  readonly goneSubscriptions: readonly Pick<Subscription, "namespace" | "name">[];
  readonly deadLetters: readonly DeadLetter[];
  readonly goneDeadLetters: readonly Pick<DeadLetter, "namespace" | "subscription" | "position">[];
  readonly sessions: readonly Session[];
  readonly goneSessions: readonly string[];
  /** The transactions of the feed up to this position, where one ends, are removed; undefined for none. */
  readonly feedTrimmedThrough: number | undefined;
  /** In order; one transaction of the feed. Empty leaves the feed as it is. */
  readonly events: readonly Event[];
}

/** What the rules say to a command: a refusal that changes nothing, or a change with its answer. */
export type Decision<K extends CommandKind = CommandKind> =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly change: Change;
      readonly answer: Answers[K];
      readonly effects: readonly Effect[];
    };
