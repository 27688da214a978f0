import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Action } from "../../../core/action.ts";
import { assert } from "../../../core/assert.ts";
import type { Edge } from "../../../core/change.ts";
import type { RunKey } from "../../../core/name.ts";
import { inlineSpecBytesMax } from "../../../limits.ts";
import {
  type ActionRow,
  actionColumns,
  actionOfRow,
  actionRareColumns,
  actionRowNames,
  actionStateColumns,
  correlationKeyOf,
  isRareAction,
  liveVersionOf,
} from "../rows/action-row.ts";
import { type Column, insertSql, textBytesOf, valuesOf } from "../rows/columns.ts";
import { ActionQueues } from "./action-queues.ts";
import { type Entry, RowCache } from "./cache/row-cache.ts";
import { RunShapes } from "./cache/run-shapes.ts";
import { ChangedColumns } from "./changed-columns.ts";

const allColumns = [...actionColumns, ...actionRareColumns];

/**
 * The actions and what they depend on, as the one who writes sees them: what was put is there at once, and in
 * the database after `flush`. Queries of an index first write what would be missing from it, but for the
 * queues.
 */
export class ActionTable {
  readonly #cache = new RowCache<Action>();
  readonly #shapes = new RunShapes();
  readonly #sql: ReturnType<typeof prepare>;
  readonly #changes: ChangedColumns<Action>;
  readonly #queues: ActionQueues;
  /** True while a row is to be written that enters, moves in or leaves the index. */
  #isHeldStale = false;
  #isFamilyStale = false;
  #isLiveStale = false;
  #isKeyedStale = false;
  #endedRuns: RunKey[] = [];

