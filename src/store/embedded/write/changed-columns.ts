import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { assert } from "../../../core/assert.ts";
import { boundOf, type Column, textBytesOf } from "../rows/columns.ts";

/** 500 statements for one table: far more than there are ways in which the rules change a row. */
const statementsMax = 500;

/**
 * Writes of a row what has changed, and nothing else: what is not named in an update costs nothing, least of
 * all the entries of its indexes. There is a statement for each set of columns that changed together.
 */
export class ChangedColumns<T> {
  readonly #database: DatabaseSync;
  readonly #table: string;
  readonly #columns: readonly Column<T>[];
  /** By the set of columns, a bit for each. */
  readonly #statements = new Map<number, StatementSync>();

  constructor(database: DatabaseSync, table: string, columns: readonly Column<T>[]) {
    assert(columns.length <= 52, "a set of columns fits a number", { table });
    this.#database = database;
    this.#table = table;
    this.#columns = columns;
  }

  /** Writes a row that holds `stored` and is to hold `value`; answers how much text was written. */
  write(rowId: number, stored: T, value: T): number {
    const values: SQLInputValue[] = [];
    let changed = 0;
    for (let index = 0; index < this.#columns.length; index += 1) {
      const [, of] = this.#columns[index] as Column<T>;
      const part = of(value);
      if (part === of(stored)) continue;
      changed += 2 ** index;
      values.push(boundOf(part));
    }
    if (changed === 0) return 0;
    this.#statement(changed).run(...values, rowId);
    return textBytesOf(values);
  }

  #statement(changed: number): StatementSync {
    const known = this.#statements.get(changed);
    if (known !== undefined) return known;
    if (this.#statements.size >= statementsMax) this.#statements.clear();
    const isChanged = (index: number): boolean => Math.floor(changed / 2 ** index) % 2 === 1;
    const names = this.#columns.filter((_, index) => isChanged(index)).map(([name]) => name);
    const set = names.map((name) => `${name} = ?`).join(", ");
    const statement = this.#database.prepare(`UPDATE ${this.#table} SET ${set} WHERE rowid = ?`);
    this.#statements.set(changed, statement);
    return statement;
  }
}
