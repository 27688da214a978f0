import type { SQLInputValue } from "node:sqlite";

/** One column of a table, and what of a value it holds: a scalar, or an object that stands there as JSON. */
export type Column<T> = readonly [name: string, of: (value: T) => unknown];

/** What SQLite gives where a value is undefined. */
export type Nullable<T> = T | null;

/** The statement that writes a new row, with the values that `valuesOf` gives for the same columns. */
export function insertSql<T>(table: string, columns: readonly Column<T>[]): string {
  return `INSERT INTO ${table} (${namesOf(columns)}) VALUES (${columns.map(() => "?").join(", ")})`;
}

/** The statement that writes a row, new or not; `keys` are the columns of its primary key. */
export function upsertSql<T>(table: string, columns: readonly Column<T>[], keys: readonly string[]): string {
  const changing = columns.filter(([name]) => !keys.includes(name));
  const set = changing.map(([name]) => `${name} = excluded.${name}`).join(", ");
  return `${insertSql(table, columns)} ON CONFLICT (${keys.join(", ")}) DO UPDATE SET ${set}`;
}

/** The columns' names, for a statement. */
export function namesOf<T>(columns: readonly Column<T>[]): string {
  return columns.map(([name]) => name).join(", ");
}

/** The columns' values, in their order, as SQLite takes them. */
export function valuesOf<T>(columns: readonly Column<T>[], value: T): SQLInputValue[] {
  const values: SQLInputValue[] = [];
  for (const [, of] of columns) values.push(boundOf(of(value)));
  return values;
}

/** What of a value SQLite takes: NULL for undefined, 0 and 1 for flags, JSON for objects. */
export function boundOf(part: unknown): SQLInputValue {
  switch (typeof part) {
    case "string":
    case "number":
      return part;
    case "boolean":
      return part ? 1 : 0;
    case "undefined":
      return null;
    default:
      return JSON.stringify(part);
  }
}

/** How much text the values of a row hold. */
export function textBytesOf(values: readonly unknown[]): number {
  let total = 0;
  for (const value of values) if (typeof value === "string") total += value.length;
  return total;
}

/** What a JSON text says. The store wrote it itself: it is of the type it had then. */
export function parsed<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** What a JSON text says, or undefined for NULL. */
export function parsedOrUndefined<T>(text: Nullable<string>): T | undefined {
  return text === null ? undefined : parsed<T>(text);
}

/** What a JSON text says, which is a list, or the empty list for NULL. */
export function parsedOrNone<T>(text: Nullable<string>): readonly T[] {
  return text === null ? none : parsed<readonly T[]>(text);
}

const none: readonly never[] = [];

/** A list as a column holds it: NULL for the empty one. */
export function listOrNothing<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
