import type { Clock } from "../../../src/engine/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly sequence: number;
  readonly callback: () => void;
}

/** One process's view of the time: its timers go with it. */
export interface ProcessClock extends Clock {
  /** The process is gone: none of its timers rings any more. */
  drop(): void;
}

/**
 * The only time of a simulation. Two clocks, as a machine has them: one that only moves on and rings timers,
 * and the one on the wall, which an operator may set forwards and backwards. Nothing moves by itself.
 */
export class SimulatedClock {
  #monotonicMs = 0;
  #wallOffsetMs = 1_700_000_000_000;
  #sequence = 0;
  /** By time, then in the order they were set. */
  readonly #timers: Timer[] = [];

  /** Milliseconds since the simulation began. */
  get monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** What the clock on the wall says. */
  get wallMs(): number {
    return this.#wallOffsetMs + this.#monotonicMs;
  }

  /** When the next timer rings, on the clock that only moves on; undefined if none is set. */
  get nextMs(): number | undefined {
    return this.#timers[0]?.atMs;
  }

  /** Sets the clock on the wall forwards, or backwards. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  /** Calls back once, after this long; the answer takes the call back. */
  after(delayMs: number, callback: () => void): () => void {
    const atMs = this.#monotonicMs + Math.max(0, Math.ceil(delayMs));
    const timer = { atMs, sequence: this.#sequence++, callback };
    let at = this.#timers.length;
    while (at > 0 && (this.#timers[at - 1] as Timer).atMs > atMs) at -= 1;
    this.#timers.splice(at, 0, timer);
    return () => {
      const known = this.#timers.indexOf(timer);
      if (known >= 0) this.#timers.splice(known, 1);
    };
  }

  /** A clock for one process, which can be dropped with all its timers. */
  forProcess(): ProcessClock {
    const cancels = new Set<() => void>();
    let isGone = false;
    return {
      nowMs: () => this.wallMs,
      after: (delayMs, callback) => {
        if (isGone) return () => {};
        const cancel = this.after(delayMs, () => {
          cancels.delete(cancel);
          callback();
        });
        cancels.add(cancel);
        return () => {
          cancels.delete(cancel);
          cancel();
        };
      },
      drop: () => {
        isGone = true;
        for (const cancel of cancels) cancel();
        cancels.clear();
      },
    };
  }

  /** Moves on to a time; what is due until then rings in order, and `settled` is awaited after each. */
  async moveTo(monotonicMs: number, settled: () => Promise<void>): Promise<void> {
    for (let next = this.#timers[0]; next !== undefined && next.atMs <= monotonicMs; next = this.#timers[0]) {
      this.#timers.shift();
      this.#monotonicMs = Math.max(this.#monotonicMs, next.atMs);
      next.callback();
      await settled();
    }
    this.#monotonicMs = Math.max(this.#monotonicMs, monotonicMs);
  }
}
