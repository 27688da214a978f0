import type { Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import { Stopping } from "./execute.ts";
import { FeedPages } from "./feed-pages.ts";
import { type FeedFrame, type FeedSources, Follower, type FollowOptions } from "./follower.ts";
import { Tail } from "./tail.ts";
import type { Wake } from "./wake.ts";

/** What feeds are made of. */
export interface FeedsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly wake: Wake;
  /** The longest a follower hears nothing. */
  readonly bookmarkIntervalMs: number;
}

/**
 * Lets any number follow the feed, each from a place and with a wish of its own. The store is the only source
 * of events: what is committed wakes followers, and they read. What docs/feed.md promises is kept here.
 */
export class Feeds {
  readonly #sources: FeedSources;
  #hasStopped = false;

  constructor({ store, clock, wake, bookmarkIntervalMs }: FeedsOptions) {
    const pages = new FeedPages(store);
    const tail = new Tail(pages, wake);
    const hasStopped = () => this.#hasStopped;
    this.#sources = { store, clock, wake, pages, tail, bookmarkIntervalMs, followers: new Set(), hasStopped };
  }

  /**
   * Follows the feed until the signal aborts or the consumer returns.
   *
   * The first frame comes at once and is a bookmark that says where it begins. Then comes one frame for each
   * transaction with events that match, in commit order, none left out and none twice; a bookmark when it has
   * caught up, and one whenever nothing was sent for the bookmark interval. Nothing is read before it is
   * pulled. Throws CursorExpired if `after` is older than what is kept or ahead of all there is, Stopping
   * when the engine stops, and StoreUnavailable; `through` of the last frame is where to go on then.
   *
   * A consumer that waits for the next frame is ended by the signal; `return` alone waits for that frame.
   */
  follow(options: FollowOptions): AsyncGenerator<FeedFrame, void, undefined> {
    return new Follower(options, this.#sources).frames();
  }

  /** How many follow. */
  get followerCount(): number {
    return this.#sources.followers.size;
  }

  /** How many of them are waiting at the end of the feed. */
  get waitingCount(): number {
    return this.#sources.tail.readerCount;
  }

  /** Ends all followers with Stopping, those that are waiting at once. */
  stop(): void {
    this.#hasStopped = true;
    for (const follower of [...this.#sources.followers]) follower.fail(new Stopping());
  }
}