  constructor(database: DatabaseSync) {
    this.#sql = prepare(database);
    this.#queues = new ActionQueues(database, (run, name) => this.#entry(run, name));
    this.#changes = new ChangedColumns(database, {
      table: "actions",
      columns: actionStateColumns,
      rareColumns: actionRareColumns,
      isRare: isRareAction,
    });
  }

  get(run: RunKey, name: string): Action | undefined {
    return this.#entry(run, name)?.value;
  }

  /** A run is created; its actions follow. */
  beginRun(run: RunKey): void {
    this.#shapes.begin(run);
  }

  /** A run has ended: memory is for those that live. */
  endRun(run: RunKey): void {
    for (const name of this.#shapes.names(run) ?? []) this.#cache.drop(`${run} ${name}`);
    this.#endedRuns.push(run);
  }

  add(action: Action): void {
    const entry = this.#cache.add(`${action.run} ${action.name}`, action);
    this.#shapes.addAction(action);
    this.#isFamilyStale = true;
    this.#noteIndexes(entry, action, { isNew: true });
  }

  addEdge(edge: Edge): void {
    this.#sql.insertEdge.run(edge.run, edge.from, edge.to);
    this.#shapes.addEdge(edge);
  }

  put(action: Action): void {
    const entry = this.#entry(action.run, action.name);
    assert(entry !== undefined, "an action that changes is there", { run: action.run, action: action.name });
    this.#noteIndexes(entry, entry.value, { isNew: false });
    this.#noteIndexes(entry, action, { isNew: true });
    this.#cache.put(entry, action);
  }

  children(run: RunKey, parent: string): readonly Action[] {
    const known = this.#shapes.names(run, parent);
    if (known !== undefined) return this.#all(run, known);
    if (this.#isFamilyStale) this.flush();
    const statement = parent === "" ? this.#sql.topNames : this.#sql.childNames;
    return this.#rows(parent === "" ? statement.all(run) : statement.all(run, parent));
  }

  actions(run: RunKey): readonly Action[] {
    const known = this.#shapes.names(run);
    if (known !== undefined) return this.#all(run, known);
    if (this.#isFamilyStale) this.flush();
    return this.#rows(this.#sql.namesOfRun.all(run));
  }

  dependents(run: RunKey, name: string): readonly string[] {
    const known = this.#shapes.dependents(run, name);
    return known ?? this.#sql.dependents.all(run, name).map((row) => row["to_name"] as string);
  }

  heldBy(sessionId: string): readonly Action[] {
    if (this.#isHeldStale) this.flush();
    return this.#rows(this.#sql.held.all(sessionId));
  }

  queuedShapes(namespace: string, op: string): readonly string[] {
    return this.#queues.shapes(namespace, op);
  }

  queued(queue: Parameters<ActionQueues["queued"]>[0]): readonly Action[] {
    return this.#queues.queued(queue);
  }

  parked(counter: string, limit: number): readonly Action[] {
    return this.#queues.parked(counter, limit);
  }

  /** The first task of an op (of a version, or of any for 0) that has not ended, by version, run and name. */
  liveTaskOf(namespace: string, op: string, version: number): Action | undefined {
    if (this.#isLiveStale) this.flush();
    const { liveOfVersion, live } = this.#sql;
    const row = version === 0 ? live.get(namespace, op) : liveOfVersion.get(namespace, op, version);
    return row === undefined ? undefined : this.#named(row["run"] as RunKey, row["name"] as string);
  }

  /** Open conditions of a namespace with a correlation key, by run and name. */
  openByKey(namespace: string, correlationKey: string, limit: number): readonly Action[] {
    if (this.#isKeyedStale) this.flush();
    return this.#rows(this.#sql.openByKey.all(namespace, correlationKey, limit));
  }

  flush(): void {
    for (const entry of this.#cache.takeDirty()) {
      if (entry.stored === undefined) this.#insertRow(entry);
      else this.#cache.noteWritten(entry, this.#changes.write(entry.rowId, entry.stored, entry.value));
    }
    this.#queues.flushed();
    this.#noteWritten();
  }

  settle(): void {
    this.#cache.settle();
    this.#queues.settle();
    for (const run of this.#endedRuns) this.#shapes.drop(run);
    if (this.#endedRuns.length > 0) this.#endedRuns = [];
    this.#shapes.settle();
  }

  clear(): void {
    this.#cache.clear();
    this.#shapes.clear();
    this.#endedRuns = [];
    this.#queues.clear();
    this.#noteWritten();
  }

  #noteWritten(): void {
    this.#isHeldStale = false;
    this.#isFamilyStale = false;
    this.#isLiveStale = false;
    this.#isKeyedStale = false;
  }

  #noteIndexes(entry: Entry<Action>, action: Action, change: { readonly isNew: boolean }): void {
    this.#queues.note(entry, action, change);
    if (action.sessionId !== undefined) this.#isHeldStale = true;
    if (liveVersionOf(action) !== undefined) this.#isLiveStale = true;
    if (correlationKeyOf(action) !== undefined) this.#isKeyedStale = true;
  }

  #insertRow(entry: Entry<Action>): void {
    const action = entry.value;
    const isRare = isRareAction(action);
    const values = valuesOf(isRare ? allColumns : actionColumns, action);
    const insert = isRare ? this.#sql.insertRare : this.#sql.insert;
    const spec = JSON.stringify(action.spec);
    const isInline = spec.length <= inlineSpecBytesMax;
    entry.rowId = Number(insert.run(...values, isInline ? spec : null).lastInsertRowid);
    if (!isInline) this.#sql.insertSpec.run(action.run, action.name, spec);
    this.#cache.noteWritten(entry, textBytesOf(values) + spec.length);
  }

  #entry(run: RunKey, name: string): Entry<Action> | undefined {
    const key = `${run} ${name}`;
    const entry = this.#cache.get(key);
    if (entry !== undefined) return entry;
    const row = this.#sql.select.get(run, name) as (ActionRow & { readonly rowid: number }) | undefined;
    if (row === undefined) return undefined;
    const textBytes = textBytesOf([row.spec, row.error, row.outputs]);
    return this.#cache.keep(key, actionOfRow(row), { rowId: row.rowid, textBytes });
  }

  #all(run: RunKey, names: readonly string[]): readonly Action[] {
    return names.map((name) => this.#named(run, name));
  }

  #rows(rows: readonly Record<string, unknown>[]): readonly Action[] {
    return rows.map((row) => this.#named(row["run"] as RunKey, row["name"] as string));
  }

  #named(run: RunKey, name: string): Action {
    const action = this.get(run, name);
    assert(action !== undefined, "an index names actions that are there", { run, action: name });
    return action;
  }
}

function prepare(database: DatabaseSync) {
  const names = (where: string): StatementSync =>
    database.prepare(`SELECT run, name FROM actions WHERE ${where}`);
  const spec: Column<Action> = ["spec", () => undefined];
  return {
    select: database.prepare(`SELECT rowid, ${actionRowNames} FROM actions WHERE run = ? AND name = ?`),
    insert: database.prepare(insertSql("actions", [...actionColumns, spec])),
    insertRare: database.prepare(insertSql("actions", [...allColumns, spec])),
    insertSpec: database.prepare("INSERT INTO large_specs (run, name, spec) VALUES (?, ?, ?)"),
    insertEdge: database.prepare("INSERT INTO edges (run, from_name, to_name) VALUES (?, ?, ?)"),
    dependents: database.prepare(
      "SELECT to_name FROM edges WHERE run = ? AND from_name = ? ORDER BY to_name",
    ),
    childNames: names("run = ? AND parent = ? AND parent <> '' ORDER BY name"),
    topNames: names("run = ? AND parent = '' ORDER BY name"),
    namesOfRun: names("run = ? ORDER BY name"),
    held: names("session_id = ? ORDER BY run, name"),
    live: names(`live_version IS NOT NULL AND namespace = ? AND op = ?
      ORDER BY live_version, run, name LIMIT 1`),
    openByKey: names(`condition_state = 'PAUSED' AND namespace = ? AND correlation_key = ?
      ORDER BY run, name LIMIT ?`),
    liveOfVersion: names(`namespace = ? AND op = ? AND live_version = ? ORDER BY run, name LIMIT 1`),
  };
}
