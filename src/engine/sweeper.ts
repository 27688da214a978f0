import { requestSweepIntervalMs, sweptRequestsMax } from "../limits.ts";
import type { Clock } from "./clock.ts";
import type { Execute } from "./execute.ts";
import type { EngineLog } from "./log.ts";

/** What the sweeper is made of. */
export interface SweeperOptions {
  readonly execute: Execute;
  readonly clock: Clock;
  readonly log: EngineLog;
}

/**
 * Forgets request ids that have served their time: `sweptRequestsMax` in a transaction, one after the other
 * while there are that many, then again after `requestSweepIntervalMs`.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  #hasStopped = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: SweeperOptions) {
    this.#options = options;
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
    const { execute, log } = this.#options;
    try {
      let isFull = true;
      while (isFull && !this.#hasStopped) {
        const outcome = await execute<"sweepRequests">({ kind: "sweepRequests" });
        isFull = outcome.ok && outcome.answer.count >= sweptRequestsMax;
      }
    } catch (error) {
      if (!this.#hasStopped)
        log.warn({ err: error }, "request ids could not be swept; the next time does it");
    }
    this.start();
  }
}
