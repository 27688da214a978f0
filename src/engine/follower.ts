import { setImmediate as nextTurn } from "node:timers/promises";
import type { Event, Position } from "../core/event.ts";
import { namespaceOf, type RunKey, runIdOf } from "../core/name.ts";
import { feedBatchEventsMax } from "../limits.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import { Stopping } from "./execute.ts";
import {
  CursorExpired,
  type FeedPages,
  type PlacedEvent,
  type PlacedPage,
  type PlacedTransaction,
} from "./feed-pages.ts";
import type { Tail, TailReader } from "./tail.ts";
import type { Wake } from "./wake.ts";

/** Where a follower begins, what it wants, and what ends it. */
export interface FollowOptions {
  /** Behind this position; "now" is behind all that is committed, "beginning" before all that is kept. */
  readonly after: Position | "now" | "beginning";
  /** Only events of this run; it makes catching up cheap. */
  readonly run?: RunKey | undefined;
  /** Which events are wanted, beside the run. Called for every event; it must be quick and must not throw. */
  matches(event: Event, placed: PlacedEvent): boolean;
  /** Ends it, without an error, wherever it stands. */
  readonly signal: AbortSignal;
}

/** What a follower is given: all wanted events of one transaction, or none in a bookmark. */
export interface FeedFrame {
  readonly events: readonly PlacedEvent[];
  /** Going on behind this position misses nothing and repeats nothing. */
  readonly through: Position;
  /** True if nothing committed lay behind it when the frame was made. */
  readonly atHead: boolean;
}

/** What all followers share. */
export interface FeedSources {
  readonly store: Store;
  readonly clock: Clock;
  readonly wake: Wake;
  readonly pages: FeedPages;
  readonly tail: Tail;
  readonly bookmarkIntervalMs: number;
  /** All that have begun and not ended. */
  readonly followers: Set<Follower>;
  hasStopped(): boolean;
}

const nothing: readonly PlacedEvent[] = [];

/**
 * One who follows the feed. It makes a frame when its consumer asks for the next one and not before: there is
 * no queue, and a consumer that is slow only makes it read later, and further back. It holds one page at
 * most, shared with all who are at the same place, and none while it waits.
 *
 * It begins with a bookmark that says where it stands, and is then in one of two states:
 *
 * ```
 *                  a page ends at the head
 *  CATCHING_UP ──────────────────────────────▶ LIVE
 *       ▲                                        │
 *       └────────────────────────────────────────┘
 *         a page is full: more lies behind it
 * ```
 * CATCHING_UP: it reads page after page itself. Without a run, or less than a page behind, it reads what all
 * others read, and shares it; else it reads by the run's index and skips everything of others. When it comes
 * to the head it says so, with a bookmark unless the last frame did.
 *
 * LIVE: it has seen everything up to the head as it was. It waits at the tail, which reads for all. It is
 * handed the next page that can concern it, sends what matches, and waits again; if the tail moved on while
 * its consumer took its time, it first reads what it missed, which is mostly among the recent pages.
 *
 * In both, `position` is behind everything that was looked at, wanted or not, and a bookmark with it is sent
 * when nothing has been for `bookmarkIntervalMs`. It ends when its signal aborts or its consumer returns;
 * with Stopping when the engine stops; with StoreUnavailable or CursorExpired when it cannot be read on.
 */
