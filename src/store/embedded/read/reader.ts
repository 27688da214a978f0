import type { DatabaseSync } from "node:sqlite";
import type { Action, ActionState, Attempt } from "../../../core/action.ts";
import { assert } from "../../../core/assert.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Due } from "../../../core/stated.ts";
import { attemptsListedMax } from "../../../limits.ts";
import { scanPage } from "../../scan.ts";
import type { ActionQuery, Page, PostPage, Store } from "../../store.ts";
import {
  type ActionRow,
  type AttemptRow,
  actionOfRow,
  actionRowNames,
  attemptColumns,
  attemptOfRow,
} from "../rows/action-row.ts";
import { namesOf } from "../rows/columns.ts";
import { type PostRow, postColumns, postOfRow } from "../rows/decision-row.ts";
import { ConditionReader } from "./condition-reader.ts";
import { FeedReader } from "./feed-reader.ts";
import { LimitReader } from "./limit-reader.ts";
import { OpReader } from "./op-reader.ts";
import { RunReader } from "./run-reader.ts";
import { Statements } from "./statements.ts";
import { SubscriptionReader } from "./subscription-reader.ts";
import { WorkerReader } from "./worker-reader.ts";

const actionSql = `SELECT ${actionRowNames} FROM actions WHERE run = ? AND name = ?`;
const scannedActionsSql = "SELECT name, state FROM actions WHERE run = ? AND name > ? ORDER BY name";
const attemptsSql = `SELECT ${namesOf(attemptColumns)} FROM attempts WHERE run = ? AND action = ?
  ORDER BY number DESC LIMIT ?`;

const dueActionsSql = `SELECT due_ms AS at, run, name FROM actions WHERE due_ms IS NOT NULL
  ORDER BY due_ms, run, name LIMIT ?`;
const dueRunsSql = "SELECT due_ms AS at, key FROM runs WHERE due_ms IS NOT NULL ORDER BY due_ms, key LIMIT ?";
const dueSessionsSql = "SELECT lease_end_ms AS at, id FROM sessions ORDER BY lease_end_ms, id LIMIT ?";
const dueSignalsSql = `SELECT expire_ms AS at, namespace, correlation_key AS key FROM keyed_signals
  ORDER BY expire_ms, namespace, correlation_key LIMIT ?`;
const duePostsSql = `SELECT ${namesOf(postColumns)} FROM posts ORDER BY due_ms, key LIMIT ?`;
const linkKeySql = "SELECT value FROM meta WHERE name = 'link_key'";
const dueCountersSql = `SELECT due_ms AS at, key FROM counters WHERE due_ms IS NOT NULL
  ORDER BY due_ms, key LIMIT ?`;

/** Reads from a database beside the one who writes; every method takes a short and bounded time. */
export class Reader {
  readonly runs: RunReader;
  readonly conditions: ConditionReader;
  readonly feed: FeedReader;
  readonly ops: OpReader;
  readonly workers: WorkerReader;
  readonly limits: LimitReader;
  readonly subscriptions: SubscriptionReader;
  readonly #database: DatabaseSync;
  readonly #statements: Statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = new Statements(database);
    this.runs = new RunReader(this.#statements);
    this.conditions = new ConditionReader(this.#statements);
    this.feed = new FeedReader(this.#statements);
    this.ops = new OpReader(this.#statements);
    this.workers = new WorkerReader(this.#statements);
    this.limits = new LimitReader(this.#statements);
    this.subscriptions = new SubscriptionReader(this.#statements);
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

  due(nowMs: number, limit: number): Awaited<ReturnType<Store["due"]>> {
    const found: { readonly at: number; readonly due: Due }[] = [];
    type Row = {
      readonly at: number;
      readonly run: string;
      readonly name: string;
      readonly key: string;
      readonly namespace: string;
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
    for (const { at, key } of this.#statements.all<Row>(dueCountersSql, limit + 1)) {
      found.push({ at, due: { kind: "counter", key } });
    }
    for (const { at, namespace, key } of this.#statements.all<Row>(dueSignalsSql, limit + 1)) {
      found.push({ at, due: { kind: "keyedSignal", namespace, correlationKey: key } });
    }
    found.sort((one, other) => one.at - other.at);
    const count = found.slice(0, limit).filter(({ at }) => at <= nowMs).length;
    return { due: found.slice(0, count).map(({ due }) => due), nextMs: found[count]?.at };
  }

  duePosts(nowMs: number, limit: number): PostPage {
    const rows = this.#statements.all<PostRow>(duePostsSql, limit + 1);
    const due = rows.slice(0, limit).filter((row) => row.due_ms <= nowMs);
    return { posts: due.map(postOfRow), nextMs: rows[due.length]?.due_ms };
  }

  linkKey(): Uint8Array {
    const value = this.#statements.get<{ readonly value: string }>(linkKeySql)?.value;
    assert(value !== undefined, "a database that is open has a key for links", {});
    return Buffer.from(value, "hex");
  }

  close(): void {
    this.#database.close();
  }
}
