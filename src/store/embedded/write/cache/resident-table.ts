import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Column, namesOf, upsertSql, valuesOf } from "../../rows/columns.ts";

/** A table that is kept in memory as a whole. */
export interface ResidentTableOptions<T> {
  readonly table: string;
  readonly columns: readonly Column<T>[];
  /** The columns of the primary key: the first ones. */
  readonly keys: readonly string[];
  readonly keyOf: (value: T) => string;
  readonly ofRow: (row: unknown) => T;
}

/**
 * The rows of a small table that is asked for all the time, all of them in memory. What is put or removed is
 * so at once, and in the database after `flush`: a row that changes several times before is written once.
 */
export class ResidentTable<T> {
  readonly #options: ResidentTableOptions<T>;
  readonly #select: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #byKey = new Map<string, T>();
  /** What is to be written, or removed where it is not there any more. */
  readonly #dirty = new Map<string, T>();

  constructor(database: DatabaseSync, options: ResidentTableOptions<T>) {
    const { table, columns, keys } = options;
    this.#options = options;
    this.#select = database.prepare(`SELECT ${namesOf(columns)} FROM ${table}`);
    this.#put = database.prepare(upsertSql(table, columns, keys));
    const where = keys.map((key) => `${key} = ?`).join(" AND ");
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE ${where}`);
    this.clear();
  }

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): T | undefined {
    return this.#byKey.get(key);
  }

  /** All of them, in no order. */
  all(): Iterable<T> {
    return this.#byKey.values();
  }

  put(value: T): void {
    const key = this.#options.keyOf(value);
    this.#byKey.set(key, value);
    this.#dirty.set(key, value);
  }

  /** Removes a row; answers what it was. */
  remove(key: string): T | undefined {
    const value = this.#byKey.get(key);
    if (value === undefined) return undefined;
    this.#byKey.delete(key);
    this.#dirty.set(key, value);
    return value;
  }

  flush(): void {
    const { columns, keys } = this.#options;
    for (const [key, value] of this.#dirty) {
      if (this.#byKey.has(key)) this.#put.run(...valuesOf(columns, value));
      else this.#delete.run(...valuesOf(columns.slice(0, keys.length), value));
    }
    this.#dirty.clear();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#byKey.clear();
    this.#dirty.clear();
    for (const row of this.#select.all()) {
      const value = this.#options.ofRow(row);
      this.#byKey.set(this.#options.keyOf(value), value);
    }
  }
}
