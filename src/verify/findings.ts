import { violationsToldMax } from "./verify-limits.ts";

/** The promises of the feed, in the order in which docs/feed.md says them. */
export const promises = ["Ordered", "Unique", "Reliable", "Atomic", "Resumable", "Bookmarkable"] as const;

/** The name of a promise. */
export type PromiseName = (typeof promises)[number];

/** What became of one promise. */
export interface Finding {
  readonly promise: PromiseName;
  /** How often it was looked at: events, transactions, or places to resume from. */
  readonly checked: number;
  readonly violationCount: number;
  /** The first of the violations, as sentences. */
  readonly violations: readonly string[];
}

/** Gathers what breaks promises; each sentence once. */
export class Findings {
  readonly #counts = new Map<PromiseName, number>();
  readonly #checked = new Map<PromiseName, number>();
  readonly #told = new Map<PromiseName, Set<string>>();

  /** Notes that a promise was looked at so many times. */
  looked(promise: PromiseName, count: number): void {
    this.#checked.set(promise, (this.#checked.get(promise) ?? 0) + count);
  }

  /** Notes a violation. */
  add(promise: PromiseName, violation: string): void {
    const told = this.#told.get(promise) ?? new Set();
    this.#told.set(promise, told);
    if (told.has(violation)) return;
    this.#counts.set(promise, (this.#counts.get(promise) ?? 0) + 1);
    if (told.size < violationsToldMax) told.add(violation);
  }

  /** Notes what `feedViolations` says, each with the name of its promise in front. */
  addNamed(violations: readonly string[]): void {
    for (const violation of violations) {
      const promise = promises.find((name) => violation.startsWith(`${name}: `));
      if (promise !== undefined) this.add(promise, violation.slice(promise.length + 2));
    }
  }

  /** What became of each promise. */
  get all(): readonly Finding[] {
    return promises.map((promise) => ({
      promise,
      checked: this.#checked.get(promise) ?? 0,
      violationCount: this.#counts.get(promise) ?? 0,
      violations: [...(this.#told.get(promise) ?? [])],
    }));
  }
}
