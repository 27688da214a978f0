import { createHash } from "node:crypto";
import { type Action, hasEnded } from "../../../src/core/action.ts";
import type { Event, Position, Transaction } from "../../../src/core/event.ts";
import { namespaceOf, runIdOf } from "../../../src/core/name.ts";
import { hasRunEnded } from "../../../src/core/run.ts";
import type { MemoryState } from "../../../src/store/memory/memory-state.ts";
import type { Store } from "../../../src/store/store.ts";
import { recordOf } from "../../guarantees/record.ts";
import { Random } from "../../support/random.ts";
import { voters } from "../actors/plans.ts";
import { type KnownRun, SimulatedClient } from "../actors/simulated-client.ts";
import { ConsumedEvents, SimulatedConsumer, subscription } from "../actors/simulated-consumer.ts";
import { type Mirrored, SimulatedMirror } from "../actors/simulated-mirror.ts";
import { SimulatedSubscriber } from "../actors/simulated-subscriber.ts";
import { SimulatedWorker, type Surroundings, type WorkerTraits } from "../actors/simulated-worker.ts";
import { wishes } from "../actors/wishes.ts";
import { consumed } from "../checks/consumed.ts";
import { Invariants } from "../checks/invariants.ts";
import { judge } from "../checks/judge.ts";
import { Ambient } from "./ambient.ts";
import { Chronicle } from "./chronicle.ts";
import { Disk } from "./disk.ts";
import { type FaultKind, type FaultPlan, planFaults } from "./fault-plan.ts";
import { Faults } from "./faults.ts";
import { Network } from "./network.ts";
import type { Plant } from "./plant.ts";
import { SimulatedClock } from "./simulated-clock.ts";
import { SimulatedServer } from "./simulated-server.ts";

/** What decides a simulation: everything else follows. */
export interface WorldOptions {
  readonly seed: number;
  /** Steps with faults; then as many as it takes until everything has ended, up to `calmStepsMax`. */
  readonly steps: number;
  readonly without?: ReadonlySet<FaultKind>;
  readonly plant?: Plant;
}

/** How a simulation went. */
export interface SimulationResult {
  readonly seed: number;
  /** The steps it took in all. */
  readonly steps: number;
  readonly faults: ReadonlyMap<string, number>;
  readonly violations: readonly string[];
  /** Two runs of one seed have the same. */
  readonly digest: string;
  /** What happened, a line for each step. */
  readonly trace: readonly string[];
  readonly runCount: number;
  readonly eventCount: number;
}

/** 20,000 steps without faults: what has not come to its end by then waits for something that never comes. */
const calmStepsMax = 20_000;
const runsMax = 40;
/** 2 s at a time when nobody has anything to say: less than any lease. */
const calmStrideMs = 2_000;

type Move = "mail" | "up" | "down" | "commit" | "read" | "act" | "time" | "start" | "fault";

/**
 * Server, workers, clients, subscribers, clock, network and store, in one process and from one seed. One
 * scheduler decides what happens next; between two of its steps everything happens that needs neither time
 * nor a message, and then the invariants are looked at.
 */
export class SimulatedWorld {
  readonly random: Random;
  readonly clock = new SimulatedClock();
  readonly chronicle = new Chronicle();
  readonly disk: Disk;
  readonly server: SimulatedServer;
  readonly network: Network;
  readonly workers: SimulatedWorker[] = [];
  readonly subscribers: SimulatedSubscriber[];
  readonly mirrors: SimulatedMirror[];
  readonly consumers: SimulatedConsumer[];
  readonly #consumed = new ConsumedEvents();
  readonly #options: WorldOptions;
  readonly #ambient: Ambient;
  readonly #invariants: Invariants;
  readonly #clients: SimulatedClient[];
  readonly #operator: SimulatedClient;
  readonly #faultPlan: FaultPlan;
  readonly #faults: Faults;
  readonly #trace: string[] = [];
  readonly #digest = createHash("sha256");
  readonly #around: Surroundings;
  #isCalm = false;
  /** How many were asked to answer a condition since nothing goes wrong any more. */
  readonly #answers = new Map<string, number>();

