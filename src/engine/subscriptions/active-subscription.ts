import type { Position } from "../../core/event.ts";
import { type RunKey, runKey } from "../../core/name.ts";
import { lastDealt, openRanges, withDealt } from "../../core/subscriptions/place.ts";
import type { PositionRange, Subscription } from "../../core/subscriptions/subscription.ts";
import {
  deadLettersMax,
  deliveryStopGraceMs,
  feedBatchBytesMax,
  feedBatchEventsMax,
  storeRetryDelayMs,
} from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import { type Execute, Stopping } from "../execute.ts";
import { CursorExpired, type PlacedEvent } from "../feed-pages.ts";
import type { Feeds } from "../feeds.ts";
import type { FeedFrame } from "../follower.ts";
import type { EngineLog } from "../log.ts";
import type { Consumer, Consuming, DeliveryStatus, EndCause } from "./consumer.ts";
import { Distribution } from "./distribution.ts";
import { type EventMatcher, type Expressions, wantedBy } from "./expressions.ts";
import type { HeldEvent } from "./lane.ts";
import { PlaceKeeper } from "./place-keeper.ts";

/** What active subscriptions share. */
export interface SubscriptionSources {
  readonly store: Store;
  readonly feeds: Feeds;
  readonly execute: Execute;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly expressions: Expressions;
}

/**
 * A subscription at work: it follows the feed as far as there is room for events, has them shared among its
 * consumers, and makes durable what was dealt with. It waits for nobody and nobody waits for it: what it does
 * not read now it reads later.
 *
 * What always holds: every position up to `#position` is dealt with durably, on its way to that, or held.
 */
export class ActiveSubscription {
  readonly subscription: Subscription;
  readonly #sources: SubscriptionSources;
  readonly #matches: EventMatcher;
  /** False if nobody here understands its expression: then nothing is passed over on a guess. */
  readonly #isUnderstood: boolean;
  readonly #keeper: PlaceKeeper;
  readonly #distribution: Distribution;
  readonly #ending = new AbortController();
  #position: number;
  #letterCount: number;
  #missedCount: number;
  #whenRoom: (() => void)[] = [];
  /** Reading of what is open again: one after the other. */
  #reopening: Promise<void> = Promise.resolve();

