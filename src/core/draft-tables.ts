import type { Change } from "./change.ts";
import type { WebhookPost } from "./conditions/outbox.ts";
import type { Counter, Limit } from "./limits/limit.ts";
import type { KeyedSignal, Loaded, StoredAnswer } from "./loaded.ts";
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
  readonly #keyedSignals = new Map<string, KeyedSignal | Change["droppedKeyedSignals"][number]>();
  readonly #posts = new Map<string, WebhookPost | undefined>();
  readonly #ops: Op[] = [];
  readonly #goneOps: Change["goneOps"][number][] = [];
  readonly #limits: Limit[] = [];
  readonly #goneLimits: Change["goneLimits"][number][] = [];
  readonly #counters = new Map<string, Counter | undefined>();
  readonly #subscriptions: Subscription[] = [];
  readonly #goneSubscriptions: Change["goneSubscriptions"][number][] = [];
  readonly #deadLetters: DeadLetter[] = [];
  readonly #goneDeadLetters: Change["goneDeadLetters"][number][] = [];
  #feedTrimmedThrough: number | undefined;

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

  keyedSignal(namespace: string, correlationKey: string): KeyedSignal | undefined {
    const known = this.#keyedSignals.get(`${namespace}/${correlationKey}`);
    if (known === undefined) return this.#known.keyedSignal(namespace, correlationKey);
    return "value" in known ? known : undefined;
  }

  /** How many are kept in a namespace, before this draft. */
  keyedSignalCount(namespace: string): number {
    return this.#known.keyedSignalCount(namespace);
  }

  keepKeyedSignal(signal: KeyedSignal): void {
    this.#keyedSignals.set(`${signal.namespace}/${signal.correlationKey}`, signal);
  }

  dropKeyedSignal(namespace: string, correlationKey: string): void {
    this.#keyedSignals.set(`${namespace}/${correlationKey}`, { namespace, correlationKey });
  }

  post(key: string): WebhookPost | undefined {
    return this.#posts.has(key) ? this.#posts.get(key) : this.#known.post(key);
  }

  setPost(post: WebhookPost): void {
    this.#posts.set(post.key, post);
  }

  removePost(key: string): void {
    this.#posts.set(key, undefined);
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

  /** Has the transactions of the feed up to a position removed. */
  trimFeed(through: number): void {
    this.#feedTrimmedThrough = through;
  }

  /** What of it is written. */
  protected tables(): Pick<
    Change,
    | "answers"
    | "droppedAnswers"
    | "keyedSignals"
    | "droppedKeyedSignals"
    | "posts"
    | "gonePosts"
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
    | "feedTrimmedThrough"
  > {
    const counters: Counter[] = [];
    const goneCounters: string[] = [];
    for (const [key, counter] of this.#counters) {
      if (counter === undefined) goneCounters.push(key);
      else counters.push(counter);
    }
    const keyedSignals: KeyedSignal[] = [];
    const droppedKeyedSignals: Change["droppedKeyedSignals"][number][] = [];
    for (const signal of this.#keyedSignals.values()) {
      if ("value" in signal) keyedSignals.push(signal);
      else droppedKeyedSignals.push(signal);
    }
    const posts: WebhookPost[] = [];
    const gonePosts: string[] = [];
    for (const [key, post] of this.#posts) {
      if (post === undefined) gonePosts.push(key);
      else posts.push(post);
    }
    return {
      keyedSignals,
      droppedKeyedSignals,
      posts,
      gonePosts,
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
      feedTrimmedThrough: this.#feedTrimmedThrough,
    };
  }
}
