import type { Change } from "../../core/change.ts";
import type { WebhookPost } from "../../core/conditions/outbox.ts";
import type { KeyedSignal } from "../../core/loaded.ts";
import type { PostPage } from "../store.ts";
import type { Deadlines } from "./deadlines.ts";
import { compareTexts, SortedSet } from "./sorted-set.ts";

/** What conditions leave beside their rows: signals kept for correlation keys, and posts to be made. */
export class MemoryDecisions {
  readonly #deadlines: Deadlines;
  readonly #keyedSignals = new Map<string, KeyedSignal>();
  readonly #posts = new Map<string, WebhookPost>();
  readonly #postsByTime = new SortedSet<WebhookPost>(byTime);

  /** What is kept for a while is due in `deadlines`. */
  constructor(deadlines: Deadlines) {
    this.#deadlines = deadlines;
  }

  keyedSignal(namespace: string, correlationKey: string): KeyedSignal | undefined {
    return this.#keyedSignals.get(`${namespace}/${correlationKey}`);
  }

  /** All of them, in no order. */
  allKeyedSignals(): readonly KeyedSignal[] {
    return [...this.#keyedSignals.values()];
  }

  keyedSignalCount(namespace: string): number {
    return this.allKeyedSignals().filter((signal) => signal.namespace === namespace).length;
  }

  post(key: string): WebhookPost | undefined {
    return this.#posts.get(key);
  }

  duePosts(nowMs: number, limit: number): PostPage {
    const found = this.#postsByTime.first(limit + 1);
    const posts = found.slice(0, limit).filter(({ dueMs }) => dueMs <= nowMs);
    return { posts, nextMs: found[posts.length]?.dueMs };
  }

  apply({ droppedKeyedSignals, keyedSignals, gonePosts, posts }: Change): void {
    for (const { namespace, correlationKey } of droppedKeyedSignals) {
      this.#moveSignal({ namespace, correlationKey }, undefined);
      this.#keyedSignals.delete(`${namespace}/${correlationKey}`);
    }
    for (const signal of keyedSignals) {
      this.#moveSignal(signal, signal.expireMs);
      this.#keyedSignals.set(`${signal.namespace}/${signal.correlationKey}`, signal);
    }
    for (const key of gonePosts) this.#removePost(key);
    for (const post of posts) {
      this.#removePost(post.key);
      this.#posts.set(post.key, post);
      this.#postsByTime.add(post);
    }
  }

  #moveSignal(place: Pick<KeyedSignal, "namespace" | "correlationKey">, to: number | undefined): void {
    const { namespace, correlationKey } = place;
    const from = this.keyedSignal(namespace, correlationKey)?.expireMs;
    this.#deadlines.move({ kind: "keyedSignal", namespace, correlationKey }, { from, to });
  }

  #removePost(key: string): void {
    const post = this.#posts.get(key);
    if (post === undefined) return;
    this.#posts.delete(key);
    this.#postsByTime.delete(post);
  }
}

function byTime(one: WebhookPost, other: WebhookPost): number {
  return one.dueMs - other.dueMs || compareTexts(one.key, other.key);
}
