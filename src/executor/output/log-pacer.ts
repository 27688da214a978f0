import type { TaskLogLevel } from "../../worker/worker.ts";
import {
  heldLengthMax,
  heldLogsMax,
  joinedLengthMax,
  logLengthMax,
  logsAtOnceMax,
  logsPerSecond,
} from "../executor-limits.ts";

/** What a pacer needs of the time. */
export interface PacerClock {
  /** Milliseconds from any beginning; never goes back. */
  now(): number;
  /** Calls once, after so long; returns how to call it off. */
  after(delayMs: number, call: () => void): () => void;
}

/** The time as it is. */
export const systemClock: PacerClock = {
  now: () => performance.now(),
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};

/** What is held back: lines of one level joined, or how many lines are missing in their place. */
type Held = { readonly level: TaskLogLevel; text: string } | { missingCount: number };

/**
 * Lets the lines of one program through as log events, in order, no faster than the feed should keep them:
 * 200 at once, then 50 a second. Lines that come faster are joined with others of their level, up to 8,192
 * characters in an event; when 64 Ki characters or 64 events are held back, the lines that follow are
 * dropped, and an event in their place says how many.
 */
export class LogPacer {
  readonly #write: (level: TaskLogLevel, text: string) => void;
  readonly #clock: PacerClock;
  readonly #held: Held[] = [];
  #heldLength = 0;
  #permits = logsAtOnceMax;
  #refilledAt: number;
  #cancelTimer: (() => void) | undefined;

  constructor(write: (level: TaskLogLevel, text: string) => void, clock: PacerClock = systemClock) {
    this.#write = write;
    this.#clock = clock;
    this.#refilledAt = clock.now();
  }

  /** Takes a line. `cutBytes` of it were left out before. */
  line(level: TaskLogLevel, text: string, cutBytes = 0): void {
    const said = fit(text, cutBytes);
    if (this.#held.length === 0 && this.#takePermit()) {
      this.#write(level, said);
    } else {
      this.#hold(level, said);
      this.#arm();
    }
  }

  /** Lets everything through that is held back: the program has ended. */
  end(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#held.length > 0) this.#writeNext();
  }

  #hold(level: TaskLogLevel, text: string): void {
    const last = this.#held.at(-1);
    const joins =
      last !== undefined &&
      "text" in last &&
      last.level === level &&
      last.text.length + 1 + text.length <= joinedLengthMax;
    const isFull = this.#heldLength + text.length >= heldLengthMax;
    if (isFull || (!joins && this.#held.length >= heldLogsMax)) {
      if (last !== undefined && "missingCount" in last) last.missingCount += 1;
      else this.#held.push({ missingCount: 1 });
      return;
    }
    this.#heldLength += text.length + 1;
    if (joins) last.text += `\n${text}`;
    else this.#held.push({ level, text });
  }

  #writeNext(): void {
    const next = this.#held.shift();
    if (next === undefined) {
      return;
    }
    if ("text" in next) {
      this.#heldLength -= next.text.length + 1;
      this.#write(next.level, next.text);
    } else {
      this.#write("warn", `${next.missingCount} lines are missing here: the program wrote too many at once`);
    }
  }

  #arm(): void {
    this.#cancelTimer ??= this.#clock.after(1_000 / logsPerSecond, () => {
      this.#cancelTimer = undefined;
      while (this.#held.length > 0 && this.#takePermit()) this.#writeNext();
      if (this.#held.length > 0) this.#arm();
    });
  }

  #takePermit(): boolean {
    const now = this.#clock.now();
    const earned = ((now - this.#refilledAt) / 1_000) * logsPerSecond;
    this.#permits = Math.min(logsAtOnceMax, this.#permits + earned);
    this.#refilledAt = now;
    if (this.#permits < 1) {
      return false;
    }
    this.#permits -= 1;
    return true;
  }
}

/** A line as the feed can keep it: its beginning if it is too long, and nothing that no text may have. */
function fit(text: string, cutBytes: number): string {
  const clean = text.replaceAll("\0", "\uFFFD");
  if (cutBytes === 0 && clean.length <= logLengthMax) {
    return clean.toWellFormed();
  }
  const kept = clean.slice(0, logLengthMax - 64).toWellFormed();
  const leftOut = clean.length - kept.length;
  const count =
    cutBytes > 0
      ? `${cutBytes + Buffer.byteLength(clean.slice(kept.length))} bytes`
      : `${leftOut} characters`;
  return `${kept} … ${count} are left out`;
}
