import type { FaultKind, FaultPlan } from "./fault-plan.ts";
import type { MailFate } from "./network.ts";
import type { SimulatedWorld } from "./simulated-world.ts";

/** What is left to happen to whoever a fault has touched. */
const worldFaults = [
  "stream cut",
  "stream half-open",
  "stream stalled",
  "server killed",
  "server stopped",
  "reads fail",
  "read delayed",
  "clock forwards",
  "clock backwards",
  "worker killed",
  "worker doubled",
] as const satisfies readonly FaultKind[];

/** 120 steps until a reason to be silent is over. */
const stallSteps = 120;

/** Makes things go wrong, as often as the plan of a simulation says. */
export class Faults {
  readonly #world: SimulatedWorld;
  readonly #plan: FaultPlan;
  #readsFailUntilStep = 0;
  /** The server is to be killed as soon as it has something to lose. */
  #isKillDue = false;

  constructor(world: SimulatedWorld, plan: FaultPlan) {
    this.#world = world;
    this.#plan = plan;
  }

  /** What becomes of a message of a call. */
  fateOfMail(index: number): MailFate {
    const isRequest = this.#world.network.kindOfMail(index) === "request";
    const chance = this.#world.random.below(100);
    const lost = this.#rate(isRequest ? "request lost" : "reply lost");
    if (chance < lost) {
      this.#world.chronicle.injected(isRequest ? "request lost" : "reply lost");
      return "lost";
    }
    if (isRequest && chance < lost + this.#rate("request doubled")) {
      this.#world.chronicle.injected("request doubled");
      return "doubled";
    }
    return "delivered";
  }

  /** What becomes of a commit. */
  fateOfCommit(): "heard" | "failed" | "unheard" {
    const chance = this.#world.random.next() * 100;
    const failed = this.#rate("commit failed");
    if (chance < failed) {
      this.#world.chronicle.injected("commit failed");
      return "failed";
    }
    if (chance < failed + this.#rate("commit unheard")) {
      this.#world.chronicle.injected("commit unheard");
      return "unheard";
    }
    return "heard";
  }

  /** One of the faults of the world, or none; what it was. */
  async next(): Promise<string | undefined> {
    const { random, chronicle, server } = this.#world;
    if (this.#readsFailUntilStep > 0 && chronicle.step > this.#readsFailUntilStep) this.cease();
    if (this.#isKillDue && server.state !== "DOWN" && this.#world.disk.waitingCount > 1) {
      chronicle.injected("server killed");
      return this.#kill();
    }
    // The scheduler asks once in about 25 steps.
    let chance = random.next() * 40;
    for (const kind of worldFaults) {
      chance -= this.#rate(kind);
      if (chance >= 0) continue;
      const isServers = kind.startsWith("server") || kind.startsWith("read");
      if (isServers && server.state !== "UP" && !(kind === "server killed" && server.state !== "DOWN")) {
        return undefined;
      }
      const what = await this.#make(kind);
      if (what !== undefined) chronicle.injected(kind);
      return what;
    }
    return undefined;
  }

  /** What lasts ends. */
  cease(): void {
    this.#readsFailUntilStep = 0;
    this.#world.server.disk?.failReads(false);
  }

  #rate(kind: FaultKind): number {
    return this.#plan.get(kind) ?? 0;
  }

  async #make(kind: (typeof worldFaults)[number]): Promise<string | undefined> {
    const { random, clock, server, chronicle } = this.#world;
    switch (kind) {
      case "stream cut":
      case "stream half-open":
      case "stream stalled":
        return this.#breakStream(kind);
      case "server killed":
        if (random.percent(30)) return this.#kill();
        this.#isKillDue = true;
        return undefined;
      case "server stopped":
        server.stop();
        return "the server is stopped";
      case "reads fail":
        server.disk?.failReads(true);
        this.#readsFailUntilStep = chronicle.step + stallSteps;
        return "reads fail";
      case "read delayed":
        server.disk?.delayNextRead();
        return "the next read is delayed";
      case "clock forwards":
      case "clock backwards": {
        const byMs = 1 + random.below(random.percent(30) ? 120_000 : 3_000);
        const jumpMs = kind === "clock forwards" ? byMs : -byMs;
        clock.jump(jumpMs);
        return `the clock jumps by ${jumpMs} ms`;
      }
      case "worker killed":
      case "worker doubled":
        return this.#replaceWorker(kind);
    }
  }

  async #kill(): Promise<string> {
    const { random, disk, chronicle } = this.#world;
    const { waitingCount } = disk;
    this.#isKillDue = false;
    const keptCount = random.percent(50) ? random.below(waitingCount + 1) : 0;
    if (keptCount > 0) chronicle.injected("acknowledgement lost at a crash");
    if (keptCount > 0 && keptCount < waitingCount) chronicle.injected("group torn at a crash");
    if (keptCount < waitingCount) chronicle.injected("unsynced writes lost at a crash");
    await this.#world.killServer(keptCount, () => random.percent(60));
    return `the server is killed; of ${waitingCount} commands ${keptCount} are kept`;
  }

  #breakStream(kind: "stream cut" | "stream half-open" | "stream stalled"): string | undefined {
    const { random, network, chronicle } = this.#world;
    const links = network.links.filter((link) => link.clientIsOpen);
    if (links.length === 0) return undefined;
    const link = random.pick(links);
    if (kind === "stream stalled") {
      link.stalledUntilStep = chronicle.step + random.below(stallSteps);
      return `${link.name} is stalled`;
    }
    const way = random.below(3);
    if (kind === "stream half-open") {
      if (way !== 0) link.killUp();
      if (way !== 1) link.killDown();
      return `${link.name} is half-open (${way})`;
    }
    if (random.percent(15)) {
      link.giveUp();
      return `${link.name} is given up`;
    }
    // Either side may go on in good faith until it misses the other.
    if (way !== 0) link.cutServer(random.percent(50) ? "ended" : "broken");
    else link.killUp();
    if (way !== 1) link.cutClient();
    else link.killDown();
    return `${link.name} is cut (${way})`;
  }

  #replaceWorker(kind: "worker killed" | "worker doubled"): string {
    const { random, workers } = this.#world;
    const index = random.below(workers.length);
    const worker = workers[index];
    const number = Number(worker?.traits.workerId.split("-")[1] ?? 0);
    if (worker !== undefined && (kind === "worker killed" || workers.length > 5)) {
      workers.splice(index, 1);
      worker.die();
    }
    this.#world.hire(number);
    return `${kind} ${number}`;
  }
}
