import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Change } from "../../../core/change.ts";
import type { WebhookPost } from "../../../core/conditions/outbox.ts";
import type { KeptSignal, KeyedSignal } from "../../../core/loaded.ts";
import type { RunKey } from "../../../core/name.ts";
import { cachedRowsMax } from "../../../limits.ts";
import { namesOf, upsertSql, valuesOf } from "../rows/columns.ts";
import {
  type KeptSignalRow,
  type KeyedSignalRow,
  keptSignalColumns,
  keptSignalOfRow,
  keyedSignalColumns,
  keyedSignalOfRow,
  type PostRow,
  postColumns,
  postOfRow,
} from "../rows/decision-row.ts";

/**
 * What conditions leave beside their rows, as the one who writes sees it: signals that came early, for an
 * action or a correlation key, and posts to be made. All of it is written at once: there is little of it.
 */
export class DecisionTable {
  readonly #sql: ReturnType<typeof prepare>;
  /** How many signals are kept for correlation keys, by namespace, for those that were asked for. */
  readonly #counts = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.#sql = prepare(database);
  }

  kept(run: RunKey, action: string): KeptSignal | undefined {
    const row = this.#sql.kept.get(run, action);
    return row === undefined ? undefined : keptSignalOfRow(row as unknown as KeptSignalRow);
  }

  /** The signals that are kept for actions of a run, by action. */
  keptOf(run: RunKey): readonly KeptSignal[] {
    return this.#sql.keptOfRun.all(run).map((row) => keptSignalOfRow(row as unknown as KeptSignalRow));
  }

  keyed(namespace: string, correlationKey: string): KeyedSignal | undefined {
    const row = this.#sql.keyed.get(namespace, correlationKey);
    return row === undefined ? undefined : keyedSignalOfRow(row as unknown as KeyedSignalRow);
  }

  keyedCount(namespace: string): number {
    const known = this.#counts.get(namespace);
    if (known !== undefined) return known;
    const count = this.#sql.keyedCount.get(namespace)?.["count"] as number;
    if (this.#counts.size >= cachedRowsMax) this.#counts.clear();
    this.#counts.set(namespace, count);
    return count;
  }

  post(key: string): WebhookPost | undefined {
    const row = this.#sql.post.get(key);
    return row === undefined ? undefined : postOfRow(row as unknown as PostRow);
  }

  apply(change: Change): void {
    for (const { run, action } of change.droppedSignals) this.#sql.dropKept.run(run, action);
    for (const kept of change.keptSignals) this.#sql.keep.run(...valuesOf(keptSignalColumns, kept));
    for (const { namespace, correlationKey } of change.droppedKeyedSignals) {
      this.#addToCount(namespace, -Number(this.#sql.dropKeyed.run(namespace, correlationKey).changes));
    }
    for (const signal of change.keyedSignals) {
      const isNew = this.keyed(signal.namespace, signal.correlationKey) === undefined;
      this.#sql.keepKeyed.run(...valuesOf(keyedSignalColumns, signal));
      if (isNew) this.#addToCount(signal.namespace, 1);
    }
    for (const key of change.gonePosts) this.#sql.dropPost.run(key);
    for (const post of change.posts) this.#sql.putPost.run(...valuesOf(postColumns, post));
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#counts.clear();
  }

  #addToCount(namespace: string, change: number): void {
    const known = this.#counts.get(namespace);
    if (known !== undefined) this.#counts.set(namespace, known + change);
  }
}

function prepare(database: DatabaseSync) {
  const keptNames = namesOf(keptSignalColumns);
  const ofKey = "namespace = ? AND correlation_key = ?";
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    kept: sql(`SELECT ${keptNames} FROM kept_signals WHERE run = ? AND action = ?`),
    keptOfRun: sql(`SELECT ${keptNames} FROM kept_signals WHERE run = ? ORDER BY action`),
    keep: sql(upsertSql("kept_signals", keptSignalColumns, ["run", "action"])),
    dropKept: sql("DELETE FROM kept_signals WHERE run = ? AND action = ?"),
    keyed: sql(`SELECT ${namesOf(keyedSignalColumns)} FROM keyed_signals WHERE ${ofKey}`),
    keyedCount: sql("SELECT count(*) AS count FROM keyed_signals WHERE namespace = ?"),
    keepKeyed: sql(upsertSql("keyed_signals", keyedSignalColumns, ["namespace", "correlation_key"])),
    dropKeyed: sql(`DELETE FROM keyed_signals WHERE ${ofKey}`),
    post: sql(`SELECT ${namesOf(postColumns)} FROM posts WHERE key = ?`),
    putPost: sql(upsertSql("posts", postColumns, ["key"])),
    dropPost: sql("DELETE FROM posts WHERE key = ?"),
  };
}
