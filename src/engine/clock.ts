/** Where the engine takes the time from, so that a test or a simulation can be the time. */
export interface Clock {
  /** Milliseconds since 1970, a whole number. It may step back when the machine's clock is set. */
  nowMs(): number;
  /** Calls back once, after about this long; the answer takes the call back, and may be used at any time. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Where the engine takes chance from: numbers in [0, 1). */
export interface Chance {
  next(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: Date.now,
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The runtime's own chance: good for jitter and for ids that do not collide, not for secrets. */
export const systemChance: Chance = { next: Math.random };

/** Digits in the order of their codes, so that ids sort as their numbers do; none is mistaken for another. */
const digits = "0123456789abcdefghjkmnpqrstvwxyz";
/** Five bits a digit: 45 bits of milliseconds last beyond the year 3000. */
const timeDigits = 9;
/** 40 bits, in two halves that fit the bit operators. */
const halfDigits = 4;
const halfMax = 2 ** 20;

/**
 * Makes ids: a prefix, the time, and chance, in lower-case letters and digits. Each id of one source sorts
 * behind the one before it, also when many are made in one millisecond or the clock steps back.
 */
export class IdSource {
  readonly #chance: Chance;
  #timeMs = 0;
  #high = 0;
  #low = 0;

  constructor(chance: Chance = systemChance) {
    this.#chance = chance;
  }

  /** An id of 18 characters: the prefix should be one. */
  next(prefix: string, nowMs: number): string {
    if (nowMs > this.#timeMs) {
      this.#timeMs = nowMs;
      this.#high = Math.floor(this.#chance.next() * halfMax);
      this.#low = Math.floor(this.#chance.next() * halfMax);
    } else {
      this.#increase();
    }
    const time = print(this.#timeMs, timeDigits);
    return `${prefix}${time}${print(this.#high, halfDigits)}${print(this.#low, halfDigits)}`;
  }

  #increase(): void {
    this.#low += 1;
    if (this.#low < halfMax) return;
    this.#low = 0;
    this.#high += 1;
    if (this.#high < halfMax) return;
    this.#high = 0;
    this.#timeMs += 1;
  }
}

const processIds = new IdSource();

/** An id from the source that the whole process shares; see {@link IdSource}. */
export function newId(prefix: string, nowMs: number): string {
  return processIds.next(prefix, nowMs);
}

function print(value: number, width: number): string {
  let rest = value;
  let text = "";
  for (let place = 0; place < width; place += 1) {
    text = `${digits[rest % 32]}${text}`;
    rest = Math.floor(rest / 32);
  }
  return text;
}
