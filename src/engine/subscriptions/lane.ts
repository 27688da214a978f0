import type { PlacedEvent } from "../feed-pages.ts";

/** An event that is held until it is dealt with. */
export interface HeldEvent {
  readonly placed: PlacedEvent;
  readonly position: number;
  readonly lane: Lane;
  readonly sizeBytes: number;
  /** Who has it; undefined while it waits. */
  taker: Taker | undefined;
  /** When its time is over, while somebody has it. */
  deadlineMs: number;
  deliveryCount: number;
  /** How many of its deliveries count as tries that failed. */
  failedCount: number;
}

/** Who takes events: what a lane must know of it. */
export interface Taker {
  readonly isPipelined: boolean;
}

/**
 * The events of one run that are held, in order; those of no run have one lane for their namespace. The first
 * `flyingCount` of them are in flight, all to one taker; the others wait.
 */
export class Lane {
  readonly key: string;
  readonly #events: HeldEvent[] = [];
  #flyingCount = 0;
  /** Nothing of it is delivered before this time. */
  restsUntilMs: number | undefined;

  constructor(key: string) {
    this.key = key;
  }

  /** True if it holds nothing. */
  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  /** Who has what is in flight of it. */
  get taker(): Taker | undefined {
    return this.#flyingCount === 0 ? undefined : this.#events[0]?.taker;
  }

  /** The next event that may be delivered, if one may. */
  get next(): HeldEvent | undefined {
    if (this.restsUntilMs !== undefined) return undefined;
    const { taker } = this;
    return taker === undefined || taker.isPipelined ? this.#events[this.#flyingCount] : undefined;
  }

  /** Holds one more, behind the others. */
  add(event: HeldEvent): void {
    this.#events.push(event);
  }

  /** The next one is in flight. */
  take(taker: Taker): void {
    const event = this.#events[this.#flyingCount];
    if (event !== undefined) event.taker = taker;
    this.#flyingCount += 1;
  }

  /** It is dealt with: held no longer. */
  remove(event: HeldEvent): void {
    const index = this.#events[0] === event ? 0 : this.#events.indexOf(event);
    if (index < 0) return;
    this.#events.splice(index, 1);
    if (index < this.#flyingCount) this.#flyingCount -= 1;
  }

  /** It waits again, and with it what was in flight behind it. The answer is all of these. */
  putBack(event: HeldEvent): readonly HeldEvent[] {
    const index = this.#events.indexOf(event);
    const back = this.#events.slice(index, this.#flyingCount);
    for (const one of back) one.taker = undefined;
    this.#flyingCount = index;
    return back;
  }
}
