import type { AttemptReference } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { actionKey, type HeldAttempt, referenceKey } from "./held-attempt.ts";
import type { Ticket } from "./thread-messages.ts";

/** The attempts that a worker holds, by their tickets, their references and their actions. */
export class HeldAttempts {
  /** The session's own namespace, which a reference without one is of. */
  readonly #namespace: string;
  readonly #byTicket = new Map<Ticket, HeldAttempt>();
  readonly #byReference = new Map<string, HeldAttempt>();
  /** Of each action, the attempt under the highest epoch. */
  readonly #latestByAction = new Map<string, HeldAttempt>();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  get size(): number {
    return this.#byTicket.size;
  }

  /** In the order in which they were assigned. */
  get all(): HeldAttempt[] {
    return [...this.#byTicket.values()];
  }

  get(ticket: Ticket): HeldAttempt | undefined {
    return this.#byTicket.get(ticket);
  }

  /** The attempt under this very lease. */
  find(reference: AttemptReference | undefined): HeldAttempt | undefined {
    return reference && this.#byReference.get(referenceKey(reference, this.#namespace));
  }

  /** The attempt of the same action that is held under the highest epoch. */
  latestOf(reference: AttemptReference): HeldAttempt | undefined {
    return this.#latestByAction.get(actionKey(reference, this.#namespace));
  }

  /** Adds an attempt, whose epoch is the highest of its action. */
  add(held: HeldAttempt): void {
    this.#byTicket.set(held.ticket, held);
    this.#byReference.set(referenceKey(held.reference, this.#namespace), held);
    this.#latestByAction.set(actionKey(held.reference, this.#namespace), held);
  }

  forget(held: HeldAttempt): void {
    this.#byTicket.delete(held.ticket);
    this.#byReference.delete(referenceKey(held.reference, this.#namespace));
    if (this.latestOf(held.reference) === held) {
      this.#latestByAction.delete(actionKey(held.reference, this.#namespace));
    }
  }
}
