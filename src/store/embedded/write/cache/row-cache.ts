import { cachedRowBytesMax, cachedRowsMax } from "../../../../limits.ts";
import { GenerationCache } from "./generation-cache.ts";

/** A value of a row, and what of it the database knows. */
export interface Entry<T> {
  readonly key: string;
  value: T;
  /** Its rowid; 0 until the row is inserted. */
  rowId: number;
  /** The value that the database has; undefined until the row is inserted. */
  stored: T | undefined;
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
  #dropped: string[] = [];

  get(key: string): Entry<T> | undefined {
    return this.#entries.get(key);
  }

  /** Takes in what was read. */
  keep(key: string, value: T, stored: { readonly rowId: number; readonly textBytes: number }): Entry<T> {
    const entry = { key, value, rowId: stored.rowId, stored: value, isDirty: false, isLarge: false };
    this.#entries.set(key, entry);
    this.#measure(entry, stored.textBytes);
    return entry;
  }

  /** Takes in a row that is to be inserted. */
  add(key: string, value: T): Entry<T> {
    const entry: Entry<T> = { key, value, rowId: 0, stored: undefined, isDirty: true, isLarge: false };
    this.#entries.set(key, entry);
    this.#dirty.push(entry);
    return entry;
  }

  /** Gives a row another value. */
  put(entry: Entry<T>, value: T): void {
    entry.value = value;
    if (entry.isDirty) return;
    entry.isDirty = true;
    this.#dirty.push(entry);
  }

  /** An entry is written as it stands. */
  noteWritten(entry: Entry<T>, textBytes: number): void {
    entry.isDirty = false;
    entry.stored = entry.value;
    this.#measure(entry, textBytes);
  }

  /** Notes how much text an entry holds. */
  #measure(entry: Entry<T>, textBytes: number): void {
    if (entry.isLarge || textBytes <= cachedRowBytesMax) return;
    entry.isLarge = true;
    this.drop(entry.key);
  }

  /** A row need not stay in memory once it is written. */
  drop(key: string): void {
    this.#dropped.push(key);
  }

  /** What is to be written, each row once. The caller writes all of it. */
  takeDirty(): readonly Entry<T>[] {
    const dirty = this.#dirty;
    if (dirty.length > 0) this.#dirty = [];
    return dirty;
  }

  /** Everything is written and committed: drops what need not stay. */
  settle(): void {
    for (const key of this.#dropped) this.#entries.delete(key);
    if (this.#dropped.length > 0) this.#dropped = [];
    this.#entries.age();
  }

  /** Forgets everything, also what was to be written. */
  clear(): void {
    this.#entries.clear();
    this.#dirty = [];
    this.#dropped = [];
  }
}
