import type { StoredAnswer } from "../../../core/loaded.ts";
import {
  type Capacity,
  noCapacity,
  nothingReserved,
  type Reserved,
  type Taint,
} from "../../../core/placement/demand.ts";
import type { Labels } from "../../../core/run.ts";
import type { Session, SessionState } from "../../../core/session.ts";
import type { Column, Nullable } from "./columns.ts";
import { listOrNothing, parsed, parsedOrNone, parsedOrUndefined } from "./columns.ts";

/** A row of `sessions`. */
export interface SessionRow {
  readonly id: string;
  readonly namespace: string;
  readonly worker_id: string;
  readonly incarnation: string;
  readonly state: string;
  readonly is_draining: number;
  readonly attach_ms: number;
  readonly lease_end_ms: number;
  readonly ops: string;
  readonly labels: string;
  readonly capacity: Nullable<string>;
  readonly taints: Nullable<string>;
  readonly shared_namespaces: Nullable<string>;
  readonly reserved: Nullable<string>;
}

/** All of a session. */
export const sessionColumns: readonly Column<Session>[] = [
  ["id", (session) => session.id],
  ["namespace", (session) => session.namespace],
  ["worker_id", (session) => session.workerId],
  ["incarnation", (session) => session.incarnation],
  ["state", (session) => session.state],
  ["is_draining", (session) => session.isDraining],
  ["attach_ms", (session) => session.attachTimeMs],
  ["lease_end_ms", (session) => session.leaseEndMs],
  ["ops", (session) => session.ops],
  ["labels", (session) => session.labels],
  ["capacity", (session) => (isNoCapacity(session.capacity) ? undefined : session.capacity)],
  ["taints", (session) => listOrNothing(session.taints)],
  ["shared_namespaces", (session) => listOrNothing(session.sharedNamespaces)],
  ["reserved", (session) => (isNothing(session.reserved) ? undefined : session.reserved)],
];

function isNoCapacity({ cpuMilli, ramMb, devices }: Capacity): boolean {
  return cpuMilli === undefined && ramMb === undefined && devices.length === 0;
}

function isNothing({ cpuMilli, ramMb, devices }: Reserved): boolean {
  return cpuMilli === 0 && ramMb === 0 && devices.length === 0;
}

/** The session that a row says. */
export function sessionOfRow(row: SessionRow): Session {
  return {
    id: row.id,
    namespace: row.namespace,
    workerId: row.worker_id,
    incarnation: row.incarnation,
    ops: parsed<readonly string[]>(row.ops),
    labels: parsed<Labels>(row.labels),
    capacity: parsedOrUndefined<Capacity>(row.capacity) ?? noCapacity,
    taints: parsedOrNone<Taint>(row.taints),
    sharedNamespaces: parsedOrNone<string>(row.shared_namespaces),
    reserved: parsedOrUndefined<Reserved>(row.reserved) ?? nothingReserved,
    state: row.state as SessionState,
    isDraining: row.is_draining === 1,
    attachTimeMs: row.attach_ms,
    leaseEndMs: row.lease_end_ms,
  };
}

/** A row of `answers`. */
export interface AnswerRow {
  readonly key: string;
  readonly digest: string;
  readonly time_ms: number;
  readonly answer: string;
}

/** All of a stored answer. */
export const answerColumns: readonly Column<StoredAnswer>[] = [
  ["key", (stored) => stored.key],
  ["digest", (stored) => stored.digest],
  ["time_ms", (stored) => stored.timeMs],
  ["answer", (stored) => JSON.stringify(stored.answer)],
];

/** The stored answer that a row says. */
export function answerOfRow(row: AnswerRow): StoredAnswer {
  return { key: row.key, digest: row.digest, timeMs: row.time_ms, answer: parsed<unknown>(row.answer) };
}
