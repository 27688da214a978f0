import { cachedRowBytesMax, cachedRowsMax } from "../../../limits.ts";
import { GenerationCache } from "./generation-cache.ts";

/** A value of a row, and what of it the database knows. */
export interface Entry<T> {
  readonly key: string;
  value: T;
  /** False until the row is inserted. */
  isStored: boolean;
  /** True while the database does not have this value yet. */
  isDirty: boolean;
  /** True if it holds so much text that it is not to stay in memory. */
  isLarge: boolean;
}

/**
 * The rows of one table that were used last, as values, with those that are still to be written. A row that
 * changes several times before it is written is written once.
 */
export class RowCache<T> {
  readonly #entries = new GenerationCache<Entry<T>>(cachedRowsMax);
  #dirty: Entry<T>[] = [];
  #large: Entry<T>[] = [];

  get(key: string): Entry<T> | undefined {
    return this.#entries.get(key);
  }

  /** Takes in what was read. */
  keep(key: string, value: T, textBytes: number): void {
    const entry = { key, value, isStored: true, isDirty: false, isLarge: false };
    this.#entries.set(key, entry);
    this.measure(entry, textBytes);
  }

  /** Takes in what is to be written; `isStored` says if there is a row of that key already. */
  put(key: string, value: T, isStored: boolean): void {
    const known = this.#entries.get(key);
    if (known === undefined) {
      const entry = { key, value, isStored, isDirty: true, isLarge: false };
      this.#entries.set(key, entry);
      this.#dirty.push(entry);
      return;
    }
    known.value = value;
    if (known.isDirty) return;
    known.isDirty = true;
    this.#dirty.push(known);
  }

  /** Notes how much text an entry holds. */
  measure(entry: Entry<T>, textBytes: number): void {
    if (entry.isLarge || textBytes <= cachedRowBytesMax) return;
    entry.isLarge = true;
    this.#large.push(entry);
  }

  /** What is to be written, each row once. The caller writes all of it. */
  takeDirty(): readonly Entry<T>[] {
    const dirty = this.#dirty;
    if (dirty.length > 0) this.#dirty = [];
    return dirty;
  }

  /** Everything is written and committed: drops what need not stay. */
  settle(): void {
    for (const entry of this.#large) this.#entries.delete(entry.key);
    if (this.#large.length > 0) this.#large = [];
    this.#entries.age();
  }

  /** Forgets everything, also what was to be written. */
  clear(): void {
    this.#entries.clear();
    this.#dirty = [];
    this.#large = [];
  }
}

/** How much text the values of a row hold. */
export function textBytesOf(values: readonly unknown[]): number {
  let total = 0;
  for (const value of values) if (typeof value === "string") total += value.length;
  return total;
}
