import type { Action } from "./action.ts";
import type { RunKey } from "./name.ts";
import type { Op } from "./op.ts";
import type { Run } from "./run.ts";
import type { Session } from "./session.ts";
import type { Value } from "./value.ts";

/** A signal that came before its condition. */
export interface KeptSignal {
  readonly run: RunKey;
  readonly action: string;
  readonly value: Value;
  readonly signalledBy: string;
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
  answer(key: string): StoredAnswer | undefined;
  /** The oldest stored answers from before a time. */
  answersBefore(timeMs: number, limit: number): readonly string[];
  /** A version of an op, or the latest for 0. */
  op(namespace: string, name: string, version: number): Op | undefined;
  session(id: string): Session | undefined;
  sessionOf(namespace: string, workerId: string): Session | undefined;
  sessions(): readonly Session[];
  /** The actions that a session holds. */
  heldBy(sessionId: string): readonly Action[];
  /** Queued tasks of an op: highest priority first, then oldest, then by run and name. */
  queued(namespace: string, op: string, limit: number): readonly Action[];
}

/** The key of a stored answer. */
export function requestKey(namespace: string, kind: string, requestId: string): string {
  return `${namespace}/${kind}/${requestId}`;
}
