import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Session } from "../../../core/session.ts";
import { insertSql, namesOf, valuesOf } from "../rows/columns.ts";
import { type SessionRow, sessionColumns, sessionOfRow } from "../rows/worker-row.ts";

/**
 * The sessions, as the one who writes sees them. All of them are kept in memory: there are as many as there
 * are workers, and every pulse asks for one.
 */
export class SessionTable {
  readonly #select: StatementSync;
  readonly #replace: StatementSync;
  readonly #delete: StatementSync;
  readonly #byId = new Map<string, Session>();
  readonly #idByWorker = new Map<string, string>();
  /** The ids of rows to be written, or removed where there is no such session any more. */
  readonly #dirty = new Set<string>();

  constructor(database: DatabaseSync) {
    this.#select = database.prepare(`SELECT ${namesOf(sessionColumns)} FROM sessions`);
    this.#replace = database.prepare(insertSql("sessions", sessionColumns).replace("INSERT", "REPLACE"));
    this.#delete = database.prepare("DELETE FROM sessions WHERE id = ?");
    this.clear();
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  of(namespace: string, workerId: string): Session | undefined {
    const id = this.#idByWorker.get(`${namespace}/${workerId}`);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  all(): readonly Session[] {
    return [...this.#byId.values()].sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  put(session: Session): void {
    this.#keep(session);
    this.#dirty.add(session.id);
  }

  remove(id: string): void {
    const session = this.#byId.get(id);
    if (session === undefined) return;
    this.#byId.delete(id);
    const worker = `${session.namespace}/${session.workerId}`;
    if (this.#idByWorker.get(worker) === id) this.#idByWorker.delete(worker);
    this.#dirty.add(id);
  }

  flush(): void {
    for (const id of this.#dirty) {
      const session = this.#byId.get(id);
      if (session === undefined) this.#delete.run(id);
      else this.#replace.run(...valuesOf(sessionColumns, session));
    }
    this.#dirty.clear();
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#byId.clear();
    this.#idByWorker.clear();
    this.#dirty.clear();
    for (const row of this.#select.all()) this.#keep(sessionOfRow(row as unknown as SessionRow));
  }

  #keep(session: Session): void {
    this.#byId.set(session.id, session);
    this.#idByWorker.set(`${session.namespace}/${session.workerId}`, session.id);
  }
}
