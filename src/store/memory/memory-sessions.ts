import type { Session } from "../../core/session.ts";
import type { Deadlines } from "./deadlines.ts";
import { compareTexts } from "./sorted-set.ts";

/** The sessions of workers. */
export class MemorySessions {
  readonly #deadlines: Deadlines;
  readonly #byId = new Map<string, Session>();
  readonly #byWorker = new Map<string, Session>();

  /** The ends of their leases are due in `deadlines`. */
  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  of(namespace: string, workerId: string): Session | undefined {
    return this.#byWorker.get(`${namespace}/${workerId}`);
  }

  /** All of them, by id. */
  all(): readonly Session[] {
    return [...this.#byId.values()].sort((one, other) => compareTexts(one.id, other.id));
  }

  put(session: Session): void {
    const { id: sessionId, leaseEndMs: to } = session;
    const from = this.#byId.get(sessionId)?.leaseEndMs;
    this.#deadlines.move({ kind: "session", sessionId }, { from, to });
    this.#byId.set(session.id, session);
    this.#byWorker.set(`${session.namespace}/${session.workerId}`, session);
  }

  remove(id: string): void {
    const session = this.#byId.get(id);
    if (session === undefined) return;
    this.#byId.delete(id);
    const due = { kind: "session", sessionId: id } as const;
    this.#deadlines.move(due, { from: session.leaseEndMs, to: undefined });
    const worker = `${session.namespace}/${session.workerId}`;
    if (this.#byWorker.get(worker)?.id === id) this.#byWorker.delete(worker);
  }
}
