import type { Position } from "../core/event.ts";
import type { RunKey } from "../core/name.ts";
import { runKey } from "../core/name.ts";
import type { FeedPages, PlacedPage } from "./feed-pages.ts";
import type { Wake } from "./wake.ts";

/** One who waits at the end of the feed. It holds no more than the one page that it is handed. */
export interface TailReader {
  /** Only pages with events of this run concern it; undefined: all do. */
  readonly run: RunKey | undefined;
  /** Behind this, nothing was looked at for it before it joined. */
  readonly position: Position;
  /** Ends the wait: what lies between its position and the page does not concern it. */
  hand(page: PlacedPage): void;
  /** Ends the wait: the feed cannot be read. */
  fail(error: unknown): void;
}

/**
 * Reads the end of the feed once for all who wait there, and only while somebody does. Who follows one run is
 * left alone until a page has events of that run, so that ten thousand who each wait for a run of their own
 * cost nothing until it moves.
 *
 * What always holds: everything up to `position` was looked at for everybody who is waiting.
 */
export class Tail {
  readonly #pages: FeedPages;
  readonly #wake: Wake;
  readonly #everything = new Set<TailReader>();
  readonly #readersByRun = new Map<RunKey, Set<TailReader>>();
  #readerCount = 0;
  #position = 0n as Position;
  #isReading = false;
  #isStirred = false;
  #stopListening: (() => void) | undefined;

  constructor(pages: FeedPages, wake: Wake) {
    this.#pages = pages;
    this.#wake = wake;
  }

  /** How far the feed was looked at for all who wait. */
  get position(): Position {
    return this.#position;
  }

  /** How many wait. */
  get readerCount(): number {
    return this.#readerCount;
  }

  /** Waits here, until handed a page or failed. False if the tail is further already: read on, then join. */
  join(reader: TailReader): boolean {
    if (this.#readerCount === 0) {
      this.#position = reader.position;
      this.#stopListening ??= this.#wake.listen(() => this.#look());
    } else if (reader.position < this.#position) return false;
    this.#add(reader);
    if (this.#wake.position > this.#position) this.#wake.stir();
    return true;
  }

  /** Waits no longer. Nothing happens if it was handed a page before. */
  leave(reader: TailReader): void {
    const readers = reader.run === undefined ? this.#everything : this.#readersByRun.get(reader.run);
    if (readers?.delete(reader) !== true) return;
    this.#readerCount -= 1;
    if (reader.run !== undefined && readers.size === 0) this.#readersByRun.delete(reader.run);
    if (this.#readerCount === 0) {
      this.#stopListening?.();
      this.#stopListening = undefined;
    }
  }

  /** Ends every wait with an error. */
  failAll(error: unknown): void {
    for (const readers of [this.#everything, ...this.#readersByRun.values()]) {
      for (const reader of readers) {
        this.leave(reader);
        reader.fail(error);
      }
    }
  }

  #add(reader: TailReader): void {
    this.#readerCount += 1;
    if (reader.run === undefined) {
      this.#everything.add(reader);
      return;
    }
    const readers = this.#readersByRun.get(reader.run);
    if (readers === undefined) this.#readersByRun.set(reader.run, new Set([reader]));
    else readers.add(reader);
  }

  #look(): void {
    // Nothing new is known, yet there may be something: a read on its way may have come too early for it.
    if (this.#wake.position <= this.#position) this.#isStirred = true;
    if (!this.#isReading) void this.#readOn();
  }

  async #readOn(): Promise<void> {
    this.#isReading = true;
    try {
      let isThereMore = true;
      while (isThereMore) {
        this.#isStirred = false;
        const page = await this.#pages.read(this.#position);
        // Everybody may have left meanwhile, and others come, who stand elsewhere.
        const isNext = page.after === this.#position;
        if (isNext && page.through > page.after) this.#hand(page);
        const isAtHead = isNext && page.atHead && this.#position >= this.#wake.position;
        isThereMore = this.#readerCount > 0 && (!isAtHead || this.#isStirred);
      }
    } catch (error) {
      this.failAll(error);
    } finally {
      this.#isReading = false;
    }
  }

  #hand(page: PlacedPage): void {
    this.#position = page.through;
    // Whoever was there before this page was begun stands at or behind its start; others may stand within it.
    for (const reader of this.#everything) this.#handTo(reader, page);
    if (this.#readersByRun.size === 0) return;
    for (const transaction of page.transactions) {
      let namespace = "";
      let runId = "";
      for (const { event } of transaction.events) {
        // Events of a transaction are nearly always of one run: it is looked up once.
        if (event.runId === runId && event.namespace === namespace) continue;
        ({ namespace, runId } = event);
        const readers = this.#readersByRun.get(runKey(namespace, runId));
        if (readers !== undefined) for (const reader of readers) this.#handTo(reader, page);
      }
    }
  }

  #handTo(reader: TailReader, page: PlacedPage): void {
    if (reader.position >= page.through) return;
    this.leave(reader);
    reader.hand(page);
  }
}
