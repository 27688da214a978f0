import type { DatabaseSync } from "node:sqlite";
import type { Action, ActionState, Attempt } from "../../../core/action.ts";
import type { Due } from "../../../core/command.ts";
import { namespaceOf, type RunKey } from "../../../core/name.ts";
import type { Op } from "../../../core/ops/op.ts";
import type { Session } from "../../../core/session.ts";
import { attemptsListedMax } from "../../../limits.ts";
import { scanPage } from "../../scan.ts";
import type { ActionQuery, Page, Store } from "../../store.ts";
import {
  type ActionRow,
  type AttemptRow,
  actionOfRow,
  actionRowNames,
  attemptColumns,
  attemptOfRow,
} from "../rows/action-row.ts";
import { namesOf } from "../rows/columns.ts";
import {
  type OpRow,
  opColumns,
  opOfRow,
  type SessionRow,
  sessionColumns,
  sessionOfRow,
} from "../rows/worker-row.ts";
import { ConditionReader } from "./condition-reader.ts";
import { FeedReader } from "./feed-reader.ts";
import { RunReader } from "./run-reader.ts";
import { Statements } from "./statements.ts";

const actionSql = `SELECT ${actionRowNames} FROM actions WHERE run = ? AND name = ?`;
const scannedActionsSql = "SELECT name, state FROM actions WHERE run = ? AND name > ? ORDER BY name";
const attemptsSql = `SELECT ${namesOf(attemptColumns)} FROM attempts WHERE run = ? AND action = ?
  ORDER BY number DESC LIMIT ?`;

const opNames = namesOf(opColumns);
const opSql = `SELECT ${opNames} FROM ops WHERE namespace = ? AND name = ? AND version = ?`;
const latestOpSql = `SELECT ${opNames} FROM ops WHERE namespace = ? AND name = ? ORDER BY version DESC LIMIT 1`;
const opNameAfterSql = "SELECT name FROM ops WHERE namespace = ? AND name > ? ORDER BY name LIMIT 1";

const sessionNames = namesOf(sessionColumns);
const sessionOfSql = `SELECT ${sessionNames} FROM sessions WHERE namespace = ? AND worker_id = ?`;
const sessionsSql = `SELECT ${sessionNames} FROM sessions WHERE (namespace, worker_id) > (?, ?)
  ORDER BY namespace, worker_id`;
const sessionsOfNamespaceSql = `SELECT ${sessionNames} FROM sessions WHERE namespace = ? AND worker_id > ?
  ORDER BY worker_id`;
const heldCountSql = "SELECT count(*) AS count FROM actions WHERE session_id = ?";

const queuePlaceSql = `SELECT count(*) AS count FROM (
  SELECT 1 FROM (SELECT 1 FROM actions
    WHERE state = 'QUEUED' AND namespace = ?1 AND op = ?2 AND priority > ?3 LIMIT ?7)
  UNION ALL
  SELECT 1 FROM (SELECT 1 FROM actions
    WHERE state = 'QUEUED' AND namespace = ?1 AND op = ?2 AND priority = ?3
      AND (age_ms, run, name) < (?4, ?5, ?6)
    LIMIT ?7)
  LIMIT ?7)`;

const dueActionsSql = `SELECT due_ms AS at, run, name FROM actions WHERE due_ms IS NOT NULL
  ORDER BY due_ms, run, name LIMIT ?`;
const dueRunsSql = "SELECT due_ms AS at, key FROM runs WHERE due_ms IS NOT NULL ORDER BY due_ms, key LIMIT ?";
const dueSessionsSql = "SELECT lease_end_ms AS at, id FROM sessions ORDER BY lease_end_ms, id LIMIT ?";

