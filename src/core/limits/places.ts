import type { Action } from "../action.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import { type Counter, type Limit, newCounter, shareKey } from "./limit.ts";
import { type AppliedLimit, isFull, limitsOf, limitsOfQueue } from "./limits-of.ts";
import { afterStartMs, nextStartMs } from "./rate.ts";
import { letGoMs, setDue } from "./unpark.ts";

/** A limit that lets nothing more start, with its counter as it stands by now. */
export interface Full {
  readonly limit: Limit;
  readonly counter: Counter;
}

/** What is left of limits and shares while one command assigns: the counters, less what it has taken. */
export class Places {
  readonly #draft: Draft;
  readonly #limitsByNamespace = new Map<string, readonly Limit[]>();
  /** Places taken by this command, by the keys of counters. */
  readonly #takenByKey = new Map<string, number>();

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  /** A limit by which nothing of a queue can start now. */
  fullForQueue(namespace: string, op: string): Full | undefined {
    const limits = this.#limits(namespace);
    return limits.length === 0 ? undefined : this.#fullOf(limitsOfQueue(op, limits));
  }

  /** A limit of its labels by which a task cannot start now. */
  fullForLabels(action: Action): Full | undefined {
    const all = this.#limits(namespaceOf(action.run));
    if (all.length === 0) return undefined;
    const limits = all.filter(({ scope }) => scope.kind === "label");
    if (limits.length === 0) return undefined;
    return this.#fullOf(limitsOf(action, this.#draft.runOf(action).labels, limits));
  }

  /** Takes a place in each limit that a task falls under; the keys of the counters that it holds then. */
  take(action: Action, { isShared }: { readonly isShared: boolean }): readonly string[] {
    const namespace = namespaceOf(action.run);
    const limits = this.#limits(namespace);
    if (limits.length === 0 && !isShared) return nothing;
    const applied = limits.length === 0 ? [] : limitsOf(action, this.#draft.runOf(action).labels, limits);
    for (const { key, limit } of applied) if (limit.rate !== undefined) this.#start(key, limit);
    const keys = applied.map(({ key }) => key);
    if (isShared) keys.push(shareKey(namespace));
    for (const key of keys) this.#takenByKey.set(key, (this.#takenByKey.get(key) ?? 0) + 1);
    return keys;
  }

  /** How much a namespace holds of shared workers for its weight: who has the least comes first. */
  shareOf(namespace: string): number {
    const heldCount = this.#counter(shareKey(namespace)).heldCount;
    if (heldCount === 0) return 0;
    let weight = 1;
    for (const { scope, shareWeight } of this.#limits(namespace)) {
      if (scope.kind === "namespace") weight = Math.max(weight, shareWeight);
    }
    return heldCount / weight;
  }

  #limits(namespace: string): readonly Limit[] {
    const known = this.#limitsByNamespace.get(namespace);
    if (known !== undefined) return known;
    const limits = this.#draft.limits(namespace);
    this.#limitsByNamespace.set(namespace, limits);
    return limits;
  }

  #counter(key: string): Counter {
    const counter = this.#draft.counter(key) ?? newCounter(key);
    const taken = this.#takenByKey.get(key);
    return taken === undefined ? counter : { ...counter, heldCount: counter.heldCount + taken };
  }

  #fullOf(applied: readonly AppliedLimit[]): Full | undefined {
    for (const { key, limit } of applied) {
      const counter = this.#counter(key);
      if (isFull(counter, limit, this.#draft.nowMs)) return { limit, counter };
    }
    return undefined;
  }

  /** One start of the rate is used. If that was the last, what is parked waits for the next. */
  #start(key: string, limit: Limit): void {
    const { nowMs } = this.#draft;
    const before = this.#draft.counter(key) ?? newCounter(key);
    const counter = { ...before, fullTimeMs: afterStartMs(before.fullTimeMs, limit, nowMs) };
    const dueMs = Math.ceil(nextStartMs(counter, limit));
    const { dueMs: knownMs } = counter;
    if (knownMs === undefined || knownMs === letGoMs || dueMs <= nowMs) this.#draft.setCounter(counter);
    else setDue(this.#draft, { ...counter, dueMs });
  }
}

const nothing: readonly string[] = [];
