import type { Answers } from "../core/answer.ts";
import type { CommandOf } from "../core/command.ts";
import {
  requestSweepIntervalMs,
  subscribedRetentionFactor,
  sweptRequestsMax,
  trimmedTransactionsMax,
} from "../limits.ts";
import type { Clock } from "./clock.ts";
import type { Execute } from "./execute.ts";
import type { EngineLog } from "./log.ts";

/** How much of the feed is kept; what is not said is 0. */
export interface FeedRetention {
  /** How long events are kept; 0 for ever. */
  readonly feedRetentionMs?: number;
  /**
   * How long those that a subscription has not dealt with, if that is longer; 0 for
   * `subscribedRetentionFactor` times as long.
   */
  readonly feedRetentionSubscribedMs?: number;
  /** How many events are kept at most; 0 for any number. */
  readonly feedRetentionEventsMax?: number;
}

/** What the sweeper is made of. */
export interface SweeperOptions {
  readonly execute: Execute;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly settings: FeedRetention;
}

/**
 * Forgets request ids that have served their time, and removes events that need not be kept any more: a
 * bounded lot in a transaction, one after the other while there are that many, then again after
 * `requestSweepIntervalMs`.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #trim: CommandOf<"trimFeed"> | undefined;
  #hasStopped = false;
  #wasHeldBack = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#trim = trimOf(options.settings);
  }

  /** Sweeps for the first time after one interval: a server that starts has better things to do. */
  start(): void {
    if (this.#hasStopped) return;
    this.#cancelTimer = this.#options.clock.after(requestSweepIntervalMs, () => void this.#sweep());
  }

  /** Sweeps no more. */
  stop(): void {
    this.#hasStopped = true;
    this.#cancelTimer?.();
  }

  async #sweep(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#sweepRequests();
      if (this.#trim !== undefined) await this.#trimFeed(this.#trim);
    } catch (error) {
      if (!this.#hasStopped)
        log.warn({ err: error }, "what is over could not be removed; the next time does it");
    }
    this.start();
  }

  async #sweepRequests(): Promise<void> {
    let isFull = true;
    while (isFull && !this.#hasStopped) {
      const outcome = await this.#options.execute<"sweepRequests">({ kind: "sweepRequests" });
      isFull = outcome.ok && outcome.answer.count >= sweptRequestsMax;
    }
  }

  async #trimFeed(command: CommandOf<"trimFeed">): Promise<void> {
    const { execute, log } = this.#options;
    let count = 0;
    let isFull = true;
    while (isFull && !this.#hasStopped) {
      const outcome = await execute<"trimFeed">(command);
      if (!outcome.ok) return;
      count += outcome.answer.count;
      isFull = outcome.answer.count >= trimmedTransactionsMax;
      this.#tell(outcome.answer, isFull);
    }
    if (count > 0) log.info({ count }, "transactions of the feed were removed");
  }

  #tell({ overtaken, heldBackBy }: Answers["trimFeed"], isFull: boolean): void {
    const { log } = this.#options;
    for (const missed of overtaken)
      log.error(missed, "events were removed before a subscription dealt with them");
    if (isFull) return;
    if (heldBackBy !== undefined && !this.#wasHeldBack) {
      log.warn(heldBackBy, "a subscription that is behind keeps events from being removed");
    }
    this.#wasHeldBack = heldBackBy !== undefined;
  }
}

/** The command that keeps to the settings; undefined if everything is kept. */
function trimOf({
  feedRetentionMs: retentionMs = 0,
  feedRetentionSubscribedMs: stated = 0,
  feedRetentionEventsMax: eventsMax = 0,
}: FeedRetention): CommandOf<"trimFeed"> | undefined {
  if (retentionMs === 0 && eventsMax === 0) return undefined;
  const subscribedMs = stated === 0 ? subscribedRetentionFactor * retentionMs : stated;
  const subscribedRetentionMs = Math.max(subscribedMs, retentionMs);
  return { kind: "trimFeed", retentionMs, subscribedRetentionMs, eventsMax };
}
