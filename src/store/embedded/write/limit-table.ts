import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Counter, Limit } from "../../../core/limits/limit.ts";
import { cachedRowsMax } from "../../../limits.ts";
import { namesOf, upsertSql, valuesOf } from "../rows/columns.ts";
import {
  type CounterRow,
  counterColumns,
  counterOfRow,
  type LimitRow,
  limitColumns,
  limitOfRow,
} from "../rows/limit-row.ts";
import { GenerationCache } from "./cache/generation-cache.ts";
import { ResidentTable } from "./cache/resident-table.ts";

/**
 * The limits, as the one who writes sees them: all in memory and in order for each namespace, since every
 * assignment asks whether there are any.
 */
export class LimitTable {
  readonly #rows: ResidentTable<Limit>;
  readonly #byNamespace = new Map<string, readonly Limit[]>();

  constructor(database: DatabaseSync) {
    this.#rows = new ResidentTable<Limit>(database, {
      table: "limits",
      columns: limitColumns,
      keys: ["namespace", "name"],
      keyOf: ({ namespace, name }) => `${namespace}/${name}`,
      ofRow: (row) => limitOfRow(row as LimitRow),
    });
  }

  /** The limits of a namespace, by name. */
  of(namespace: string): readonly Limit[] {
    if (this.#rows.size === 0) return none;
    const known = this.#byNamespace.get(namespace);
    if (known !== undefined) return known;
    const limits = [...this.#rows.all()]
      .filter((limit) => limit.namespace === namespace)
      .sort((one, other) => (one.name < other.name ? -1 : 1));
    if (this.#byNamespace.size >= cachedRowsMax) this.#byNamespace.clear();
    this.#byNamespace.set(namespace, limits);
    return limits;
  }

  put(limit: Limit): void {
    this.#rows.put(limit);
    this.#byNamespace.delete(limit.namespace);
  }

  remove({ namespace, name }: Pick<Limit, "namespace" | "name">): void {
    this.#rows.remove(`${namespace}/${name}`);
    this.#byNamespace.delete(namespace);
  }

  flush(): void {
    this.#rows.flush();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#rows.clear();
    this.#byNamespace.clear();
  }
}

const none: readonly Limit[] = [];

/**
 * The counters, as the one who writes sees them: those used last are in memory, and what changed is written
 * by `flush`, each once.
 */
export class CounterTable {
  readonly #sql: ReturnType<typeof prepare>;
  /** Without a counter: there is none of that key. */
  readonly #cache = new GenerationCache<{ readonly counter: Counter | undefined }>(cachedRowsMax);
  readonly #dirty = new Set<string>();

  constructor(database: DatabaseSync) {
    this.#sql = prepare(database);
  }

  get(key: string): Counter | undefined {
    const known = this.#cache.get(key);
    if (known !== undefined) return known.counter;
    const row = this.#sql.select.get(key);
    const counter = row === undefined ? undefined : counterOfRow(row as unknown as CounterRow);
    this.#cache.set(key, { counter });
    return counter;
  }

  /** The counters of a limit, by key. */
  of(namespace: string, limit: string): readonly Counter[] {
    if (this.#dirty.size > 0) this.flush();
    const rows = this.#sql.ofLimit.all(namespace, limit);
    return rows.map((row) => counterOfRow(row as unknown as CounterRow));
  }

  put(counter: Counter): void {
    this.#cache.set(counter.key, { counter });
    this.#dirty.add(counter.key);
  }

  remove(key: string): void {
    this.#cache.set(key, { counter: undefined });
    this.#dirty.add(key);
  }

  flush(): void {
    for (const key of this.#dirty) {
      const counter = this.#cache.get(key)?.counter;
      if (counter === undefined) this.#sql.delete.run(key);
      else this.#sql.put.run(...valuesOf(counterColumns, counter));
    }
    this.#dirty.clear();
  }

  settle(): void {
    this.#cache.age();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#cache.clear();
    this.#dirty.clear();
  }
}

function prepare(database: DatabaseSync) {
  const names = namesOf(counterColumns);
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    select: sql(`SELECT ${names} FROM counters WHERE key = ?`),
    ofLimit: sql(`SELECT ${names} FROM counters WHERE namespace = ? AND limit_name = ? ORDER BY key`),
    put: sql(upsertSql("counters", counterColumns, ["key"])),
    delete: sql("DELETE FROM counters WHERE key = ?"),
  };
}
