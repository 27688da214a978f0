import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "vitest";
import { type Action, hasEnded } from "../../src/core/action.ts";
import type { Command, CommandKind, Stamp } from "../../src/core/command.ts";
import type { Position } from "../../src/core/event.ts";
import type { Reason } from "../../src/core/refusal.ts";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import type { Outcome, Store } from "../../src/store/store.ts";
import { Random } from "../support/random.ts";
import { newFolder } from "./folders.ts";
import { anyRun } from "./queries.ts";
import { RandomCommands } from "./random-store-commands.ts";
import { snapshotOf } from "./snapshot.ts";
import { plain } from "./subject.ts";

/** Every command of the rules: the test goes on until each has succeeded. */
const kinds: readonly CommandKind[] = [
  ...(["createRun", "cancelRun", "retryRun", "updateRun", "signalCondition", "publishEvents"] as const),
  ...([
    "registerOp",
    "attach",
    "pulse",
    "detach",
    "leave",
    "drain",
    "drainWorker",
    "assign",
    "accept",
  ] as const),
  ...(["decline", "report", "addActions", "fire", "boot", "sweepRequests"] as const),
  ...(["endAction", "evictWorker", "updateOp", "deleteOp", "setLimit", "deleteLimit"] as const),
  ...(["createSubscription", "deleteSubscription", "moveSubscription", "releaseDeadLetters"] as const),
  ...(["rerunRun", "signalByKey", "changeCondition", "noteLinkRefusal", "settlePost", "trimFeed"] as const),
];

/** Refusals that have to occur; the limits are too far away for a short test. */
const reasons: readonly Reason[] = [
  ...([
    "RUN_NOT_FOUND",
    "RUN_EXISTS",
    "RUN_ENDED",
    "RUN_NOT_ENDED",
    "RUN_SUCCEEDED",
    "ACTION_NOT_FOUND",
  ] as const),
  ...(["ACTION_ENDED", "ACTION_NOT_CONDITION", "ALREADY_ANSWERED", "SIGNAL_TYPE_MISMATCH"] as const),
  ...(["OP_NOT_FOUND", "REQUEST_ID_REUSED", "STALE_EPOCH", "SESSION_GONE", "WORKER_NOT_FOUND"] as const),
  ...(["ACTION_EXISTS", "INVALID_REQUEST", "OP_IN_USE", "INPUTS_INVALID", "LIMIT_NOT_FOUND"] as const),
  ...(["SUBSCRIPTION_NOT_FOUND", "SUBSCRIPTION_EXISTS", "NOT_ALLOWED", "ALREADY_CLAIMED"] as const),
  ...(["INSTANCE_CHANGED", "CORRELATION_NOT_FOUND", "CORRELATION_AMBIGUOUS", "CONDITION_NOT_OPEN"] as const),
];

/** What actions have to be seen in: without it the rules would not have come that far. */
const sights = {
  "parked on a counter": (action: Action) => action.parkedOn !== undefined,
  "holding a place": (action: Action) => action.holds.length > 0,
  "given devices": (action: Action) => action.deviceIndexes.length > 0,
  "queued with a demand": ({ state, spec }: Action) =>
    state === "QUEUED" && spec.kind === "task" && spec.demand !== undefined,
  "a live task of a registered op": (action: Action) =>
    !hasEnded(action) && action.spec.kind === "task" && action.spec.opVersion > 0,
  "recovered from another run": (action: Action) => action.recoveredFrom !== undefined,
  "open and snoozed": ({ state, standing }: Action) =>
    state === "PAUSED" && standing?.snoozeEndMs !== undefined,
  "open for somebody, with a deadline": ({ state, standing }: Action) =>
    state === "PAUSED" && standing?.assignee !== "" && standing?.deadlineMs !== undefined,
  "open with an answer, but not enough": ({ state, standing }: Action) =>
    state === "PAUSED" && standing !== undefined && standing.answers.length > 0,
  "asked again, with what was answered before": ({ standing }: Action) =>
    standing !== undefined && standing.earlier.length > 0,
};

const commandsMin = 1_200;
const commandsMax = 12_000;
const opened: Store[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
});

async function openEmbedded(path: string): Promise<EmbeddedStore> {
  const store = await EmbeddedStore.open({ path });
  opened.push(store);
  return store;
}