  constructor(options: WorldOptions) {
    const { seed, plant = {}, without = new Set() } = options;
    this.#options = options;
    this.random = new Random(seed);
    const { clock, chronicle, random } = this;
    const chance = new Random(random.below(2 ** 31));
    const violated = (what: string) => chronicle.violated(what);
    this.#ambient = new Ambient(clock, new Random(random.below(2 ** 31)));
    this.#invariants = new Invariants(violated);
    const { judged: onJudged } = this.#invariants;
    this.disk = new Disk({ onJudged, ...plant.disk });
    const note = (level: string) => (facts: object, sentence: string) => this.#logged(level, facts, sentence);
    const log = { debug() {}, info() {}, warn: note("warn"), error: note("error") };
    this.server = new SimulatedServer({
      disk: this.disk,
      clock,
      chance,
      log,
      ...(plant.engine === undefined ? {} : { plant: plant.engine }),
    });
    this.network = new Network({ server: this.server, clock, onBug: violated });
    const { network, disk } = this;
    this.#around = { network, clock, random, chronicle, disk };
    const runs: KnownRun[] = [];
    this.#clients = voters.map((name) => new SimulatedClient(this.#around, name, { runs, runsMax }));
    this.#operator = new SimulatedClient(this.#around, "operator", { runs, runsMax });
    this.subscribers = wishes.map((wish) => new SimulatedSubscriber(this.#around, wish));
    const mirrored: readonly Mirrored[] = ["open conditions", "live runs"];
    this.mirrors = mirrored.map((one) => new SimulatedMirror(this.#around, one));
    this.consumers = [1, 2].map(() => new SimulatedConsumer(this.#around, this.#consumed));
    for (let number = 0; number < 3; number += 1) this.hire(number);
    this.#faultPlan = planFaults(random, without);
    this.#faults = new Faults(this, this.#faultPlan);
  }

  /** Lets it run, and judges it. */
  async run(): Promise<SimulationResult> {
    const { seed, steps } = this.#options;
    try {
      this.server.start();
      this.#operator.subscribe();
      if (this.random.percent(50)) this.#operator.setLimit("all-work", { op: "work", concurrentMax: 2 });
      if (this.random.percent(30)) this.#operator.setLimit("per-team", { label: "team", concurrentMax: 1 });
      for (let count = 0; count < steps && this.#isSound; count += 1) await this.#step();
      await this.#calmDown();
      await this.#judge();
    } catch (error) {
      this.chronicle.violated(`the simulation itself failed: ${(error as Error).stack}`);
    } finally {
      this.#ambient.giveBack();
    }
    const { state } = this.disk;
    this.#digest.update(print(this.disk.transactions));
    for (const what of this.chronicle.violations) this.#digest.update(what);
    return {
      seed,
      steps: this.chronicle.step,
      faults: this.chronicle.faults,
      violations: this.chronicle.violations,
      digest: this.#digest.digest("hex"),
      trace: this.#trace,
      runCount: state?.runs.size ?? 0,
      eventCount: Number(this.disk.head),
    };
  }

  /** Starts a worker process. A later one of the same number is another incarnation of it. */
  hire(number: number, said: Partial<WorkerTraits> = {}): SimulatedWorker {
    const { random } = this;
    const opsByNumber = [
      ["work", "heavy", "parent"],
      ["work", "heavy"],
      ["parent", "work"],
    ];
    const worker = new SimulatedWorker(this.#around, {
      workerId: `worker-${number}`,
      incarnation: `i${this.chronicle.step}-${random.below(1_000)}`,
      ops: opsByNumber[number % 3] ?? [],
      slots: 1 + random.below(4),
      ramMb: 1_000,
      sharedNamespaces: number === 1 ? [] : ["other"],
      isRude: random.percent(60),
      isSlow: random.percent(25),
      ...said,
    });
    this.workers.push(worker);
    return worker;
  }

  /** Kills the server: of what it was to commit a part may be kept, and nobody was told. */
  async killServer(keptCount: number, isNoticed: () => boolean): Promise<void> {
    this.server.kill();
    await this.disk.crash(keptCount);
    this.#invariants.forget();
    this.network.serverGone(isNoticed);
  }

  /** True if something is on its way or to be committed. */
  get #isBusy(): boolean {
    const { disk, network } = this;
    const isMoving = network.links.some((link) => link.hasUp || link.hasDown);
    return isMoving || disk.waitingCount > 0 || network.mailCount > 0;
  }

  get #isSound(): boolean {
    return this.chronicle.violations.length === 0;
  }

  async #step(): Promise<void> {
    this.chronicle.step += 1;
    const wasStopping = this.server.state === "STOPPING";
    const what = await this.#move();
    await this.#ambient.settle();
    if (wasStopping && this.server.engine === undefined) this.network.serverGone(() => true);
    this.network.tidy();
    this.#note(what);
    const { state } = this.disk;
    if (state !== undefined) this.#invariants.check(state);
    this.#checkCredit(state);
    for (const reached of this.#ambient.reached.splice(0)) this.chronicle.violated(`reached ${reached}`);
  }

  #note(what: string): void {
    const { step } = this.chronicle;
    const { clock, disk } = this;
    const line = `${step} ${clock.monotonicMs} ${clock.wallMs} ${disk.head} ${what}`;
    this.#trace.push(line);
    this.#digest.update(line);
  }

  #logged(level: string, facts: object, sentence: string): void {
    const { err, ...rest } = facts as { err?: Error };
    const text = `${level}: ${sentence} ${JSON.stringify(rest)} ${err?.message ?? ""}`;
    this.#trace.push(`  ${text}`);
    // An error in the log is a bug; what the store or a restart does to the engine is a warning.
    if (level === "error") this.chronicle.violated(`the engine says ${text} ${err?.stack ?? ""}`);
  }

  /** One thing happens; which one is chance among all that can. */
  async #move(): Promise<string> {
    const { random, network, disk, server, clock } = this;
    const { step } = this.chronicle;
    const links = network.links.filter((link) => this.#isCalm || link.stalledUntilStep <= step);
    const ups = links.filter((link) => link.hasUp);
    const downs = links.filter((link) => link.hasDown);
    const actors = this.#actors();
    const weights: Record<Move, number> = {
      mail: Math.min(network.mailCount, 6) * 6,
      up: Math.min(ups.length, 6) * 6,
      down: Math.min(downs.length, 6) * 6,
      commit: disk.waitingCount > 0 ? 30 : 0,
      read: disk.delayedCount > 0 ? 6 : 0,
      act: Math.min(actors.length, 8) * 3,
      time: this.#isCalm ? 3 : 9,
      start: server.state === "DOWN" ? 6 : 0,
      fault: this.#isCalm ? 0 : 8,
    };
    switch (random.weighed(weights)) {
      case "mail": {
        const index = random.below(network.mailCount);
        return network.deliverMail(index, this.#isCalm ? "delivered" : this.#faults.fateOfMail(index));
      }
      case "up":
        return random.pick(ups).arriveUp();
      case "down":
        return random.pick(downs).arriveDown();
      case "commit":
        return this.#commit();
      case "read":
        disk.letGo();
        return "a read is let go";
      case "act":
        return random.pick(actors)();
      case "time":
        return this.#pass();
      case "start":
        server.start();
        return "the server starts";
      case "fault":
        return (await this.#faults.next()) ?? `nothing goes wrong at ${clock.monotonicMs}`;
    }
  }

  async #commit(): Promise<string> {
    const { random, disk } = this;
    const count = 1 + random.below(Math.min(disk.waitingCount, 20));
    const fate = this.#isCalm ? "heard" : this.#faults.fateOfCommit();
    if (fate === "failed") disk.fail(count);
    else await disk.commit(count, { isHeard: fate === "heard" });
    return `a commit of ${count} is ${fate}`;
  }

  /** Time passes: mostly little, now and then much. */
  async #pass(): Promise<string> {
    const { random, clock } = this;
    const now = clock.monotonicMs;
    const kind = random.below(100);
    const nextMs = clock.nextMs ?? now;
    let until = now + 1 + random.below(100);
    if (this.#isCalm && !this.#isBusy) until = Math.max(nextMs, now + calmStrideMs);
    else if (kind < 40 || this.#isCalm) until = Math.max(nextMs, now + 1);
    else if (kind > 96) until = now + 1_000 + random.below(20_000);
    await clock.moveTo(until, this.#ambient.settle);
    return `${until - now} ms pass`;
  }

  #actors(): (() => string)[] {
    const actors: (() => string)[] = [];
    for (const worker of this.workers) {
      if (worker.canAct) actors.push(() => `${worker.traits.workerId} ${worker.act()}`);
    }
    for (const subscriber of this.subscribers) {
      if (subscriber.canAct) actors.push(() => `${subscriber.wish.name} ${subscriber.act()}`);
    }
    for (const mirror of this.mirrors) {
      if (mirror.canAct) actors.push(() => `${mirror.mirrored} ${mirror.act()}`);
    }
    for (const consumer of this.consumers) {
      if (consumer.canAct) actors.push(() => `a consumer ${consumer.act()}`);
    }
    if (this.#isCalm) {
      const asked = this.#asked();
      if (asked !== undefined) actors.push(() => this.#answer(asked));
      return actors;
    }
    for (const client of this.#clients) if (client.canAct) actors.push(() => client.act());
    return actors;
  }

  /** A condition that waits for an answer and would wait for ever, and that was not given one of all yet. */
  #asked(): Action | undefined {
    const { state } = this.disk;
    for (const run of state?.runs.values() ?? []) {
      if (run.pausedConditionCount === 0) continue;
      const waiting = state?.actions(run.key).find((action) => {
        const waits = action.state === "PAUSED" && !isTimed(action);
        return waits && (this.#answers.get(askedName(action)) ?? 0) < voters.length;
      });
      if (waiting !== undefined) return waiting;
    }
    return undefined;
  }

  /** One voter after the other answers, so that a condition that asks for several has them. */
  #answer(asked: Action): string {
    const name = askedName(asked);
    const count = this.#answers.get(name) ?? 0;
    this.#answers.set(name, count + 1);
    const run = { namespace: namespaceOf(asked.run), runId: runIdOf(asked.run) };
    const client = this.#clients[count % this.#clients.length] as SimulatedClient;
    return `${voters[count % voters.length]} ${client.answer(run, asked.name, this.random.percent(70))}`;
  }

  /** No more goes wrong: everything has to come to its end. */
  async #calmDown(): Promise<void> {
    if (!this.#isSound) return;
    this.#isCalm = true;
    this.#faults.cease();
    for (const worker of this.workers.splice(0)) worker.die();
    for (let number = 0; number < 3; number += 1) {
      this.hire(number, { isRude: false, isSlow: false, slots: 4 }).isCalm = true;
    }
    for (const subscriber of this.subscribers) {
      subscriber.link?.giveUp();
      subscriber.isCalm = true;
    }
    for (const { link } of [...this.mirrors, ...this.consumers]) link?.giveUp();
    for (const consumer of this.consumers) consumer.isCalm = true;
    // Its first creation may never have arrived.
    if (this.disk.state?.subscription("default", subscription) === undefined) this.#operator.subscribe();
    for (let count = 0; count < calmStepsMax && this.#isSound; count += 1) {
      await this.#step();
      if (count % 20 === 0 && this.#isQuiet()) return;
    }
    if (this.#isSound) this.#tellWhatWaits();
  }

  #isQuiet(): boolean {
    const { state } = this.disk;
    if (state === undefined || this.server.state !== "UP") return false;
    if (this.disk.waitingCount > 0 || this.network.mailCount > 0) return false;
    if (this.network.links.some((link) => link.hasDown)) return false;
    if (![...state.runs.values()].every(hasRunEnded)) return false;
    if (this.consumers.some((consumer) => consumer.canAct)) return false;
    return [...this.subscribers, ...this.mirrors].every((one) => one.isAtHead) && this.#isConsumed();
  }

  /** True if the place of the subscription is behind everything that it is to give. */
  #isConsumed(): boolean {
    const wanted = recordOf(this.disk.transactions, isConsumed).flat().at(-1);
    const through = this.disk.state?.subscription("default", subscription)?.through ?? -1;
    return wanted === undefined || through >= Number.parseInt(wanted.eventId, 16);
  }

  #tellWhatWaits(): void {
    const { state } = this.disk;
    const waiting = [...(state?.runs.values() ?? [])]
      .filter((run) => !hasRunEnded(run))
      .flatMap((run) => state?.actions(run.key) ?? [])
      .filter((action) => !hasEnded(action))
      .map((action) => `${action.run}/${action.name} (${action.state})`);
    const subscribers = this.subscribers.filter(({ isAtHead }) => !isAtHead).map(({ wish }) => wish.name);
    for (const { isAtHead, mirrored } of this.mirrors) if (!isAtHead) subscribers.push(mirrored);
    if (!this.#isConsumed()) subscribers.push("the consumers");
    const rest = `the server is ${this.server.state}, not at the head: ${subscribers.join()}`;
    this.chronicle.violated(`Live: nothing moves on: ${waiting.join()}; ${rest}`);
  }

  async #judge(): Promise<void> {
    const { state } = this.disk;
    if (state === undefined || !this.#isSound) return;
    const { chronicle, subscribers } = this;
    const { transactions } = this.disk;
    for (const violation of judge(transactions, { chronicle, subscribers })) chronicle.violated(violation);
    for (const { mirrored, open } of this.mirrors) {
      if (open.length > 0) chronicle.violated(`Snapshot: of ${mirrored} are left ${open.join()}`);
    }
    const wanted = recordOf(transactions, isConsumed).flat();
    for (const what of consumed(wanted, this.#consumed)) chronicle.violated(`Consumed: ${what}`);
    const kept = await readWhole(this.disk.store);
    if (print(kept) !== print(transactions)) chronicle.violated("Ordered: the store keeps another feed");
    if (this.#options.seed % 8 !== 0) return;
    const again = print(await this.disk.replay());
    const isSame = again === print(transactions.map(({ events }) => events));
    if (!isSame) chronicle.violated("Pure: the same commands judged again make another feed");
  }

  #checkCredit(state: MemoryState | undefined): void {
    const { engine } = this.server;
    if (engine === undefined || state === undefined) return;
    for (const { id } of state.sessions()) {
      const credit = engine.sessions.creditOf(id) ?? 0;
      if (credit < 0) this.chronicle.violated(`session ${id} has a credit of ${credit}`);
    }
  }
}

function askedName({ run, name, epoch, queueTimeMs }: Action): string {
  return `${run}/${name} ${epoch} ${queueTimeMs}`;
}

/** What the durable subscription of the simulation wants. */
function isConsumed({ namespace, detail: { kind } }: Event): boolean {
  return (
    namespace === "default" && (kind === "run_created" || kind === "action_ended" || kind === "run_ended")
  );
}

/** True if a condition ends by itself. */
function isTimed(action: Action): boolean {
  return action.spec.kind === "condition" && action.spec.timeoutMs !== undefined;
}

/** Everything that a store says of its feed, page by page. */
async function readWhole(store: Store): Promise<readonly Transaction[]> {
  const transactions: Transaction[] = [];
  let after = 0n as Position;
  for (;;) {
    const page = await store.readFeed({ after, run: undefined, eventsMax: 50, bytesMax: 1_000_000 });
    transactions.push(...page.transactions);
    after = page.through;
    if (page.atHead) return transactions;
  }
}

function print(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? part.toString() : part));
}
