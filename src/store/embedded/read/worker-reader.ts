import type { Action } from "../../../core/action.ts";
import { namespaceOf } from "../../../core/name.ts";
import type { Session } from "../../../core/session.ts";
import { holdersScanMax, queueShapesCountedMax } from "../../../limits.ts";
import { placeParts, scanPage } from "../../scan.ts";
import type { Page, Store } from "../../store.ts";
import { type ActionRow, actionOfRow, actionRowNames } from "../rows/action-row.ts";
import { namesOf, parsedOrNone } from "../rows/columns.ts";
import { type SessionRow, sessionColumns, sessionOfRow } from "../rows/worker-row.ts";
import { isLabelled } from "./run-reader.ts";
import type { Statements } from "./statements.ts";

const sessionNames = namesOf(sessionColumns);
const sessionOfSql = `SELECT ${sessionNames} FROM sessions WHERE namespace = ? AND worker_id = ?`;
const sessionsSql = `SELECT ${sessionNames} FROM sessions WHERE (namespace, worker_id) > (?, ?)
  ORDER BY namespace, worker_id`;
const sessionsOfNamespaceSql = `SELECT ${sessionNames} FROM sessions WHERE namespace = ? AND worker_id > ?
  ORDER BY worker_id`;

const heldSql = `SELECT ${actionRowNames} FROM actions WHERE session_id = ? ORDER BY run, name LIMIT ?`;
const heldCountSql = "SELECT count(*) AS count FROM actions WHERE session_id = ?";
const holdersSql = `SELECT run, name, holds FROM (
    SELECT run, name, holds FROM actions WHERE session_id > '' ORDER BY session_id, run, name LIMIT ?
  ) WHERE instr(holds, ?) > 0`;
const actionSql = `SELECT ${actionRowNames} FROM actions WHERE run = ? AND name = ?`;

const ofOp = "namespace = ?1 AND op = ?2";
const nextShapeSql = `SELECT queue_shape AS shape FROM actions WHERE ${ofOp} AND queue_shape >= ?3
  ORDER BY queue_shape LIMIT 1`;
const placeInShapeSql = `SELECT count(*) AS count FROM (
  SELECT 1 FROM (SELECT 1 FROM actions WHERE ${ofOp} AND queue_shape = ?8 AND priority > ?3 LIMIT ?7)
  UNION ALL
  SELECT 1 FROM (SELECT 1 FROM actions
    WHERE ${ofOp} AND queue_shape = ?8 AND priority = ?3 AND (age_ms, run, name) < (?4, ?5, ?6) LIMIT ?7)
  LIMIT ?7)`;

/** Reads workers' sessions, what they hold, and what waits for them. */
export class WorkerReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  sessionOf(namespace: string, workerId: string): Session | undefined {
    const row = this.#statements.get<SessionRow>(sessionOfSql, namespace, workerId);
    return row === undefined ? undefined : sessionOfRow(row);
  }

  list({ namespace, labels, after, limit }: Parameters<Store["listSessions"]>[0]): Page<Session, string> {
    const place = placeParts(after);
    const rows =
      namespace === undefined
        ? this.#statements.each<SessionRow>(sessionsSql, place.namespace, place.name)
        : this.#statements.each<SessionRow>(sessionsOfNamespaceSql, namespace, place.name);
    const page = scanPage({
      rows,
      limit,
      matches: (row) => isLabelled(row.labels, labels),
      placeOf: (row) => `${row.namespace}/${row.worker_id}`,
    });
    return { items: page.items.map(sessionOfRow), next: page.next };
  }

  /** The first actions that a session holds, by run and name. */
  held(sessionId: string, limit: number): readonly Action[] {
    return this.#statements.all<ActionRow>(heldSql, sessionId, limit).map(actionOfRow);
  }

  heldCount(sessionId: string): number {
    return this.#statements.get<{ count: number }>(heldCountSql, sessionId)?.count ?? 0;
  }

  /** Held actions with a place in a counter: the first ones by session, run and name. */
  holders(counter: string, count: number): readonly Action[] {
    const holders: Action[] = [];
    if (count === 0) return holders;
    type Row = { readonly run: string; readonly name: string; readonly holds: string };
    for (const row of this.#statements.each<Row>(holdersSql, holdersScanMax, JSON.stringify(counter))) {
      if (!parsedOrNone<string>(row.holds).includes(counter)) continue;
      const action = this.#statements.get<ActionRow>(actionSql, row.run, row.name);
      if (action !== undefined) holders.push(actionOfRow(action));
      if (holders.length >= count) break;
    }
    return holders;
  }

  /** How many queued actions of an action's op come before it, counted up to a limit. */
  queuePlace(action: Action, limit: number): number {
    const op = action.spec.kind === "task" ? action.spec.op : "";
    const { run, name, priority, ageMs } = action;
    const namespace = namespaceOf(run);
    let count = 0;
    let shape = this.#shapeFrom(namespace, op, "");
    for (let index = 0; index < queueShapesCountedMax && shape !== undefined; index += 1) {
      const place = [namespace, op, priority, ageMs, run, name, limit - count, shape] as const;
      count += this.#statements.get<{ count: number }>(placeInShapeSql, ...place)?.count ?? 0;
      if (count >= limit) break;
      // The least text that comes behind it.
      shape = this.#shapeFrom(namespace, op, `${shape}\u0000`);
    }
    return count;
  }

  #shapeFrom(namespace: string, op: string, from: string): string | undefined {
    return this.#statements.get<{ shape: string }>(nextShapeSql, namespace, op, from)?.shape;
  }
}
