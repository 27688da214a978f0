import type { Action } from "./action.ts";
import type { WebhookPost } from "./conditions/outbox.ts";
import type { Answerer } from "./conditions/standing.ts";
import type { Counter, Limit } from "./limits/limit.ts";
import type { RunKey } from "./name.ts";
import type { Op } from "./ops/op.ts";
import type { Run } from "./run.ts";
import type { Session } from "./session.ts";
import type { DeadLetter, Subscription } from "./subscriptions/subscription.ts";
import type { Value } from "./value.ts";

/** A signal that came before its condition. */
export interface KeptSignal {
  readonly run: RunKey;
  readonly action: string;
  readonly value: Value;
  readonly by: Answerer;
  readonly timeMs: number;
}

/** A signal that came for a correlation key before a condition with it was open. */
export interface KeyedSignal {
  readonly namespace: string;
  readonly correlationKey: string;
  readonly value: Value;
  readonly by: Answerer;
  readonly timeMs: number;
  /** When it is dropped. */
  readonly expireMs: number;
}

/** A transaction of the feed, without its events. */
export interface KeptTransaction {
  /** The position of its last event. */
  readonly last: number;
  readonly timeMs: number;
}

/** The first answer to a request id: `answer` is what the command answered, as it stood then. */
export interface StoredAnswer {
  /** Namespace, kind of command and request id, joined; see `requestKey`. */
  readonly key: string;
  readonly digest: string;
  readonly answer: unknown;
  readonly timeMs: number;
}

/**
 * What the rules may look at: the state before the command, as values. Reading twice gives the same. Every
 * list is in the order said; none is changed by the caller.
 */
export interface Loaded {
  run(key: RunKey): Run | undefined;
  action(run: RunKey, name: string): Action | undefined;
  /** The children of an action (or the top of the run, for ""), by name. */
  children(run: RunKey, parent: string): readonly Action[];
  /** The whole names of the actions that depend on one, by name. */
  dependents(run: RunKey, name: string): readonly string[];
  /** All actions of a run, by name. */
  actions(run: RunKey): readonly Action[];
  keptSignal(run: RunKey, action: string): KeptSignal | undefined;
  keptSignals(run: RunKey): readonly KeptSignal[];
  /** The signal that is kept for a correlation key. */
  keyedSignal(namespace: string, correlationKey: string): KeyedSignal | undefined;
  keyedSignalCount(namespace: string): number;
  /** Conditions of a namespace that are PAUSED and have a correlation key, by run and name. */
  openByKey(namespace: string, correlationKey: string, limit: number): readonly Action[];
  /** A post of a condition's webhook that was neither taken nor given up. */
  post(key: string): WebhookPost | undefined;
  answer(key: string): StoredAnswer | undefined;
  /** The oldest stored answers from before a time. */
  answersBefore(timeMs: number, limit: number): readonly string[];
  /** A version of an op, or the latest for 0. */
  op(namespace: string, name: string, version: number): Op | undefined;
  /** All versions of an op, the first one first. */
  opVersions(namespace: string, name: string): readonly Op[];
  /** The highest version that an op has ever had, also when it is deleted; 0 for none. */
  lastOpVersion(namespace: string, name: string): number;
  /** A task of a registered op (of a version, or of any for 0) that has not ended, if there is one. */
  liveTaskOf(namespace: string, op: string, version: number): Action | undefined;
  session(id: string): Session | undefined;
  sessionOf(namespace: string, workerId: string): Session | undefined;
  sessions(): readonly Session[];
  /** The actions that a session holds. */
  heldBy(sessionId: string): readonly Action[];
  /** The shapes ("" for no demand) of the queued tasks of an op that are not parked, in order. */
  queuedShapes(namespace: string, op: string): readonly string[];
  /** Those of one shape: highest priority first, then oldest, then by run and name. */
  queued(namespace: string, op: string, shape: string, limit: number): readonly Action[];
  /** The tasks parked on a counter, in the order of the queue. */
  parked(counter: string, limit: number): readonly Action[];
  /** The limits of a namespace, by name. */
  limits(namespace: string): readonly Limit[];
  counter(key: string): Counter | undefined;
  /** The counters of a limit, by key. */
  countersOf(namespace: string, limit: string): readonly Counter[];
  subscription(namespace: string, name: string): Subscription | undefined;
  subscriptionCount(): number;
  /** All of them, by namespace and name. */
  allSubscriptions(): readonly Subscription[];
  /** What a subscription set aside, the oldest event first. */
  deadLetters(namespace: string, subscription: string, limit: number): readonly DeadLetter[];
  deadLetter(namespace: string, subscription: string, position: number): DeadLetter | undefined;
  /** The position behind which all of the feed is kept. */
  feedOldest(): number;
  /** The position of the last event of the feed, 0 for none. */
  feedHead(): number;
  /** The oldest transactions of the feed that are kept, in order. */
  oldestTransactions(limit: number): readonly KeptTransaction[];
  /** Leases get epochs above this: those below may have been given before the store was put back. */
  epochBase(): number;
}

/** The key of a stored answer. */
export function requestKey(namespace: string, kind: string, requestId: string): string {
  return `${namespace}/${kind}/${requestId}`;
}
