import { parentOf } from "../../../core/name.ts";
import type { Clock } from "../../../engine/clock.ts";

/**
 * What one reader of a view has not been given yet: the names of actions that changed. However slow the
 * reader, it holds each name once, and the reader is shown the action as it is when it comes.
 */
export class ViewWatch {
  readonly #clock: Clock;
  readonly #names = new Set<string>();
  #ended: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** The action whose children alone are told of; undefined for all. */
  readonly parent: string | undefined;

  constructor(clock: Clock, parent?: string) {
    this.#clock = clock;
    this.parent = parent;
  }

  /** How many names wait for the reader. */
  get waitingCount(): number {
    return this.#names.size;
  }

  /** From the view: these have changed. */
  note(names: Iterable<string>): void {
    for (const name of names) this.#names.add(name);
    this.#wake?.();
  }

  /** From the reader: what is known of these is what there is. */
  forget(names: Iterable<string>): void {
    for (const name of names) this.#names.delete(name);
  }

  /** From the view: there will be no more; readers get what is there, then this error. */
  end(error: unknown): void {
    this.#ended ??= { error };
    this.#wake?.();
  }

  /**
   * The whole names of some actions that changed since they were given last, in the order in which they did.
   * None if nothing happens for as long as said, or the signal aborts. Throws what the view ended with.
   */
  async next(options: {
    readonly limit: number;
    readonly quietMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly string[]> {
    const { limit, quietMs, signal } = options;
    if (this.#names.size === 0 && this.#ended === undefined && !signal.aborted) {
      await this.#change(quietMs, signal);
    }
    const taken: string[] = [];
    for (const name of this.#names) {
      if (taken.length >= limit) break;
      taken.push(name);
    }
    for (const name of taken) this.#names.delete(name);
    if (taken.length === 0 && this.#ended !== undefined && !signal.aborted) throw this.#ended.error;
    return taken;
  }

  #change(quietMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#wake = undefined;
        cancel();
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#clock.after(quietMs, done);
      signal.addEventListener("abort", done);
      this.#wake = done;
    });
  }
}

/** The readers of a view. Those of one action's children are found by it: a thousand parents may wait. */
export class Watches {
  readonly #byParent = new Map<string | undefined, Set<ViewWatch>>();

  add(watch: ViewWatch): void {
    const those = this.#byParent.get(watch.parent);
    if (those === undefined) this.#byParent.set(watch.parent, new Set([watch]));
    else those.add(watch);
  }

  delete(watch: ViewWatch): void {
    const those = this.#byParent.get(watch.parent);
    those?.delete(watch);
    if (those?.size === 0) this.#byParent.delete(watch.parent);
  }

  /** Tells everybody concerned that these have changed. */
  note(names: readonly string[]): void {
    for (const watch of this.#byParent.get(undefined) ?? []) watch.note(names);
    for (const name of names) {
      for (const watch of this.#byParent.get(parentOf(name)) ?? []) watch.note([name]);
    }
  }

  /** Ends all of them with an error. */
  end(error: unknown): void {
    for (const those of this.#byParent.values()) for (const watch of those) watch.end(error);
    this.#byParent.clear();
  }
}
