import type { Due } from "../core/stated.ts";
import { deadlineLookMsMax, deadlinesPerRoundMax, storeRetryDelayMs } from "../limits.ts";
import type { Store } from "../store/store.ts";
import type { Clock } from "./clock.ts";
import type { Execute } from "./execute.ts";
import type { EngineLog } from "./log.ts";

/** What deadlines are made of. */
export interface DeadlinesOptions {
  readonly store: Store;
  readonly execute: Execute;
  readonly clock: Clock;
  readonly log: EngineLog;
}

/**
 * Fires what is due. The store knows every deadline; here is only one timer, for the earliest that is known.
 *
 * UNTOLD ──start──▶ WAITING ──timer──▶ LOOKING ──nothing more is due──▶ WAITING
 *
 * UNTOLD: not started. WAITING: the timer is set for `wakeMs`, at most `deadlineLookMsMax` away, so that a
 * deadline of which nothing was heard is found all the same. LOOKING: a round is on its way; it reads at most
 * `deadlinesPerRoundMax` and fires them together, and others may come in between two rounds.
 *
 * Firing is safe to repeat: the rules look again whether it is due. What cannot be fired is found again in
 * the next round, `storeRetryDelayMs` later.
 */
export class Deadlines {
  readonly #options: DeadlinesOptions;
  #state: "UNTOLD" | "WAITING" | "LOOKING" | "STOPPED" = "UNTOLD";
  /** When the timer rings; while looking, the earliest that was told meanwhile. */
  #wakeMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
  }

  /** Looks at once, and from then on whenever something is due. */
  start(): void {
    if (this.#state === "UNTOLD") void this.#look();
  }

  /** Something is due at this time. It costs nothing unless it is the earliest. */
  arm(atMs: number): void {
    if (atMs >= this.#wakeMs) return;
    this.#wakeMs = atMs;
    if (this.#state === "WAITING") this.#setTimer();
  }

  /** Fires no more. */
  stop(): void {
    this.#state = "STOPPED";
    this.#cancelTimer?.();
  }

  #setTimer(): void {
    const { clock } = this.#options;
    this.#cancelTimer?.();
    const delayMs = Math.min(Math.max(this.#wakeMs - clock.nowMs(), 0), deadlineLookMsMax);
    this.#cancelTimer = clock.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock } = this.#options;
    this.#state = "LOOKING";
    this.#wakeMs = Number.POSITIVE_INFINITY;
    const nextMs = await this.#fireRound();
    if (this.#isStopped()) return;
    this.#state = "WAITING";
    // What was told meanwhile may have been fired by this very round; a look too many does no harm.
    this.#wakeMs = Math.min(this.#wakeMs, nextMs, clock.nowMs() + deadlineLookMsMax);
    this.#setTimer();
  }

  /** Fires what is due; the answer is when to look again. */
  async #fireRound(): Promise<number> {
    const { store, clock, log } = this.#options;
    const nowMs = clock.nowMs();
    try {
      const { due, nextMs } = await store.due(nowMs, deadlinesPerRoundMax);
      const fired = await Promise.allSettled(due.map((one) => this.#fire(one)));
      const failure = fired.find((result) => result.status === "rejected");
      if (failure !== undefined) throw failure.reason;
      return due.length === deadlinesPerRoundMax ? nowMs : (nextMs ?? Number.POSITIVE_INFINITY);
    } catch (error) {
      if (!this.#isStopped()) log.warn({ err: error }, "a deadline could not be fired and is tried again");
      return nowMs + storeRetryDelayMs;
    }
  }

  async #fire(due: Due): Promise<void> {
    const outcome = await this.#options.execute<"fire">({ kind: "fire", due });
    if (!outcome.ok) this.#options.log.error({ due, refusal: outcome.refusal }, "a deadline was refused");
  }

  #isStopped(): boolean {
    return this.#state === "STOPPED";
  }
}
