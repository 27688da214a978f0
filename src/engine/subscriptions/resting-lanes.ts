import type { Clock } from "../clock.ts";
import type { Lane } from "./lane.ts";

/** Lanes of which nothing is to be delivered for a while, and one timer for the first of them. */
export class RestingLanes {
  readonly #clock: Clock;
  readonly #onEnd: (lanes: readonly Lane[]) => void;
  readonly #lanes = new Set<Lane>();
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #hasStopped = false;

  /** `onEnd` is told which lanes have rested. */
  constructor(clock: Clock, onEnd: (lanes: readonly Lane[]) => void) {
    this.#clock = clock;
    this.#onEnd = onEnd;
  }

  /** Lets a lane rest from here on. */
  add(lane: Lane, delayMs: number): void {
    const untilMs = this.#clock.nowMs() + delayMs;
    lane.restsUntilMs = untilMs;
    this.#lanes.add(lane);
    this.#arm(untilMs);
  }

  /** Ends no more rests. */
  stop(): void {
    this.#hasStopped = true;
    this.#timer?.cancel();
  }

  #arm(atMs: number): void {
    if (this.#hasStopped || (this.#timer !== undefined && this.#timer.atMs <= atMs)) return;
    this.#timer?.cancel();
    const cancel = this.#clock.after(Math.max(atMs - this.#clock.nowMs(), 0), () => this.#end());
    this.#timer = { atMs, cancel };
  }

  #end(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    const rested: Lane[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes) {
      const untilMs = lane.restsUntilMs ?? nowMs;
      if (untilMs <= nowMs) rested.push(lane);
      else nextMs = Math.min(nextMs, untilMs);
    }
    for (const lane of rested) {
      lane.restsUntilMs = undefined;
      this.#lanes.delete(lane);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#arm(nextMs);
    this.#onEnd(rested);
  }
}
