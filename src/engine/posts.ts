import type { WebhookPost } from "../core/conditions/outbox.ts";
import {
  deadlineLookMsMax,
  deliveryStopGraceMs,
  postBackoffMs,
  postBackoffMsMax,
  postsInWorkMax,
  postsKnownMax,
  postsPerHostMax,
  postTriesMax,
  storeRetryDelayMs,
} from "../limits.ts";
import type { Store } from "../store/store.ts";
import type { Chance, Clock } from "./clock.ts";
import type { Execute } from "./execute.ts";
import type { EngineLog } from "./log.ts";

/** What a try to post came to. */
export type PostEnd =
  | "taken"
  | {
      /** What the receiver, or the way to it, said. */
      readonly cause: string;
      /** Not before this time is over; undefined takes the usual wait. */
      readonly delayMs: number | undefined;
      /** It never will be taken: it is given up. */
      readonly isFinal?: boolean;
    };

/** Who makes the posts that the rules ask for. */
export interface PostSender {
  /** Where a post goes, as a host; "" for nowhere. Posts to one host share a bound. */
  hostOf(post: WebhookPost): Promise<string>;
  /** Tries once; the signal gives the try up. Rejects if the store cannot say what is to be posted. */
  send(post: WebhookPost, signal: AbortSignal): Promise<PostEnd>;
  /** No more tries come. */
  close(): void;
}

/** What posts are made of. */
export interface PostsOptions {
  readonly store: Store;
  /** Takes commands while the engine stops, too. */
  readonly execute: Execute;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: EngineLog;
}

interface KnownPost {
  readonly post: WebhookPost;
  readonly host: string;
}

/**
 * Has the posts made that are due, each until it was taken or given up.
 *
 * UNSERVED ──serve──▶ LOOKING ⇄ WAITING ──stop──▶ STOPPED
 *
 * The store knows every post and when it is to be tried next; a try that is not settled there, because the
 * process ended or the store could not write, is made again. Here are at most `postsKnownMax` that are due:
 * `postsInWorkMax` of them in work, `postsPerHostMax` to one host and one of a condition. WAITING: a timer is
 * set for the next one, at most `deadlineLookMsMax` away.
 */
