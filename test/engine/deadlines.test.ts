import { describe, expect, test } from "vitest";
import type { Due } from "../../src/core/stated.ts";
import { Deadlines } from "../../src/engine/deadlines.ts";
import { deadlineLookMsMax, deadlinesPerRoundMax, storeRetryDelayMs } from "../../src/limits.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { FakeClock, settle, until } from "../support/fake-clock.ts";
import { done, FakeStore } from "../support/fake-store.ts";
import { KeptLog, keyOf } from "./support.ts";

function setUp() {
  const store = new FakeStore();
  const clock = new FakeClock();
  const log = new KeptLog();
  const firedAtMs: number[] = [];
  const startMs = clock.nowMs();
  store.script = (command) => {
    if (command.kind !== "fire") return done();
    store.dues = store.dues.filter(({ due }) => due !== command.due);
    firedAtMs.push(clock.nowMs() - startMs);
    return done();
  };
  const stamp = { nowMs: 0, chance: 0 };
  const deadlines = new Deadlines({
    store: store.asStore(),
    execute: (command) => store.transact(command, stamp),
    clock,
    log,
  });
  const owe = (inMs: number, runId = "r1") => {
    const due: Due = { kind: "run", run: keyOf(runId) };
    store.dues.push({ due, atMs: startMs + inMs });
  };
  const arm = (inMs: number) => deadlines.arm(startMs + inMs);
  return { store, clock, log, deadlines, owe, arm, firedAtMs };
}

describe("deadlines", () => {
  test("fire each at its time, and what fell due before the start at once", async () => {
    const { clock, deadlines, owe, firedAtMs } = setUp();
    for (const inMs of [-5_000, 300, 200, 200, 10_000]) owe(inMs);
    deadlines.start();
    await clock.advance(20_000);
    expect(firedAtMs).toEqual([0, 200, 200, 300, 10_000]);
    deadlines.stop();
  });

  test("that are told later and due earlier move the timer forward", async () => {
    const { clock, deadlines, owe, arm, firedAtMs, store } = setUp();
    owe(30_000);
    deadlines.start();
    await settle();
    const looks = store.dueLookCount;
    for (const inMs of [40_000, 31_000]) arm(inMs);
    await clock.advance(1_000);
    expect(store.dueLookCount).toBe(looks);
    owe(2_000, "r2");
    arm(2_000);
    await clock.advance(1_000);
    expect(firedAtMs).toEqual([2_000]);
    deadlines.stop();
  });

  test("of which nothing was heard are found by the safety look", async () => {
    const { clock, deadlines, owe, firedAtMs } = setUp();
    deadlines.start();
    await settle();
    owe(1_000);
    await clock.advance(deadlineLookMsMax);
    expect(firedAtMs).toEqual([deadlineLookMsMax]);
    deadlines.stop();
  });

  test("that are many fire in rounds of the bound", async () => {
    const { clock, deadlines, owe, firedAtMs, store } = setUp();
    const count = 2 * deadlinesPerRoundMax + 1;
    for (let index = 0; index < count; index += 1) owe(0, `r${index}`);
    deadlines.start();
    await clock.advance(0);
    expect(firedAtMs.length).toBe(count);
    expect(store.dueLookCount).toBe(3);
    deadlines.stop();
  });

  test("that cannot be fired are tried again after a wait, the others fire meanwhile", async () => {
    const { clock, deadlines, owe, firedAtMs, store, log } = setUp();
    owe(0, "r1");
    owe(0, "r2");
    const script = store.script;
    let failures = 3;
    store.script = (command, stamp) => {
      if (
        command.kind === "fire" &&
        command.due.kind === "run" &&
        command.due.run === keyOf("r1") &&
        failures > 0
      ) {
        failures -= 1;
        throw new StoreUnavailable("full");
      }
      return script(command, stamp);
    };
    deadlines.start();
    await clock.advance(3 * storeRetryDelayMs);
    expect(firedAtMs).toEqual([0, 3 * storeRetryDelayMs]);
    expect(log.sentences("warn").length).toBe(3);
    deadlines.stop();
  });

  test("of counters are fired as all others are", async () => {
    const { clock, deadlines, store } = setUp();
    const due = { kind: "counter", key: "default/slow/ada" } as const;
    store.dues.push({ due, atMs: clock.nowMs() + 500 });
    deadlines.start();
    await clock.advance(499);
    expect(store.commands).toEqual([]);
    await clock.advance(1);
    expect(store.commands).toEqual([{ kind: "fire", due }]);
    deadlines.stop();
  });

  test("told while a round is on its way are not forgotten", async () => {
    const { clock, deadlines, owe, arm, firedAtMs, store } = setUp();
    owe(0);
    const script = store.script;
    store.script = (command, stamp) => {
      if (firedAtMs.length === 0) {
        owe(500, "r2");
        arm(500);
      }
      return script(command, stamp);
    };
    deadlines.start();
    await clock.advance(500);
    expect(firedAtMs).toEqual([0, 500]);
    deadlines.stop();
  });

  test("leave no timer behind when they stop, wherever they are", async () => {
    const { clock, deadlines, owe, firedAtMs } = setUp();
    owe(0);
    deadlines.start();
    deadlines.stop();
    await until("the round is over", () => firedAtMs.length === 1);
    await settle();
    expect(clock.timerCount).toBe(0);
    deadlines.arm(0);
    expect(clock.timerCount).toBe(0);
  });
});
