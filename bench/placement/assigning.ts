import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import type { Assignment } from "../../src/core/answer.ts";
import type { CommandKind, CommandOf } from "../../src/core/command.ts";
import type { AttemptReference } from "../../src/core/stated.ts";
import { systemClock } from "../../src/engine/clock.ts";
import { Dispatcher } from "../../src/engine/dispatcher.ts";
import { Lanes } from "../../src/engine/lanes.ts";
import { type OpenSession, Sessions } from "../../src/engine/sessions.ts";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import type { Outcome } from "../../src/store/store.ts";
import type { BenchOptions } from "../options.ts";
import { createPlaced, preload } from "../preload.ts";
import { fleetWorker } from "./scenery.ts";

/** What assigning costs, without the reports that follow it. */
export interface Assigned {
  readonly count: number;
  /** CPU for each assignment: of the dispatcher and of the thread of the store, until they are handed out. */
  readonly cpuUs: number;
  /** How many assignments a question to the store brings. */
  readonly perQuestion: number;
}

const namespace = "default";
const op = "place";
/** Assigned before anything is measured. */
const warmUpCount = 5_000;
const silent = { debug() {}, info() {}, warn: console.error, error: console.error };

/** A worker that keeps what it is given until it is told to finish some of it. */
interface Worker {
  readonly session: OpenSession;
  readonly held: AttemptReference[];
}

/**
 * Measures assigning alone, in this process: the real dispatcher and store, and workers that are full. In
 * each round a quarter of what they hold ends, which is not measured; what is, is all that follows until the
 * dispatcher has nothing more to ask for.
 */
export async function measureAssigning(
  options: BenchOptions,
  { queued, count, workers }: { readonly queued: number; readonly count: number; readonly workers: number },
): Promise<Assigned> {
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(join(options.folder, "signalbox-bench-"));
  const none = { ended: 0, paused: 0, queued: 0, queuedOp: "" };
  await preload(folder, { ...none, placed: [{ op, count: queued }] });
  const store = await EmbeddedStore.open({ path: folder });
  const scene = new Scene(store);
  for (let number = 0; number < workers; number += 1) await scene.attach(number);
  await scene.assign();
  const measured = { count: 0, cpuUs: 0, questions: 0 };
  for (let done = 0; measured.count < count; ) {
    const ended = await scene.finish(4);
    await createPlaced(store, op, { from: queued + done, count: ended });
    const round = await scene.assign();
    done += ended;
    if (done < warmUpCount) continue;
    measured.count += round.count;
    measured.cpuUs += round.cpuUs;
    measured.questions += round.questions;
  }
  scene.dispatcher.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
  const { cpuUs, questions } = measured;
  return { count: measured.count, cpuUs: cpuUs / measured.count, perQuestion: measured.count / questions };
}

class Scene {
  readonly dispatcher: Dispatcher;
  readonly #store: EmbeddedStore;
  readonly #sessions: Sessions;
  readonly #workers: Worker[] = [];
  #assigned = 0;
  #asking = 0;
  #questions = 0;
  #answered = Promise.withResolvers<void>();

  constructor(store: EmbeddedStore) {
    this.#store = store;
    const lanes = new Lanes();
    this.#sessions = new Sessions({ lanes, clock: systemClock });
    this.dispatcher = new Dispatcher({
      lanes,
      sessions: this.#sessions,
      execute: (command) => this.#execute(command),
      clock: systemClock,
      log: silent,
      acceptTimeoutMs: 3_600_000,
    });
  }

  /** Opens a worker that permits more than it can hold. */
  async attach(number: number): Promise<void> {
    const { workerId, labels, taints, cpu, ramMb, vramMb } = fleetWorker(number);
    const devices = vramMb.map((one, index) => ({ index, kind: "bench", vramMb: one }));
    const { session } = await this.#ask<"attach">({
      kind: "attach",
      newSessionId: `s-${workerId}`,
      namespace,
      workerId,
      incarnation: "1",
      ops: [op],
      labels,
      capacity: { cpuMilli: cpu * 1_000, ramMb, devices },
      taints,
      sharedNamespaces: [],
      running: [],
      leaseMs: 3_600_000,
    });
    const held: AttemptReference[] = [];
    const take = (assignments: readonly Assignment[]): void => {
      this.#assigned += assignments.length;
      held.push(...assignments.map(({ attempt }) => attempt));
    };
    const outlet = {
      send: (outgoing: Parameters<Parameters<Sessions["open"]>[1]["send"]>[0]) => {
        if (outgoing.kind === "assign") take(outgoing.assignments);
        return true;
      },
      end: () => undefined,
    };
    const open = this.#sessions.open(session, outlet);
    open.addCredit(1_000);
    this.#workers.push({ session: open, held });
  }

  /** Lets the dispatcher ask until nothing can come of it, and says what that used. */
  async assign(): Promise<{ readonly count: number; readonly cpuUs: number; readonly questions: number }> {
    const before = { assigned: this.#assigned, questions: this.#questions, cpu: process.cpuUsage() };
    this.dispatcher.mark(`${namespace}/${op}`);
    let seen: number;
    do {
      seen = this.#questions;
      await turn();
      await turn();
      while (this.#asking > 0) await this.#answered.promise;
    } while (this.#questions > seen);
    const { user, system } = process.cpuUsage(before.cpu);
    return {
      count: this.#assigned - before.assigned,
      cpuUs: user + system,
      questions: this.#questions - before.questions,
    };
  }

  /** Ends one of so many of what each worker holds, the oldest first; how many that were. */
  async finish(oneOf: number): Promise<number> {
    const ending = this.#workers.map(({ session, held }) => {
      const attempts = held.splice(0, Math.ceil(held.length / oneOf));
      const content = { kind: "succeeded", outputs: {} } as const;
      const reports = attempts.map((attempt) => ({ attempt, sequence: 1, content }));
      return { session, reports };
    });
    const busy = ending.filter(({ reports }) => reports.length > 0);
    await Promise.all(
      busy.map(({ session: { sessionId }, reports }) =>
        this.#ask<"report">({ kind: "report", sessionId, reports }),
      ),
    );
    for (const { session, reports } of ending) session.addCredit(Math.max(1, reports.length));
    return ending.reduce((sum, { reports }) => sum + reports.length, 0);
  }

  async #execute<K extends CommandKind>(command: CommandOf<K>): Promise<Outcome<K>> {
    this.#asking += 1;
    this.#questions += 1;
    try {
      return await this.#store.transact<K>(command, { nowMs: Date.now(), chance: 0.5 });
    } finally {
      this.#asking -= 1;
      this.#answered.resolve();
      this.#answered = Promise.withResolvers();
    }
  }

  async #ask<K extends CommandKind>(command: CommandOf<K>) {
    const outcome = await this.#store.transact<K>(command, { nowMs: Date.now(), chance: 0.5 });
    if (!outcome.ok) throw new Error(`${command.kind} was refused: ${JSON.stringify(outcome.refusal)}`);
    return outcome.answer;
  }
}
