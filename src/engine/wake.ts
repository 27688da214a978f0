import type { Position } from "../core/event.ts";

/**
 * A latch that says: something at or after this position is committed. It carries no payload, so that a call
 * which is lost or doubled can neither lose nor double an event: who is woken looks into the store.
 *
 * However often it is set, listeners are called at most once in a turn of the event loop.
 */
export class Wake {
  readonly #listeners = new Set<() => void>();
  #position = 0n as Position;
  #turn: NodeJS.Immediate | undefined;

  /** The last position known to be committed; 0 before anything is known. */
  get position(): Position {
    return this.#position;
  }

  /** Says that everything up to this position is committed. Positions may come in any order. */
  reached(position: Position): void {
    if (position <= this.#position) return;
    this.#position = position;
    this.stir();
  }

  /** Calls the listeners although nothing new is known: what was committed may have gone unheard. */
  stir(): void {
    if (this.#listeners.size > 0) this.#turn ??= setImmediate(() => this.#call());
  }

  /** Is called in a turn after something was reached; the answer ends it. */
  listen(callback: () => void): () => void {
    this.#listeners.add(callback);
    return () => {
      this.#listeners.delete(callback);
      if (this.#listeners.size === 0 && this.#turn !== undefined) {
        clearImmediate(this.#turn);
        this.#turn = undefined;
      }
    };
  }

  #call(): void {
    this.#turn = undefined;
    for (const callback of this.#listeners) callback();
  }
}
