import type { DatabaseSync } from "node:sqlite";
import type { Session } from "../../../core/session.ts";
import { type SessionRow, sessionColumns, sessionOfRow } from "../rows/worker-row.ts";
import { ResidentTable } from "./cache/resident-table.ts";

/**
 * The sessions, as the one who writes sees them. All of them are kept in memory: there are as many as there
 * are workers, and every pulse asks for one.
 */
export class SessionTable {
  readonly #rows: ResidentTable<Session>;
  readonly #idByWorker = new Map<string, string>();

  constructor(database: DatabaseSync) {
    this.#rows = new ResidentTable<Session>(database, {
      table: "sessions",
      columns: sessionColumns,
      keys: ["id"],
      keyOf: (session) => session.id,
      ofRow: (row) => sessionOfRow(row as SessionRow),
    });
    this.#index();
  }

  get(id: string): Session | undefined {
    return this.#rows.get(id);
  }

  of(namespace: string, workerId: string): Session | undefined {
    const id = this.#idByWorker.get(`${namespace}/${workerId}`);
    return id === undefined ? undefined : this.#rows.get(id);
  }

  all(): readonly Session[] {
    return [...this.#rows.all()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  put(session: Session): void {
    this.#rows.put(session);
    this.#idByWorker.set(workerOf(session), session.id);
  }

  remove(id: string): void {
    const session = this.#rows.remove(id);
    if (session === undefined) return;
    const worker = workerOf(session);
    if (this.#idByWorker.get(worker) === id) this.#idByWorker.delete(worker);
  }

  flush(): void {
    this.#rows.flush();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#rows.clear();
    this.#index();
  }

  #index(): void {
    this.#idByWorker.clear();
    for (const session of this.#rows.all()) this.#idByWorker.set(workerOf(session), session.id);
  }
}

function workerOf({ namespace, workerId }: Session): string {
  return `${namespace}/${workerId}`;
}
