import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";
import { systemChance, systemClock } from "../../../src/engine/clock.ts";
import type { Random } from "../../support/random.ts";
import type { SimulatedClock } from "./simulated-clock.ts";

interface Turn {
  readonly callback: () => void;
  isCancelled: boolean;
}

const realSetImmediate = globalThis.setImmediate;
const own = "/src/";
/** A store in memory notes when it was made; nothing is decided by it. */
const permitted = "/store/memory/memory-store.ts";
/** 20,000 turns without an end are a loop that needs no time, which no program should have. */
const turnsMax = 20_000;
let isTaken = false;

/**
 * Everything around the code that could differ between two runs of one seed, taken over while a simulation
 * runs: turns of the event loop are counted and taken one by one, timers of the code ring by the simulated
 * clock, its ids come from the seed; and whoever asks the machine for time or chance is told on.
 */
export class Ambient {
  /** Where the code under test asked the machine itself for time or chance: each is a violation. */
  readonly reached: string[] = [];
  readonly #turns: Turn[] = [];
  readonly #restore: (() => void)[] = [];

  constructor(clock: SimulatedClock, random: Random) {
    if (isTaken) throw new Error("one simulation at a time in a process");
    isTaken = true;
    this.#takeTurns();
    this.#takeTimers(clock);
    this.#takeChance(random);
    this.#poison(clock);
    syncBuiltinESMExports();
  }

  /** Gives everything back. */
  giveBack(): void {
    for (const restore of this.#restore.splice(0).reverse()) restore();
    syncBuiltinESMExports();
    isTaken = false;
  }

  /** Lets everything happen that needs no time and no decision of the scheduler. */
  readonly settle = async (): Promise<void> => {
    for (let count = 0; count < turnsMax; count += 1) {
      await new Promise<void>((resolve) => realSetImmediate(resolve));
      const turn = this.#turns.shift();
      if (turn === undefined) return;
      if (!turn.isCancelled) turn.callback();
    }
    throw new Error("the code goes on and on without time");
  };

  #takeTurns(): void {
    const take = (callback: (...args: never[]) => void, ...args: never[]) => {
      const turn: Turn = { callback: () => callback(...args), isCancelled: false };
      this.#turns.push(turn);
      return turn;
    };
    this.#replace(globalThis, "setImmediate", take);
    this.#replace(globalThis, "clearImmediate", (turn: Turn | undefined) => {
      if (turn !== undefined) turn.isCancelled = true;
    });
    this.#replace(timers, "setImmediate", (value: unknown) => {
      return new Promise((resolve) =>
        this.#turns.push({ callback: () => resolve(value), isCancelled: false }),
      );
    });
  }

  #takeTimers(clock: SimulatedClock): void {
    const { setTimeout, setInterval, clearTimeout, clearInterval } = globalThis;
    const timer = (cancel: () => void) => ({ cancel, ref: same, unref: same, hasRef: () => true });
    const after = (callback: () => void, delayMs = 0) => {
      if (!isOurs()) return setTimeout(callback, delayMs);
      return timer(clock.after(Math.max(1, delayMs), callback));
    };
    const every = (callback: () => void, delayMs = 0) => {
      if (!isOurs()) return setInterval(callback, delayMs);
      let cancel = () => {};
      const arm = () => {
        cancel = clock.after(Math.max(1, delayMs), () => {
          arm();
          callback();
        });
      };
      arm();
      return timer(() => cancel());
    };
    const clear = (really: (handle: never) => void) => (handle: { cancel?: () => void } | undefined) => {
      if (handle?.cancel === undefined) really(handle as never);
      else handle.cancel();
    };
    this.#replace(globalThis, "setTimeout", after);
    this.#replace(globalThis, "setInterval", every);
    this.#replace(globalThis, "clearTimeout", clear(clearTimeout));
    this.#replace(globalThis, "clearInterval", clear(clearInterval));
  }

  #takeChance(random: Random): void {
    const bytes = (count: number) => Buffer.from(Array.from({ length: count }, () => random.below(256)));
    const uuid = () => {
      const hex = bytes(16).toString("hex");
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join(
        "-",
      );
    };
    this.#replace(globalThis.crypto, "randomUUID", uuid);
    this.#replace(crypto, "randomUUID", uuid);
    this.#replace(crypto, "randomBytes", bytes);
    this.#replace(globalThis.crypto, "getRandomValues", (array: Uint8Array) => {
      for (let at = 0; at < array.length; at += 1) array[at] = random.below(256);
      return array;
    });
  }

  #poison(clock: SimulatedClock): void {
    const poisoned = <Result>(what: string, instead: () => Result, really: () => Result) => {
      return (): Result => {
        const caller = callerOf();
        if (caller === "") return really();
        if (!caller.includes(permitted)) this.reached.push(`${what}${caller}`);
        return instead();
      };
    };
    const { now } = Date;
    const { random } = Math;
    const machineNow = performance.now.bind(performance);
    const wall = () => clock.wallMs;
    this.#replace(Date, "now", poisoned("Date.now", wall, now));
    this.#replace(
      Math,
      "random",
      poisoned("Math.random", () => 0, random),
    );
    this.#replace(
      performance,
      "now",
      poisoned("performance.now", () => clock.monotonicMs, machineNow),
    );
    this.#replace(systemClock, "nowMs", () => {
      this.reached.push(`the system's clock${callerOf()}`);
      return wall();
    });
    this.#replace(systemChance, "next", () => {
      this.reached.push(`the system's chance${callerOf()}`);
      return 0;
    });
  }

  #replace(holder: object, name: string, by: unknown): void {
    const known = Object.getOwnPropertyDescriptor(holder, name);
    Object.defineProperty(holder, name, { value: by, configurable: true, writable: true });
    this.#restore.push(() => {
      if (known === undefined) Reflect.deleteProperty(holder, name);
      else Object.defineProperty(holder, name, known);
    });
  }
}

function same<T>(this: T): T {
  return this;
}

/** True if the code under test is asking, and not the test runner or the runtime. */
function isOurs(): boolean {
  return callerOf() !== "";
}

/** The first line of the stack that is in the code under test; "" for none. */
function callerOf(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 12;
  const stack = new Error("who").stack ?? "";
  Error.stackTraceLimit = stackTraceLimit;
  const line = stack.split("\n").find((frame) => frame.includes(own) && !frame.includes("node_modules"));
  return line === undefined ? "" : ` ${line.trim()}`;
}