  /** `onGone` is called when the store does not know it any more. */
  constructor(subscription: Subscription, sources: SubscriptionSources, onGone: () => void) {
    this.subscription = subscription;
    this.#sources = sources;
    const wanted = wantedBy(subscription.filter, sources.expressions);
    this.#matches = wanted ?? (() => false);
    this.#isUnderstood = wanted !== undefined;
    this.#position = lastDealt(subscription);
    this.#letterCount = subscription.deadLetterCount;
    this.#missedCount = subscription.missedCount;
    this.#keeper = new PlaceKeeper({ subscription, ...sources, onGone });
    this.#distribution = new Distribution({
      content: subscription,
      // Senders always say what became of an event.
      ackTimeoutMs: subscription.target.kind === "pull" ? subscription.ackTimeoutMs : undefined,
      clock: sources.clock,
      dealt: (positions) =>
        this.#keeper.dealt(positions.map((position): PositionRange => [position, position])),
      setAside: (event, cause) => this.#setAside(event, cause),
      onRoom: () => this.#tellRoom(),
    });
  }

  /** Where it stands. */
  get status(): DeliveryStatus {
    return this.#distribution.status;
  }

  /** Begins to follow the feed. */
  start(): void {
    if (this.#isUnderstood) {
      void this.#follow();
      return;
    }
    const { namespace, name } = this.subscription;
    this.#sources.log.error({ namespace, name }, "the expression of a subscription is not understood here");
  }

  /** One more consumer. */
  open(consumer: Consumer): Consuming {
    return this.#distribution.add(consumer);
  }

  /** Letters were released or events removed, perhaps: what is open again is delivered again. */
  look(): void {
    if (this.#isUnderstood) void this.#reopenInTurn();
  }

  /** Ends it. Before a stop what was acknowledged is made durable. */
  async end(cause: EndCause): Promise<void> {
    this.#ending.abort();
    this.#tellRoom();
    const late = Promise.withResolvers<void>();
    const cancelTimer = this.#sources.clock.after(deliveryStopGraceMs, late.resolve);
    await Promise.race([this.#distribution.stop(cause), late.promise]);
    cancelTimer();
    if (cause === "DELETED") this.#keeper.end();
    else await this.#keeper.stop();
  }

  get #hasEnded(): boolean {
    return this.#ending.signal.aborted;
  }

  async #follow(): Promise<void> {
    while (!this.#hasEnded) {
      try {
        await this.#reopenInTurn();
        await this.#followFeed();
      } catch (error) {
        if (this.#hasEnded || error instanceof Stopping) return;
        if (error instanceof CursorExpired) this.#skipTo(Number(error.oldest));
        else await this.#rest(error);
      }
    }
  }

  async #followFeed(): Promise<void> {
    const matches = this.#matches;
    const { feeds } = this.#sources;
    const { signal } = this.#ending;
    const after = await this.#transactionEndBefore(this.#position);
    for await (const frame of feeds.follow({ after, run: this.#run, matches, signal })) {
      this.#take(frame);
      await this.#room();
    }
  }

  /** The run that it is about, if it is about one. */
  get #run(): RunKey | undefined {
    const { namespace, runId } = this.subscription.filter;
    return namespace === "-" || runId === "" ? undefined : runKey(namespace, runId);
  }

  #take({ events, through }: FeedFrame): void {
    const wanted = events.filter(({ position }) => Number(position) > this.#position);
    for (const { position } of wanted) {
      this.#passOver(this.#position + 1, Number(position) - 1);
      this.#position = Number(position);
    }
    this.#passOver(this.#position + 1, Number(through));
    this.#position = Math.max(this.#position, Number(through));
    this.#distribution.enter(wanted);
  }

  #passOver(first: number, last: number): void {
    if (first <= last) this.#keeper.passedOver([first, last]);
  }

  /** Followers begin between two transactions: where the one ends that is before a position, or at it. */
  async #transactionEndBefore(position: number): Promise<Position> {
    const after = BigInt(position) as Position;
    const page = await this.#sources.store.readFeed({ after, run: undefined, eventsMax: 1, bytesMax: 1 });
    const first = page.transactions[0]?.first;
    return first !== undefined && first <= after ? ((first - 1n) as Position) : after;
  }

  #reopenInTurn(): Promise<void> {
    this.#reopening = this.#reopening.then(async () => {
      for (let isDone = false; !isDone && !this.#hasEnded; ) {
        try {
          await this.#reopen();
          isDone = true;
        } catch (error) {
          await this.#rest(error);
        }
      }
    });
    return this.#reopening;
  }

  /** Enters what is open and not held: after a start what was in flight before, later what was released. */
  async #reopen(): Promise<void> {
    const found = await this.#keeper.read();
    if (found === undefined || this.#hasEnded) return;
    this.#letterCount = found.deadLetterCount;
    this.#noteMissed(found.missedCount);
    const place = withDealt(found, this.#keeper.pending);
    const tail: PositionRange = [lastDealt(place) + 1, this.#position];
    const open = [...openRanges(place), tail].flatMap(([first, last]) => this.#notHeld(first, last));
    for (const range of open) await this.#enterRange(range);
  }

  /** The positions of a range that are not held, and below the place up to which the feed was read. */
  #notHeld(first: number, last: number): PositionRange[] {
    const ranges: [number, number][] = [];
    for (let position = first; position <= Math.min(last, this.#position); position += 1) {
      const previous = ranges.at(-1);
      if (this.#distribution.holds(position)) continue;
      if (previous?.[1] === position - 1) previous[1] = position;
      else ranges.push([position, position]);
    }
    return ranges;
  }

  async #enterRange([first, last]: PositionRange): Promise<void> {
    for (let after = first - 1; after < last && !this.#hasEnded; ) {
      await this.#room();
      const eventsMax = Math.min(last - after, feedBatchEventsMax);
      const query = {
        after: BigInt(after) as Position,
        run: undefined,
        eventsMax,
        bytesMax: feedBatchBytesMax,
      };
      const page = await this.#sources.store.readFeed(query);
      const events: PlacedEvent[] = [];
      // What is not kept any more cannot come.
      this.#passOver(after + 1, Math.min(last, Number(page.transactions[0]?.first ?? last + 1) - 1));
      for (const transaction of page.transactions) {
        transaction.events.forEach((event, index) => {
          const position = (transaction.first + BigInt(index)) as Position;
          const isOpen = position > after && position <= last && !this.#distribution.holds(Number(position));
          if (!isOpen) return;
          const placed = { position, event };
          if (this.#matches(event, placed)) events.push(placed);
          else this.#passOver(Number(position), Number(position));
        });
      }
      this.#distribution.enter(events);
      after = Number(page.through);
    }
  }

  #setAside({ position, deliveryCount, placed }: HeldEvent, cause: string): boolean {
    if (this.#letterCount >= deadLettersMax) return false;
    this.#letterCount += 1;
    const { namespace, name: subscription } = this.subscription;
    const timeMs = this.#sources.clock.nowMs();
    const letter = { namespace, subscription, position, deliveryCount, cause, timeMs };
    void this.#keeper.dealt([[position, position]], [letter]);
    const { kind } = placed.event.detail;
    this.#sources.log.warn({ namespace, subscription, position, kind, cause }, "an event was set aside");
    return true;
  }

  /** Says that events were removed before they were dealt with, until the next one is. */
  #noteMissed(missedCount: number): void {
    const count = missedCount - this.#missedCount;
    this.#missedCount = missedCount;
    if (count > 0) this.#distribution.tell(`${count} events were removed before they were delivered`);
  }

  /** What lies before is not kept any more: it cannot come, which whoever removed it has said. */
  #skipTo(oldest: number): void {
    this.#passOver(this.#position + 1, oldest);
    this.#position = Math.max(this.#position, oldest);
  }

  async #room(): Promise<void> {
    while (!this.#distribution.hasRoom && !this.#hasEnded) {
      await new Promise<void>((resolve) => this.#whenRoom.push(resolve));
    }
  }

  #tellRoom(): void {
    for (const resolve of this.#whenRoom.splice(0)) resolve();
  }

  async #rest(error: unknown): Promise<void> {
    const { clock, log } = this.#sources;
    const { namespace, name } = this.subscription;
    if (this.#hasEnded) return;
    log.warn({ namespace, name, err: error }, "a subscription could not read on and tries again");
    await new Promise<void>((resolve) => clock.after(storeRetryDelayMs, resolve));
  }
}