/** The same commands by chance against both stores, in lots that the embedded one may commit together. */
class Comparison {
  readonly missing = new Set<string>([...kinds, ...reasons, ...Object.keys(sights)]);
  commandCount = 0;
  readonly #random: Random;
  readonly #memory = new MemoryStore();
  readonly #commands: RandomCommands;
  #embedded: Store;
  #nowMs = 1_000_000;
  #readThrough = 0n as Position;

  constructor(seed: number, embedded: Store) {
    this.#random = new Random(seed);
    this.#embedded = embedded;
    this.#commands = new RandomCommands(this.#random, this.#memory);
  }

  /** Some commands, one after the other here, all at once there. */
  async runLot(): Promise<void> {
    const lot: { command: Command; stamp: Stamp; outcome: Outcome<CommandKind> }[] = [];
    const count = 1 + this.#random.below(this.#random.percent(5) ? 100 : 12);
    for (let index = 0; index < count; index += 1) {
      this.#nowMs += this.#random.percent(0.2) ? 25 * 60 * 60 * 1_000 : this.#random.below(300);
      const stamp = { nowMs: this.#nowMs, chance: this.#random.next() };
      const command = await this.#commands.next(this.#nowMs);
      const outcome = await this.#memory.transact<CommandKind>(command, stamp);
      this.#commands.learn(command, outcome);
      this.#note(command, outcome);
      lot.push({ command, stamp, outcome });
    }
    this.commandCount += count;
    const said = lot.map(({ command, stamp }) => this.#embedded.transact<CommandKind>(command, stamp));
    for (const [index, outcome] of (await Promise.all(said)).entries()) {
      const { command, outcome: expected } = lot[index] as (typeof lot)[number];
      expect(plain(outcome), `the outcome of ${JSON.stringify(command)}`).toEqual(plain(expected));
    }
  }

  /** Both stores say the same of everything. */
  async compare(): Promise<void> {
    const [mine, theirs] = [this.#memory, this.#embedded];
    const snapshot = await snapshotOf(mine, this.#nowMs);
    expect(plain(await snapshotOf(theirs, this.#nowMs))).toEqual(plain(snapshot));
    for (const action of snapshot["actions"] as readonly Action[]) this.#see(action);
    const query = { after: this.#readThrough, run: undefined, eventsMax: 100_000, bytesMax: 100_000_000 };
    const page = await mine.readFeed(query);
    expect(plain(await theirs.readFeed(query))).toEqual(plain(page));
    this.#readThrough = page.through;
    const [run] = (await mine.listRuns({ ...anyRun, limit: 1 })).items;
    const ofRun = { ...query, after: 0n as Position, run: run?.key };
    expect(plain(await theirs.readFeed(ofRun))).toEqual(plain(await mine.readFeed(ofRun)));
  }

  /** The embedded store is closed and opened again: nothing of it is in memory then. */
  async reopen(path: string): Promise<void> {
    await this.#embedded.close();
    this.#embedded = await openEmbedded(path);
  }

  #see(action: Action): void {
    for (const [sight, isSeen] of Object.entries(sights)) if (isSeen(action)) this.missing.delete(sight);
  }

  #note(command: Command, outcome: Outcome<CommandKind>): void {
    this.missing.delete(outcome.ok ? command.kind : outcome.refusal.reason);
    if (outcome.ok && "action" in outcome.answer && typeof outcome.answer.action === "object") {
      this.#see(outcome.answer.action);
    }
    // Reports and accepts are refused one by one, within an answer.
    const inside = outcome.ok ? JSON.stringify(outcome.answer).matchAll(/"reason":"([A-Z_]+)"/g) : [];
    for (const [, reason] of inside) this.missing.delete(reason ?? "");
  }
}

const past = readFileSync(new URL("./seeds.txt", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => /^\d/.test(line))
  .map((line) => Number.parseInt(line, 10));

test.each([1, ...past, randomInt(2 ** 31)])(
  "both stores come to the same by the same commands (seed %i)",
  async (seed) => {
    const path = newFolder();
    const comparison = new Comparison(seed, await openEmbedded(path));
    for (let lot = 1; comparison.commandCount < commandsMin || comparison.missing.size > 0; lot += 1) {
      await comparison.runLot();
      if (lot % 50 === 25) await comparison.compare();
      if (lot % 150 === 0) await comparison.reopen(path);
      const isLong = comparison.commandCount > commandsMax;
      expect(isLong ? [...comparison.missing] : [], `did not occur in ${commandsMax} commands`).toEqual([]);
    }
    await comparison.compare();
    await comparison.reopen(path);
    await comparison.compare();
  },
);
