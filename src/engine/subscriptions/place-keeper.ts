import { merged } from "../../core/subscriptions/place.ts";
import type { DeadLetter, PositionRange, Subscription } from "../../core/subscriptions/subscription.ts";
import { deliveryStopGraceMs, storeRetryDelayMs, subscriptionPlaceIntervalMs } from "../../limits.ts";
import type { Store } from "../../store/store.ts";
import type { Clock } from "../clock.ts";
import { type Execute, Stopping } from "../execute.ts";
import type { EngineLog } from "../log.ts";

/** What a keeper is made of. */
export interface PlaceKeeperOptions {
  readonly subscription: Pick<Subscription, "namespace" | "name" | "createTimeMs">;
  readonly store: Store;
  readonly execute: Execute;
  readonly clock: Clock;
  readonly log: EngineLog;
  /** The subscription is not there any more. */
  readonly onGone: () => void;
}

/**
 * Makes durable what a subscription has dealt with. One move is on its way at a time; what comes meanwhile
 * goes together with the next one, so that many acknowledgements share a commit.
 *
 * Events that nobody wanted move the place too, but nobody waits for that: they go along with the next move,
 * and cause one of their own `subscriptionPlaceIntervalMs` later.
 */
export class PlaceKeeper {
  readonly #options: PlaceKeeperOptions;
  #pending: PositionRange[] = [];
  #letters: DeadLetter[] = [];
  /** Settles when what is pending is durable. */
  #next: PromiseWithResolvers<void> | undefined;
  #reading: PromiseWithResolvers<Subscription | undefined> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isWorking = false;
  #hasEnded = false;

  constructor(options: PlaceKeeperOptions) {
    this.#options = options;
  }

  /** What was dealt with and is not on its way to the store yet. */
  get pending(): readonly PositionRange[] {
    return this.#pending;
  }

  /** Notes what was dealt with; settles when it is durable. Rejects if subscription or server end before. */
  dealt(ranges: readonly PositionRange[], letters: readonly DeadLetter[] = []): Promise<void> {
    this.#pending.push(...ranges);
    this.#letters.push(...letters);
    if (this.#next === undefined) {
      this.#next = Promise.withResolvers();
      // Nobody need wait for it.
      this.#next.promise.catch(() => {});
    }
    const { promise } = this.#next;
    if (this.#hasEnded) this.#fail(new Stopping());
    else this.#work();
    return promise;
  }

  /** Notes what nobody wanted. */
  passedOver(range: PositionRange): void {
    const last = this.#pending.at(-1);
    if (last !== undefined && last[1] + 1 === range[0])
      this.#pending[this.#pending.length - 1] = [last[0], range[1]];
    else this.#pending.push(range);
    this.#armTimer();
  }

  /** The subscription, read while no move is on its way: `pending` is all that it does not know of. */
  read(): Promise<Subscription | undefined> {
    this.#reading ??= Promise.withResolvers();
    const { promise } = this.#reading;
    this.#work();
    return promise;
  }

  /**
   * Makes durable what is pending, for the last time; nothing is taken afterwards. It takes no longer than
   * `deliveryStopGraceMs`, and never rejects.
   */
  async stop(): Promise<void> {
    if (this.#pending.length > 0 && !this.#hasEnded) {
      const late = Promise.withResolvers<void>();
      const cancelTimer = this.#options.clock.after(deliveryStopGraceMs, late.resolve);
      await Promise.race([this.dealt([]).catch(() => {}), late.promise]);
      cancelTimer();
    }
    this.end();
  }

  /** Gives up: the subscription is gone. */
  end(): void {
    this.#hasEnded = true;
    this.#cancelTimer?.();
    this.#fail(new Stopping());
  }

  #armTimer(): void {
    if (this.#cancelTimer !== undefined || this.#hasEnded) return;
    this.#cancelTimer = this.#options.clock.after(subscriptionPlaceIntervalMs, () => {
      this.#cancelTimer = undefined;
      if (this.#pending.length > 0) void this.dealt([]);
    });
  }

  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    void this.#workOn();
  }

  async #workOn(): Promise<void> {
    // What is said in one turn of the event loop goes together.
    await Promise.resolve();
    while (!this.#hasEnded && (this.#next !== undefined || this.#reading !== undefined)) {
      try {
        if (this.#next !== undefined) await this.#move();
        else await this.#read();
      } catch (error) {
        if (error instanceof Stopping) this.end();
        else await this.#rest(error);
      }
    }
    // Whoever reads when it is over learns that there is nothing.
    this.#reading?.resolve(undefined);
    this.#reading = undefined;
    this.#isWorking = false;
  }

  async #move(): Promise<void> {
    const { subscription, execute, log, onGone } = this.#options;
    const { namespace, name, createTimeMs } = subscription;
    const dealtWith = merged(this.#pending);
    const deadLetters = this.#letters;
    const next = this.#next;
    this.#pending = [];
    this.#letters = [];
    this.#next = undefined;
    try {
      const command = {
        kind: "moveSubscription",
        namespace,
        name,
        createTimeMs,
        dealtWith,
        deadLetters,
      } as const;
      const outcome = await execute<"moveSubscription">(command);
      if (outcome.ok) {
        next?.resolve();
        return;
      }
      next?.reject(new Stopping());
      this.end();
      if (outcome.refusal.reason !== "SUBSCRIPTION_NOT_FOUND") {
        log.error({ namespace, name, refusal: outcome.refusal }, "the place of a subscription was refused");
      }
      onGone();
    } catch (error) {
      this.#takeBack(dealtWith, deadLetters);
      this.#joinNext(next);
      throw error;
    }
  }

  #takeBack(dealtWith: readonly PositionRange[], letters: readonly DeadLetter[]): void {
    this.#pending = [...dealtWith, ...this.#pending];
    this.#letters = [...letters, ...this.#letters];
  }

  /** Who waited for a move that failed waits for the next one. */
  #joinNext(waiting: PromiseWithResolvers<void> | undefined): void {
    if (this.#next === undefined) this.#next = waiting;
    else if (waiting !== undefined) this.#next.promise.then(waiting.resolve, waiting.reject);
  }

  async #read(): Promise<void> {
    const { store, subscription } = this.#options;
    const found = await store.subscription(subscription.namespace, subscription.name);
    const reading = this.#reading;
    this.#reading = undefined;
    reading?.resolve(found);
  }

  async #rest(error: unknown): Promise<void> {
    const { clock, log, subscription } = this.#options;
    const { namespace, name } = subscription;
    log.warn(
      { namespace, name, err: error },
      "the place of a subscription could not be kept and is tried again",
    );
    await new Promise<void>((resolve) => clock.after(storeRetryDelayMs, resolve));
  }

  #fail(error: Error): void {
    this.#next?.reject(error);
    this.#next = undefined;
  }
}
