import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Action } from "../../../core/action.ts";
import { queueKey } from "../../../core/command.ts";
import { namespaceOf, type RunKey } from "../../../core/name.ts";
import { cachedRowsMax } from "../../../limits.ts";
import { shapeOf } from "../rows/action-row.ts";
import { GenerationCache } from "./cache/generation-cache.ts";
import type { Entry } from "./cache/row-cache.ts";

/** The rows of one queue that are to be written: they enter its index, move in it or leave it. */
type Changes = Set<Entry<Action>>;

/**
 * The queues of tasks, and what is parked, as the one who writes sees them. They are asked for all the time,
 * so that nothing is written for it: what the database does not have yet is merged in, and a task may come
 * and go without an entry in an index.
 */
export class ActionQueues {
  readonly #entryOf: (run: RunKey, name: string) => Entry<Action> | undefined;
  readonly #sql: ReturnType<typeof prepare>;
  /** By shape; most tasks have none. */
  readonly #changes = new Map<string, Changes>([["", new Set()]]);
  /** Of what is parked, or was, by counter. */
  readonly #parkedChanges = new Map<string, Changes>();
  /**
   * The shapes of a queue, by its key: at least those of which something is queued. True for those that are
   * known to be among them; the others are looked for when they are asked for. "" is always there.
   */
  readonly #shapes = new GenerationCache<Map<string, boolean>>(cachedRowsMax);

  constructor(database: DatabaseSync, entryOf: (run: RunKey, name: string) => Entry<Action> | undefined) {
    this.#entryOf = entryOf;
    this.#sql = prepare(database);
  }

  /** A row is to be written that holds, or held, this action. */
  note(entry: Entry<Action>, action: Action, { isNew }: { readonly isNew: boolean }): void {
    if (action.parkedOn !== undefined) addTo(this.#parkedChanges, action.parkedOn, entry);
    else if (action.state === "QUEUED") this.#noteQueued(entry, action, isNew);
  }

  /** The shapes of what is queued, in order. */
  shapes(namespace: string, op: string): readonly string[] {
    const shapes: string[] = [];
    const known = this.#knownShapes(namespace, op);
    for (const [shape, isSure] of known) {
      if (isSure || this.queued({ namespace, op, shape, limit: 1 }).length > 0) shapes.push(shape);
      if (shape === "" || isSure) continue;
      if (shapes.at(-1) === shape) known.set(shape, true);
      else known.delete(shape);
    }
    return shapes.sort();
  }

  /** What is queued of a shape: the highest priority first, then the oldest, then by run and name. */
  queued(queue: Queue & { readonly shape: string; readonly limit: number }): readonly Action[] {
    const { namespace, op, shape, limit } = queue;
    return this.#merged({
      limit,
      changes: this.#changes.get(shape),
      holds: (action) => isQueuedFor(action, queue),
      read: (count) => this.#sql.queued.all(namespace, op, shape, count),
    });
  }

  /** What is parked on a counter, in the same order. */
  parked(counter: string, limit: number): readonly Action[] {
    return this.#merged({
      limit,
      changes: this.#parkedChanges.get(counter),
      holds: (action) => action.parkedOn === counter,
      read: (count) => this.#sql.parked.all(counter, count),
    });
  }

  /** Everything is written: the indexes have all. */
  flushed(): void {
    for (const [shape, changes] of this.#changes) {
      if (shape === "") changes.clear();
      else this.#changes.delete(shape);
    }
    this.#parkedChanges.clear();
  }

  settle(): void {
    this.#shapes.age();
  }

  clear(): void {
    this.flushed();
    this.#shapes.clear();
  }

  #noteQueued(entry: Entry<Action>, action: Action, isNew: boolean): void {
    const shape = shapeOf(action);
    addTo(this.#changes, shape, entry);
    if (shape === "" || action.spec.kind !== "task") return;
    this.#shapes.get(queueKey(namespaceOf(action.run), action.spec.op))?.set(shape, isNew);
  }

  #knownShapes(namespace: string, op: string): Map<string, boolean> {
    const key = queueKey(namespace, op);
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    const shapes = new Map([["", false]]);
    for (let shape: string | undefined = ""; shape !== undefined; ) {
      shape = this.#sql.nextShape.get(namespace, op, shape)?.["queue_shape"] as string | undefined;
      if (shape !== undefined) shapes.set(shape, false);
    }
    for (const [shape, changes] of this.#changes) {
      for (const { value } of changes) if (isQueuedFor(value, { namespace, op })) shapes.set(shape, false);
    }
    this.#shapes.set(key, shapes);
    return shapes;
  }

  /** What an index would say if all were written. */
  #merged({ limit, changes, holds, read }: Merge): readonly Action[] {
    let leavingCount = 0;
    const entering: Action[] = [];
    for (const { stored, value } of changes ?? []) {
      if (stored !== undefined && holds(stored)) leavingCount += 1;
      if (holds(value)) entering.push(value);
    }
    const staying: Action[] = [];
    for (const row of read(limit + leavingCount)) {
      const entry = this.#entryOf(row["run"] as RunKey, row["name"] as string);
      if (entry !== undefined && changes?.has(entry) !== true) staying.push(entry.value);
    }
    const all = entering.length === 0 ? staying : [...staying, ...entering].sort(byPlaceInQueue);
    return all.slice(0, limit);
  }
}

/** Names the queue of an op. */
interface Queue {
  readonly namespace: string;
  readonly op: string;
}

/** A look into one index, and what of it is to be written. */
interface Merge {
  readonly limit: number;
  readonly changes: ReadonlySet<Entry<Action>> | undefined;
  readonly holds: (action: Action) => boolean;
  /** The first rows that the index has. */
  readonly read: (count: number) => readonly Record<string, unknown>[];
}

function addTo(changesByKey: Map<string, Changes>, key: string, entry: Entry<Action>): void {
  const changes = changesByKey.get(key);
  if (changes === undefined) changesByKey.set(key, new Set([entry]));
  else changes.add(entry);
}

function isQueuedFor({ state, parkedOn, spec, run }: Action, { namespace, op }: Queue): boolean {
  if (state !== "QUEUED" || parkedOn !== undefined) return false;
  return spec.kind === "task" && spec.op === op && namespaceOf(run) === namespace;
}

/** The order of the index of the queue. */
function byPlaceInQueue(one: Action, other: Action): number {
  if (one.priority !== other.priority) return other.priority - one.priority;
  if (one.ageMs !== other.ageMs) return one.ageMs - other.ageMs;
  if (one.run !== other.run) return one.run < other.run ? -1 : 1;
  return one.name < other.name ? -1 : 1;
}

function prepare(database: DatabaseSync) {
  const ofOp = "namespace = ? AND op = ?";
  const inOrder = "ORDER BY priority DESC, age_ms, run, name LIMIT ?";
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    queued: sql(`SELECT run, name FROM actions WHERE ${ofOp} AND queue_shape = ? ${inOrder}`),
    nextShape: sql(`SELECT queue_shape FROM actions WHERE ${ofOp} AND queue_shape > ?
      ORDER BY queue_shape LIMIT 1`),
    parked: sql(`SELECT run, name FROM actions WHERE parked_on = ? ${inOrder}`),
  };
}
