import type { Change } from "./change.ts";
import type { Counter, Limit } from "./limits/limit.ts";
import type { Loaded, StoredAnswer } from "./loaded.ts";
import type { Op } from "./ops/op.ts";
import type { DeadLetter, Subscription } from "./subscriptions/subscription.ts";

/**
 * The part of a draft that is about what stands beside runs and workers: the answers to requests, ops,
 * limits, and subscriptions.
 */
export class DraftTables {
  readonly #known: Loaded;
  readonly #answers: StoredAnswer[] = [];
  readonly #droppedAnswers: string[] = [];
  readonly #ops: Op[] = [];
  readonly #goneOps: Change["goneOps"][number][] = [];
  readonly #limits: Limit[] = [];
  readonly #goneLimits: Change["goneLimits"][number][] = [];
  readonly #counters = new Map<string, Counter | undefined>();
  readonly #subscriptions: Subscription[] = [];
  readonly #goneSubscriptions: Change["goneSubscriptions"][number][] = [];
  readonly #deadLetters: DeadLetter[] = [];
  readonly #goneDeadLetters: Change["goneDeadLetters"][number][] = [];

  constructor(known: Loaded) {
    this.#known = known;
  }

  storedAnswer(key: string): StoredAnswer | undefined {
    return this.#known.answer(key);
  }

  addAnswer(answer: StoredAnswer): void {
    this.#answers.push(answer);
  }

  answersBefore(timeMs: number, limit: number): readonly string[] {
    return this.#known.answersBefore(timeMs, limit);
  }

  dropAnswer(key: string): void {
    this.#droppedAnswers.push(key);
  }

  op(namespace: string, name: string, version: number): Op | undefined {
    return this.#known.op(namespace, name, version);
  }

  opVersions(namespace: string, name: string): readonly Op[] {
    return this.#known.opVersions(namespace, name);
  }

  lastOpVersion(namespace: string, name: string): number {
    return this.#known.lastOpVersion(namespace, name);
  }

  addOp(op: Op): void {
    this.#ops.push(op);
  }

  removeOp(op: Op): void {
    this.#goneOps.push({ namespace: op.namespace, name: op.name, version: op.version });
  }

  /** The limits of a namespace as they were before this draft. */
  limits(namespace: string): readonly Limit[] {
    return this.#known.limits(namespace);
  }

  setLimit(limit: Limit): void {
    this.#limits.push(limit);
  }

  removeLimit({ namespace, name }: Limit): void {
    this.#goneLimits.push({ namespace, name });
  }

  counter(key: string): Counter | undefined {
    return this.#counters.has(key) ? this.#counters.get(key) : this.#known.counter(key);
  }

  setCounter(counter: Counter): void {
    this.#counters.set(counter.key, counter);
  }

  removeCounter(key: string): void {
    this.#counters.set(key, undefined);
  }

  subscription(namespace: string, name: string): Subscription | undefined {
    return this.#known.subscription(namespace, name);
  }

  setSubscription(subscription: Subscription): void {
    this.#subscriptions.push(subscription);
  }

  removeSubscription({ namespace, name }: Subscription): void {
    this.#goneSubscriptions.push({ namespace, name });
  }

  addDeadLetter(letter: DeadLetter): void {
    this.#deadLetters.push(letter);
  }

  removeDeadLetter({ namespace, subscription, position }: DeadLetter): void {
    this.#goneDeadLetters.push({ namespace, subscription, position });
  }

  /** What of it is written. */
  protected tables(): Pick<
    Change,
    | "answers"
    | "droppedAnswers"
    | "newOps"
    | "goneOps"
    | "limits"
    | "goneLimits"
    | "counters"
    | "goneCounters"
    | "subscriptions"
    | "goneSubscriptions"
    | "deadLetters"
    | "goneDeadLetters"
  > {
    const counters: Counter[] = [];
    const goneCounters: string[] = [];
    for (const [key, counter] of this.#counters) {
      if (counter === undefined) goneCounters.push(key);
      else counters.push(counter);
    }
    return {
      answers: this.#answers,
      droppedAnswers: this.#droppedAnswers,
      newOps: this.#ops,
      goneOps: this.#goneOps,
      limits: this.#limits,
      goneLimits: this.#goneLimits,
      counters,
      goneCounters,
      subscriptions: this.#subscriptions,
      goneSubscriptions: this.#goneSubscriptions,
      deadLetters: this.#deadLetters,
      goneDeadLetters: this.#goneDeadLetters,
    };
  }
}
