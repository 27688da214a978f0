import type { DatabaseSync, StatementSync } from "node:sqlite";
import { assert } from "../../../core/assert.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Run } from "../../../core/run.ts";
import { insertSql, updateSql, valuesOf } from "../rows/columns.ts";
import { RowCache, textBytesOf } from "./row-cache.ts";
import { type RunRow, runColumns, runOfRow, runRowNames, runStateColumns } from "../rows/run-row.ts";

/** The runs, as the one who writes sees them: what was put is there at once, and in the database after `flush`. */
export class RunTable {
  readonly #cache = new RowCache<Run>();
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(`SELECT ${runRowNames} FROM runs WHERE key = ?`);
    this.#insert = database.prepare(insertSql("runs", runColumns));
    this.#update = database.prepare(updateSql("runs", runStateColumns, ["key"]));
  }

  get(key: RunKey): Run | undefined {
    const entry = this.#cache.get(key);
    if (entry !== undefined) return entry.value;
    const row = this.#select.get(key) as RunRow | undefined;
    if (row === undefined) return undefined;
    const run = runOfRow(row);
    this.#cache.keep(key, run, textBytesOf([row.labels, row.error, row.outputs]));
    return run;
  }

  /** Puts a run as it is to be; answers whether it was not there before. */
  put(run: Run): boolean {
    const isStored = this.get(run.key) !== undefined;
    this.#cache.put(run.key, run, isStored);
    return !isStored;
  }

  flush(): void {
    for (const entry of this.#cache.takeDirty()) {
      const run = entry.value;
      if (entry.isStored) {
        const values = valuesOf(runStateColumns, run);
        const { changes } = this.#update.run(...values, run.key);
        assert(changes === 1, "a run that changes is there", { run: run.key });
        this.#cache.measure(entry, textBytesOf(values));
      } else {
        const values = valuesOf(runColumns, run);
        this.#insert.run(...values);
        entry.isStored = true;
        this.#cache.measure(entry, textBytesOf(values));
      }
      entry.isDirty = false;
    }
  }

  settle(): void {
    this.#cache.settle();
  }

  clear(): void {
    this.#cache.clear();
  }
}
