import type { SQLInputValue } from "node:sqlite";

/** One column of a table, and what of a value it holds. */
export type Column<T> = readonly [name: string, of: (value: T) => SQLInputValue];

/** What SQLite gives where a value is undefined. */
export type Nullable<T> = T | null;

/** The statement that writes a new row, with the values that `valuesOf` gives for the same columns. */
export function insertSql<T>(table: string, columns: readonly Column<T>[]): string {
  return `INSERT INTO ${table} (${namesOf(columns)}) VALUES (${columns.map(() => "?").join(", ")})`;
}

/** The statement that writes columns of the row whose rowid follows the values. */
export function updateSql<T>(table: string, columns: readonly Column<T>[]): string {
  return `UPDATE ${table} SET ${columns.map(([name]) => `${name} = ?`).join(", ")} WHERE rowid = ?`;
}

/** The columns' names, for a statement. */
export function namesOf<T>(columns: readonly Column<T>[]): string {
  return columns.map(([name]) => name).join(", ");
}

/** The columns' values, in their order. */
export function valuesOf<T>(columns: readonly Column<T>[], value: T): SQLInputValue[] {
  return columns.map(([, of]) => of(value));
}

/** A value as JSON text, or NULL for undefined. */
export function jsonOrNull(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** What a JSON text says. The store wrote it itself: it is of the type it had then. */
export function parsed<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** What a JSON text says, or undefined for NULL. */
export function parsedOrUndefined<T>(text: Nullable<string>): T | undefined {
  return text === null ? undefined : parsed<T>(text);
}
