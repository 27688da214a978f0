import type { Change } from "../../core/change.ts";
import type { DeadLetter, Subscription } from "../../core/subscriptions/subscription.ts";
import { compareTexts, SortedSet } from "./sorted-set.ts";

/** Subscriptions and what they set aside. */
export class MemorySubscriptions {
  readonly #subscriptions = new Map<string, Subscription>();
  /** By subscription, the oldest event first. */
  readonly #letters = new Map<string, SortedSet<DeadLetter>>();

  get count(): number {
    return this.#subscriptions.size;
  }

  get(namespace: string, name: string): Subscription | undefined {
    return this.#subscriptions.get(`${namespace}/${name}`);
  }

  /** All of them, by namespace and name. */
  all(): readonly Subscription[] {
    return [...this.#subscriptions.values()].sort(
      (one, other) => compareTexts(one.namespace, other.namespace) || compareTexts(one.name, other.name),
    );
  }

  letters(namespace: string, subscription: string, limit: number): readonly DeadLetter[] {
    return this.#letters.get(`${namespace}/${subscription}`)?.first(limit) ?? [];
  }

  letter(namespace: string, subscription: string, position: number): DeadLetter | undefined {
    const letters = this.letters(namespace, subscription, Number.POSITIVE_INFINITY);
    return letters.find((letter) => letter.position === position);
  }

  apply({ goneSubscriptions, subscriptions, goneDeadLetters, deadLetters }: Change): void {
    for (const { namespace, name } of goneSubscriptions) {
      this.#subscriptions.delete(`${namespace}/${name}`);
      this.#letters.delete(`${namespace}/${name}`);
    }
    for (const subscription of subscriptions) {
      this.#subscriptions.set(`${subscription.namespace}/${subscription.name}`, subscription);
    }
    for (const { namespace, subscription, position } of goneDeadLetters) {
      const letter = this.letter(namespace, subscription, position);
      if (letter !== undefined) this.#letters.get(`${namespace}/${subscription}`)?.delete(letter);
    }
    for (const letter of deadLetters) {
      const key = `${letter.namespace}/${letter.subscription}`;
      const letters = this.#letters.get(key) ?? new SortedSet<DeadLetter>(byPosition);
      this.#letters.set(key, letters);
      letters.add(letter);
    }
  }
}

function byPosition(one: DeadLetter, other: DeadLetter): number {
  return one.position - other.position;
}
