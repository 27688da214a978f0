import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { assert } from "../../../core/assert.ts";
import { boundOf, type Column, textBytesOf } from "../rows/columns.ts";

/** 500 statements for one table: far more than there are ways in which the rules change a row. */
const statementsMax = 500;

/** What may change of the rows of a table. */
export interface ChangedColumnsOptions<T> {
  readonly table: string;
  readonly columns: readonly Column<T>[];
  /** Those that are NULL in most rows, and which rows are others: of the most they are not looked at. */
  readonly rareColumns: readonly Column<T>[];
  readonly isRare: (value: T) => boolean;
}

/**
 * Writes of a row what has changed, and nothing else: what is not named in an update costs nothing, least of
 * all the entries of its indexes. There is a statement for each set of columns that changed together.
 */
export class ChangedColumns<T> {
  readonly #database: DatabaseSync;
  readonly #options: ChangedColumnsOptions<T>;
  /** By the set of columns, a bit for each. */
  readonly #statements = new Map<number, StatementSync>();
  /** By the set of columns and the set of rare ones. */
  readonly #rareStatements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, options: ChangedColumnsOptions<T>) {
    const { table, columns, rareColumns } = options;
    assert(columns.length <= 31 && rareColumns.length <= 31, "a set of columns fits a number", { table });
    this.#database = database;
    this.#options = options;
  }

  /** Writes a row that holds `stored` and is to hold `value`; answers how much text was written. */
  write(rowId: number, stored: T, value: T): number {
    const { columns, rareColumns, isRare } = this.#options;
    const values: SQLInputValue[] = [];
    const changed = pickChanged(columns, stored, value, values);
    const rareChanged = isRare(value) || isRare(stored) ? pickChanged(rareColumns, stored, value, values) : 0;
    if (values.length === 0) return 0;
    this.#statement(changed, rareChanged).run(...values, rowId);
    return textBytesOf(values);
  }

  #statement(changed: number, rareChanged: number): StatementSync {
    if (rareChanged !== 0) return this.#rareStatement(changed, rareChanged);
    const known = this.#statements.get(changed);
    if (known !== undefined) return known;
    const statement = this.#prepare(changed, 0);
    if (this.#statements.size >= statementsMax) this.#statements.clear();
    this.#statements.set(changed, statement);
    return statement;
  }

  #rareStatement(changed: number, rareChanged: number): StatementSync {
    const key = `${changed} ${rareChanged}`;
    const known = this.#rareStatements.get(key);
    if (known !== undefined) return known;
    const statement = this.#prepare(changed, rareChanged);
    if (this.#rareStatements.size >= statementsMax) this.#rareStatements.clear();
    this.#rareStatements.set(key, statement);
    return statement;
  }

  #prepare(changed: number, rareChanged: number): StatementSync {
    const { table, columns, rareColumns } = this.#options;
    const names = [...namesIn(columns, changed), ...namesIn(rareColumns, rareChanged)];
    const set = names.map((name) => `${name} = ?`).join(", ");
    return this.#database.prepare(`UPDATE ${table} SET ${set} WHERE rowid = ?`);
  }
}

/** The set of columns in which two values differ, and, appended to `values`, what is to stand there. */
function pickChanged<T>(columns: readonly Column<T>[], stored: T, value: T, values: SQLInputValue[]): number {
  let changed = 0;
  for (let index = 0; index < columns.length; index += 1) {
    const [, of] = columns[index] as Column<T>;
    const part = of(value);
    if (part === of(stored)) continue;
    changed |= 1 << index;
    values.push(boundOf(part));
  }
  return changed;
}

function namesIn<T>(columns: readonly Column<T>[], set: number): readonly string[] {
  return columns.filter((_, index) => (set & (1 << index)) !== 0).map(([name]) => name);
}
