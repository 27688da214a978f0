import type { Action } from "../action.ts";
import { queueKey } from "../command.ts";
import type { Session } from "../session.ts";
import type { Demand, Reserved } from "./demand.ts";
import { reserve } from "./reserve.ts";

/** A session that permits assignments, as it stands while one command makes them. */
export interface Taker {
  readonly session: Session;
  /** What is left of its credit. */
  credit: number;
  /** What is reserved of it by now. */
  reserved: Reserved;
  /** Grows with each change of `reserved`. */
  version: number;
}

/** A session before anything is assigned to it. */
export function newTaker(session: Session, credit: number): Taker {
  return { session, credit, reserved: session.reserved, version: 0 };
}

/** The queues that a session takes from: those of its ops in its own namespace and in those it shares. */
export function queuesOf({ namespace, sharedNamespaces, ops }: Session): readonly string[] {
  if (sharedNamespaces.length === 0) return ops.map((op) => queueKey(namespace, op));
  const namespaces = [...new Set([namespace, ...sharedNamespaces])];
  return namespaces.flatMap((one) => ops.map((op) => queueKey(one, op)));
}

/** Takes from a session what an assignment costs. */
export function charge(taker: Taker, demand: Demand | undefined, deviceIndexes: readonly number[]): void {
  taker.credit -= 1;
  if (demand === undefined) return;
  taker.reserved = reserve(taker.reserved, demand, deviceIndexes);
  taker.version += 1;
}

/**
 * True if one queued task comes before another: within a namespace the higher priority, then the older, then
 * by run and name; between namespaces, whose priorities say nothing of each other, the older.
 */
export function comesBefore(one: Action, other: Action): boolean {
  if (one.priority !== other.priority && isSameNamespace(one, other)) return one.priority > other.priority;
  if (one.ageMs !== other.ageMs) return one.ageMs < other.ageMs;
  return one.run === other.run ? one.name < other.name : one.run < other.run;
}

function isSameNamespace(one: Action, other: Action): boolean {
  const slash = one.run.indexOf("/") + 1;
  return one.run === other.run || other.run.startsWith(one.run.slice(0, slash));
}