export class Posts {
  readonly #options: PostsOptions;
  readonly #ending = new AbortController();
  readonly #inWork = new Map<string, { readonly known: KnownPost; readonly done: Promise<void> }>();
  /** Whose tries ended since a look began: it may have read them as they were before. */
  readonly #ended = new Set<string>();
  /** Due, and not in work; the longest due first. */
  #known: readonly KnownPost[] = [];
  /** There were more that are due than may be known. */
  #hasMore = false;
  #sender: PostSender | undefined;
  #isLooking = false;
  /** Something came while it looked, which it may not have seen. */
  #looksAgain = false;
  /** When the timer rings. */
  #wakeMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(options: PostsOptions) {
    this.#options = options;
  }

  /** Names who makes posts, and begins with those that are due. Without it posts wait in the store. */
  serve(sender: PostSender): void {
    this.#sender = sender;
    this.look();
  }

  /** There may be more posts that are due. */
  look(): void {
    if (this.#sender === undefined) return;
    if (this.#isLooking) this.#looksAgain = true;
    // Those that come now are read when there is room for them.
    else if (!this.#hasMore) void this.#look();
  }

  /** Begins no more tries; those in work get `deliveryStopGraceMs`. What is cut off is made again later. */
  async stop(): Promise<void> {
    const sender = this.#sender;
    this.#sender = undefined;
    this.#known = [];
    this.#cancelTimer?.();
    const cancel = this.#options.clock.after(deliveryStopGraceMs, () => this.#ending.abort());
    await Promise.all([...this.#inWork.values()].map(({ done }) => done));
    cancel();
    sender?.close();
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    this.#isLooking = true;
    do {
      this.#looksAgain = false;
      try {
        this.#setTimer(await this.#read());
      } catch (error) {
        if (this.#sender !== undefined) log.warn({ err: error }, "posts that are due could not be read");
        this.#setTimer(clock.nowMs() + storeRetryDelayMs);
      }
      this.#begin();
    } while (this.#looksAgain && this.#sender !== undefined);
    this.#isLooking = false;
  }

  /** Reads what is due; the answer is when something is due after it. */
  async #read(): Promise<number> {
    const { store, clock } = this.#options;
    this.#ended.clear();
    const { posts, nextMs } = await store.duePosts(clock.nowMs(), postsKnownMax);
    const hosts = new Map(this.#known.map(({ post, host }) => [post.key, host]));
    const read = await Promise.all(
      posts.map(async (post) => {
        return { post, host: hosts.get(post.key) ?? (await this.#sender?.hostOf(post)) ?? "" };
      }),
    );
    this.#known = read.filter(({ post: { key } }) => !this.#inWork.has(key) && !this.#ended.has(key));
    this.#hasMore = posts.length === postsKnownMax;
    return nextMs ?? Number.POSITIVE_INFINITY;
  }

  /** Begins the tries that there is room for. */
  #begin(): void {
    const sender = this.#sender;
    if (sender === undefined) return;
    const counts = new Map<string, number>();
    const conditions = new Set<string>();
    const take = ({ post, host }: KnownPost): void => {
      counts.set(host, (counts.get(host) ?? 0) + 1);
      conditions.add(conditionOf(post));
    };
    for (const { known } of this.#inWork.values()) take(known);
    this.#known = this.#known.filter((known) => {
      const isFree =
        this.#inWork.size < postsInWorkMax &&
        (counts.get(known.host) ?? 0) < postsPerHostMax &&
        !conditions.has(conditionOf(known.post));
      if (!isFree) return true;
      take(known);
      this.#start(sender, known);
      return false;
    });
  }

  #start(sender: PostSender, known: KnownPost): void {
    const { key } = known.post;
    const done = this.#try(sender, known.post).then(() => {
      this.#inWork.delete(key);
      if (this.#isLooking) this.#ended.add(key);
      if (this.#hasMore && this.#known.length <= postsKnownMax / 2) {
        this.#hasMore = false;
        this.look();
      } else {
        this.#begin();
      }
    });
    this.#inWork.set(key, { known, done });
  }

  /** Makes one try and says what became of it. Never rejects. */
  async #try(sender: PostSender, post: WebhookPost): Promise<void> {
    const { clock, execute, log } = this.#options;
    const { key } = post;
    try {
      const end = await sender.send(post, this.#ending.signal);
      // It was cut off, which is no fault of its own.
      if (end !== "taken" && this.#ending.signal.aborted) return;
      const settled = end === "taken" ? end : { cause: end.cause, retryMs: this.#retryMsOf(post, end) };
      if (settled !== "taken") {
        const { run, action, about, deliveryCount } = post;
        const tries = deliveryCount + 1;
        const { cause } = settled;
        log.warn({ run, action, about, tries, cause }, "a webhook of a condition took no post");
      }
      await execute<"settlePost">({ kind: "settlePost", post: { key }, end: settled });
      if (settled !== "taken" && settled.retryMs !== undefined) this.#setTimer(settled.retryMs);
    } catch (error) {
      if (this.#sender === undefined) return;
      log.warn({ err: error, post: key }, "a try to post could not be settled and is made again");
      this.#setTimer(clock.nowMs() + storeRetryDelayMs);
    }
  }

  /** When a post is to be tried again; undefined gives it up. */
  #retryMsOf({ deliveryCount }: WebhookPost, end: Exclude<PostEnd, "taken">): number | undefined {
    const { clock, chance } = this.#options;
    const tries = deliveryCount + 1;
    if (end.isFinal === true || tries >= postTriesMax) return undefined;
    const backoffMs = Math.min(postBackoffMs * 2 ** (tries - 1), postBackoffMsMax);
    // What failed together does not come back together.
    const spreadMs = Math.floor(backoffMs * 0.1 * chance.next());
    return clock.nowMs() + (end.delayMs ?? backoffMs + spreadMs);
  }

  /** Looks at this time, or earlier if a look is planned before. */
  #setTimer(atMs: number): void {
    const { clock } = this.#options;
    const delayMs = Math.min(Math.max(atMs - clock.nowMs(), 0), deadlineLookMsMax);
    const wakeMs = clock.nowMs() + delayMs;
    if (this.#sender === undefined || wakeMs >= this.#wakeMs) return;
    this.#cancelTimer?.();
    this.#wakeMs = wakeMs;
    this.#cancelTimer = clock.after(delayMs, () => {
      this.#wakeMs = Number.POSITIVE_INFINITY;
      this.look();
    });
  }
}

function conditionOf({ run, action }: WebhookPost): string {
  return `${run} ${action}`;
}