export class Follower implements TailReader {
  readonly run: RunKey | undefined;
  readonly #options: FollowOptions;
  readonly #sources: FeedSources;
  readonly #namespace: string;
  readonly #runId: string;
  #state: "CATCHING_UP" | "LIVE" = "CATCHING_UP";
  #position = 0n as Position;
  /** What it is in the middle of, and the transaction that comes next of it. */
  #page: PlacedPage | undefined;
  #index = 0;
  #failure: { readonly error: unknown } | undefined;
  #frameTimeMs = 0;
  /** Where the last frame stood if it said that this is the head. */
  #saidHead: Position | undefined;
  #resume: (() => void) | undefined;
  #isQuiet = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: FollowOptions, sources: FeedSources) {
    this.#options = options;
    this.#sources = sources;
    this.run = options.run;
    this.#namespace = options.run === undefined ? "" : namespaceOf(options.run);
    this.#runId = options.run === undefined ? "" : runIdOf(options.run);
  }

  get position(): Position {
    return this.#position;
  }

  hand(page: PlacedPage): void {
    this.#page = page;
    this.#index = 0;
    this.#wakeUp();
  }

  fail(error: unknown): void {
    this.#failure = { error };
    this.#release();
  }

  /** The frames, the first one at once. */
  async *frames(): AsyncGenerator<FeedFrame, void, undefined> {
    const { signal } = this.#options;
    if (this.#hasEnded()) return;
    this.#sources.followers.add(this);
    signal.addEventListener("abort", this.#release);
    try {
      yield await this.#begin();
      while (!this.#hasEnded()) {
        // Only the way past the page in hand has anything to wait for.
        const frame = this.#nextInPage() ?? (await this.#nextPage());
        if (frame !== undefined) yield frame;
      }
    } finally {
      signal.removeEventListener("abort", this.#release);
      this.#release();
    }
  }

  async #begin(): Promise<FeedFrame> {
    const { store } = this.#sources;
    const { after } = this.#options;
    const [oldest, head] = await Promise.all([store.oldest(), store.head()]);
    if (typeof after === "bigint" && (after < oldest || after > head)) throw new CursorExpired(oldest);
    this.#position = after === "now" ? head : after === "beginning" ? oldest : after;
    if (this.#position >= head) this.#state = "LIVE";
    return this.#frame(nothing, this.#position, this.#state === "LIVE");
  }

  /** True once the signal has aborted; throws what else ends it. */
  #hasEnded(): boolean {
    if (this.#options.signal.aborted) return true;
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#sources.hasStopped()) throw new Stopping();
    return false;
  }

  /** The next frame of the page in hand; undefined when there is none. */
  #nextInPage(): FeedFrame | undefined {
    const page = this.#page;
    if (page === undefined) return undefined;
    while (this.#index < page.transactions.length) {
      const transaction = page.transactions[this.#index] as PlacedTransaction;
      const { events, through } = transaction;
      this.#index += 1;
      if (through <= this.#position) continue;
      const wanted = this.#wantedOf(events);
      if (wanted.length === 0) continue;
      const atHead = page.atHead && through === page.through && this.#isHead(through);
      return this.#frame(wanted, through, atHead);
    }
    this.#page = undefined;
    if (page.through > this.#position) this.#position = page.through;
    return page.atHead ? this.#cameToHead() : this.#fellBehind();
  }

  #cameToHead(): FeedFrame | undefined {
    const wasBehind = this.#state === "CATCHING_UP";
    this.#state = "LIVE";
    return wasBehind && this.#saidHead !== this.#position ? this.#bookmark() : undefined;
  }

  #fellBehind(): FeedFrame | undefined {
    this.#state = "CATCHING_UP";
    return this.#quietForMs() >= this.#sources.bookmarkIntervalMs ? this.#bookmark() : undefined;
  }

  /** Gets a page into its hands, by waiting or reading; a bookmark comes first if it is due. */
  async #nextPage(): Promise<FeedFrame | undefined> {
    if (this.#state === "LIVE" && this.#sources.tail.join(this)) {
      return (await this.#wait()) ? this.#bookmark() : undefined;
    }
    const page = await this.#read();
    // A store may answer at once, page after page: whoever catches up leaves the event loop a turn for each.
    await nextTurn();
    this.#page = page;
    this.#index = 0;
    return undefined;
  }

  #read(): PlacedPage | Promise<PlacedPage> {
    const { pages, wake } = this.#sources;
    const isFarBehind = wake.position - this.#position > feedBatchEventsMax;
    if (this.run !== undefined && isFarBehind) return pages.readRun(this.#position, this.run);
    return pages.read(this.#position);
  }

  /** Waits at the tail until it is handed a page or ended. True: it was quiet until a bookmark is due. */
  async #wait(): Promise<boolean> {
    const { tail } = this.#sources;
    this.#isQuiet = false;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      this.#armTimer();
    });
    tail.leave(this);
    if (!this.#isQuiet || this.#page !== undefined || this.#hasEnded()) return false;
    // What the tail has read meanwhile did not concern this one, else it would have been handed a page.
    if (tail.position > this.#position) this.#position = tail.position;
    return true;
  }

  /** One timer outlives many waits: if frames were sent since it was set, it is set again when it fires. */
  #armTimer(): void {
    if (this.#cancelTimer !== undefined) return;
    const { clock, bookmarkIntervalMs } = this.#sources;
    const leftMs = Math.min(Math.max(bookmarkIntervalMs - this.#quietForMs(), 0), bookmarkIntervalMs);
    this.#cancelTimer = clock.after(leftMs, () => {
      this.#cancelTimer = undefined;
      if (this.#resume === undefined) return;
      if (this.#quietForMs() < bookmarkIntervalMs) {
        this.#armTimer();
        return;
      }
      this.#isQuiet = true;
      this.#wakeUp();
    });
  }

  #quietForMs(): number {
    return this.#sources.clock.nowMs() - this.#frameTimeMs;
  }

  #wakeUp(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  /** Lets go of everything at once, also if the consumer never asks again. */
  readonly #release = (): void => {
    this.#cancelTimer?.();
    this.#sources.tail.leave(this);
    this.#sources.followers.delete(this);
    this.#wakeUp();
  };

  #wantedOf(events: readonly PlacedEvent[]): readonly PlacedEvent[] {
    const other = events.findIndex((placed) => !this.#wants(placed));
    // Mostly a transaction is wanted whole: no list of its own is made then.
    if (other < 0) return events;
    const wanted = events.slice(0, other);
    for (const placed of events.slice(other + 1)) if (this.#wants(placed)) wanted.push(placed);
    return wanted;
  }

  #wants(placed: PlacedEvent): boolean {
    const { event } = placed;
    const isOfRun =
      this.run === undefined || (event.runId === this.#runId && event.namespace === this.#namespace);
    return isOfRun && this.#options.matches(event, placed);
  }

  #isHead(position: Position): boolean {
    return position >= this.#sources.wake.position;
  }

  #bookmark(): FeedFrame {
    const atHead = this.#state === "LIVE" && this.#isHead(this.#position);
    return this.#frame(nothing, this.#position, atHead);
  }

  #frame(events: readonly PlacedEvent[], through: Position, atHead: boolean): FeedFrame {
    this.#frameTimeMs = this.#sources.clock.nowMs();
    this.#saidHead = atHead ? through : undefined;
    return { events, through, atHead };
  }
}