/** Reads from a database beside the one who writes; every method takes a short and bounded time. */
export class Reader {
  readonly runs: RunReader;
  readonly conditions: ConditionReader;
  readonly feed: FeedReader;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = new Statements(database);
    this.runs = new RunReader(this.#statements);
    this.conditions = new ConditionReader(this.#statements);
    this.feed = new FeedReader(this.#statements);
  }

  action(run: RunKey, name: string): Action | undefined {
    const row = this.#statements.get<ActionRow>(actionSql, run, name);
    return row === undefined ? undefined : actionOfRow(row);
  }

  listActions({ run, states, after, limit }: ActionQuery): Page<Action, string> {
    const page = scanPage({
      rows: this.#statements.each<{ name: string; state: string }>(scannedActionsSql, run, after ?? ""),
      limit,
      matches: (row) => states.length === 0 || states.includes(row.state as ActionState),
      placeOf: (row) => row.name,
    });
    const actions = page.items.map((row) => this.action(run, row.name));
    return { items: actions.filter((action) => action !== undefined), next: page.next };
  }

  listAttempts(run: RunKey, name: string): readonly Attempt[] {
    const rows = this.#statements.all<AttemptRow>(attemptsSql, run, name, attemptsListedMax);
    return rows.map(attemptOfRow).reverse();
  }

  op(namespace: string, name: string, version: number): Op | undefined {
    const row =
      version === 0
        ? this.#statements.get<OpRow>(latestOpSql, namespace, name)
        : this.#statements.get<OpRow>(opSql, namespace, name, version);
    return row === undefined ? undefined : opOfRow(row);
  }

  listOps({ namespace, after, limit }: Parameters<Store["listOps"]>[0]): Page<Op, string> {
    const rows = this.#latestOps(namespace, after ?? "");
    return scanPage({ rows, limit, matches: () => true, placeOf: (op) => op.name });
  }

  sessionOf(namespace: string, workerId: string): Session | undefined {
    const row = this.#statements.get<SessionRow>(sessionOfSql, namespace, workerId);
    return row === undefined ? undefined : sessionOfRow(row);
  }

  listSessions({ namespace, after, limit }: Parameters<Store["listSessions"]>[0]): Page<Session, string> {
    const slash = after?.indexOf("/") ?? 0;
    const place = [after?.slice(0, slash) ?? "", after?.slice(slash + 1) ?? ""] as const;
    const rows =
      namespace === undefined
        ? this.#statements.each<SessionRow>(sessionsSql, ...place)
        : this.#statements.each<SessionRow>(sessionsOfNamespaceSql, namespace, place[1]);
    const page = scanPage({
      rows,
      limit,
      matches: () => true,
      placeOf: (row) => `${row.namespace}/${row.worker_id}`,
    });
    return { items: page.items.map(sessionOfRow), next: page.next };
  }

  heldCount(sessionId: string): number {
    return this.#statements.get<{ count: number }>(heldCountSql, sessionId)?.count ?? 0;
  }

  queuePlace(action: Action, limit: number): number {
    const op = action.spec.kind === "task" ? action.spec.op : "";
    const { run, name, priority, ageMs } = action;
    const place = [namespaceOf(run), op, priority, ageMs, run, name, limit] as const;
    return this.#statements.get<{ count: number }>(queuePlaceSql, ...place)?.count ?? 0;
  }

  due(nowMs: number, limit: number): Awaited<ReturnType<Store["due"]>> {
    const found: { readonly at: number; readonly due: Due }[] = [];
    type Row = {
      readonly at: number;
      readonly run: string;
      readonly name: string;
      readonly key: string;
      id: string;
    };
    for (const { at, run, name } of this.#statements.all<Row>(dueActionsSql, limit + 1)) {
      found.push({ at, due: { kind: "action", run: run as RunKey, action: name } });
    }
    for (const { at, key } of this.#statements.all<Row>(dueRunsSql, limit + 1)) {
      found.push({ at, due: { kind: "run", run: key as RunKey } });
    }
    for (const { at, id } of this.#statements.all<Row>(dueSessionsSql, limit + 1)) {
      found.push({ at, due: { kind: "session", sessionId: id } });
    }
    found.sort((one, other) => one.at - other.at);
    const count = found.slice(0, limit).filter(({ at }) => at <= nowMs).length;
    return { due: found.slice(0, count).map(({ due }) => due), nextMs: found[count]?.at };
  }

  close(): void {
    this.#database.close();
  }

  *#latestOps(namespace: string, after: string): Iterable<Op> {
    let name: string | undefined = after;
    while (name !== undefined) {
      name = this.#statements.get<{ name: string }>(opNameAfterSql, namespace, name)?.name;
      const op = name === undefined ? undefined : this.op(namespace, name, 0);
      if (op !== undefined) yield op;
    }
  }
}
