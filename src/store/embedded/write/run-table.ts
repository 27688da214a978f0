import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { RunKey } from "../../../core/name.ts";
import { hasRunEnded, type Run } from "../../../core/run.ts";
import { insertSql, textBytesOf, valuesOf } from "../rows/columns.ts";
import {
  isRareRun,
  type RunRow,
  runColumns,
  runOfRow,
  runRareColumns,
  runRowNames,
  runStateColumns,
} from "../rows/run-row.ts";
import { type Entry, RowCache } from "./cache/row-cache.ts";
import { ChangedColumns } from "./changed-columns.ts";

const allColumns = [...runColumns, ...runRareColumns];

/** The runs, as the one who writes sees them: what was put is there at once, and written by `flush`. */
export class RunTable {
  readonly #cache = new RowCache<Run>();
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #insertRare: StatementSync;
  readonly #changes: ChangedColumns<Run>;

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(`SELECT rowid, ${runRowNames} FROM runs WHERE key = ?`);
    this.#insert = database.prepare(insertSql("runs", runColumns));
    this.#insertRare = database.prepare(insertSql("runs", allColumns));
    this.#changes = new ChangedColumns(database, {
      table: "runs",
      columns: runStateColumns,
      rareColumns: runRareColumns,
      isRare: isRareRun,
    });
  }

  get(key: RunKey): Run | undefined {
    return this.#entry(key)?.value;
  }

  /** Puts a run as it is to be; answers whether it was not there before. */
  put(run: Run): boolean {
    const entry = this.#entry(run.key);
    if (entry === undefined) this.#cache.add(run.key, run);
    else this.#cache.put(entry, run);
    // An ended run is seldom asked for again: memory is for those that live.
    if (hasRunEnded(run)) this.#cache.drop(run.key);
    return entry === undefined;
  }

  flush(): void {
    for (const entry of this.#cache.takeDirty()) {
      if (entry.stored === undefined) {
        const isRare = isRareRun(entry.value);
        const values = valuesOf(isRare ? allColumns : runColumns, entry.value);
        const insert = isRare ? this.#insertRare : this.#insert;
        entry.rowId = Number(insert.run(...values).lastInsertRowid);
        this.#cache.noteWritten(entry, textBytesOf(values));
      } else this.#cache.noteWritten(entry, this.#changes.write(entry.rowId, entry.stored, entry.value));
    }
  }

  settle(): void {
    this.#cache.settle();
  }

  clear(): void {
    this.#cache.clear();
  }

  #entry(key: RunKey): Entry<Run> | undefined {
    const entry = this.#cache.get(key);
    if (entry !== undefined) return entry;
    const row = this.#select.get(key) as (RunRow & { readonly rowid: number }) | undefined;
    if (row === undefined) return undefined;
    const textBytes = textBytesOf([row.labels, row.error, row.outputs]);
    return this.#cache.keep(key, runOfRow(row), { rowId: row.rowid, textBytes });
  }
}
