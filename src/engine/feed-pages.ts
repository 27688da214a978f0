import { type Event, lastPosition, type Position } from "../core/event.ts";
import type { RunKey } from "../core/name.ts";
import { feedBatchBytesMax, feedBatchEventsMax, sharedFeedPagesMax } from "../limits.ts";
import type { FeedPage, Store } from "../store/store.ts";

/** An event with its place in the feed. All who follow get one object: what is made of it can be shared. */
export interface PlacedEvent {
  readonly position: Position;
  readonly event: Event;
}

/** The events of one transaction; `through` is the position of the last. */
export interface PlacedTransaction {
  readonly events: readonly PlacedEvent[];
  readonly through: Position;
}

/** A part of the feed: all that lies behind `after`, up to and with `through`. */
export interface PlacedPage {
  readonly after: Position;
  readonly transactions: readonly PlacedTransaction[];
  readonly through: Position;
  /** True if nothing lay behind `through` when it was read. */
  readonly atHead: boolean;
}

/** What was asked for is not in this feed: it was removed since, or it is ahead of everything there is. */
export class CursorExpired extends Error {
  /** Everything behind this position is kept: where to go on. */
  readonly oldest: Position;

  constructor(oldest: Position) {
    super(`the feed is kept behind position ${oldest}`);
    this.name = "CursorExpired";
    this.oldest = oldest;
  }
}

/**
 * Reads the feed for everybody. Who asks for the same place at the same time shares one read, and the last
 * `sharedFeedPagesMax` pages are kept for those who come to the same place a little later.
 *
 * Positions have no holes, so a page that does not begin right behind `after` shows that events were removed.
 */
export class FeedPages {
  readonly #store: Store;
  readonly #reading = new Map<Position, Promise<PlacedPage>>();
  readonly #recent = new Map<Position, PlacedPage>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The page behind a position, at once if it is a recent one. Throws CursorExpired and StoreUnavailable. */
  read(after: Position): PlacedPage | Promise<PlacedPage> {
    const known = this.#recent.get(after) ?? this.#reading.get(after);
    if (known !== undefined) return known;
    const reading = this.#readShared(after);
    this.#reading.set(after, reading);
    return reading;
  }

  /** The page of one run behind a position, by the run's own index; for one who is far behind. */
  async readRun(after: Position, run: RunKey): Promise<PlacedPage> {
    const page = await this.#store.readFeed(queryOf(after, run));
    // A run's positions do have holes: only the store's oldest position, asked last, shows what was removed.
    const oldest = await this.#store.oldest();
    if (oldest > after) throw new CursorExpired(oldest);
    return place(after, page);
  }

  async #readShared(after: Position): Promise<PlacedPage> {
    try {
      const page = await this.#store.readFeed(queryOf(after, undefined));
      const first = page.transactions[0]?.first;
      const isWhole = first === undefined ? page.through === after : first === after + 1n;
      if (!isWhole) throw new CursorExpired(await this.#store.oldest());
      const placed = place(after, page);
      this.#keep(placed);
      return placed;
    } finally {
      this.#reading.delete(after);
    }
  }

  #keep(page: PlacedPage): void {
    // An empty page is not the same a moment later; an oversized one would make the bound mean nothing.
    let eventCount = 0;
    for (const transaction of page.transactions) eventCount += transaction.events.length;
    if (eventCount === 0 || eventCount > 2 * feedBatchEventsMax) return;
    this.#recent.set(page.after, page);
    if (this.#recent.size <= sharedFeedPagesMax) return;
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest);
      return;
    }
  }
}

function queryOf(after: Position, run: RunKey | undefined) {
  return { after, run, eventsMax: feedBatchEventsMax, bytesMax: feedBatchBytesMax };
}

function place(after: Position, page: FeedPage): PlacedPage {
  const transactions = page.transactions.map((transaction) => ({
    events: transaction.events.map((event, index) => ({
      position: (transaction.first + BigInt(index)) as Position,
      event,
    })),
    through: lastPosition(transaction),
  }));
  return { after, transactions, through: page.through, atHead: page.atHead };
}
