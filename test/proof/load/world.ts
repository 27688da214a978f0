import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  createClient,
  type EventFrame,
  hasRunEnded,
  type SignalboxClient,
} from "../../../src/client/client.ts";
import { Random } from "../../support/random.ts";
import { FaultyDisk } from "../faults/disk.ts";
import { type Ending, Program } from "../faults/program.ts";
import { Proxy } from "../faults/proxy.ts";
import { History, nowUs } from "../history/history.ts";
import { asRecorded } from "../history/recorded.ts";
import { Keys, LoadClient } from "./load-client.ts";
import { filters, isOver, overType, Subscriber } from "./subscriber.ts";

const mainScript = join(import.meta.dirname, "../../../src/main.ts");
const workerScript = join(import.meta.dirname, "worker-process.ts");

/** 2 s: a lease is over while a process is stopped for three. */
const shortLeases = ["--lease-ms", "2000", "--accept-timeout-ms", "1500"];
const shortIntervals = ["--pulse-interval-ms", "400", "--bookmark-interval-ms", "1000"];
/** 60 s for everything to end once nothing fails any more. */
const settleMs = 60_000;
/** 45 s for a subscriber to be told everything: pings find a dead connection within 20. */
const toldMs = 45_000;
const clientCount = 3;
const workerCount = 2;
/** 4 plans in progress at once. */
const openPlansMax = 4;
/** 6 places of the feed from which it is read again at the end. */
const resumptions = 6;

/** What a world is made of. */
export interface WorldOptions {
  readonly name: string;
  readonly seed: number;
  /** An empty folder for everything. */
  readonly folder: string;
  /** Where the data of the server is; a folder in `folder` unless said. */
  readonly data?: string;
  /** The library that makes disks fail, if this world has such a disk. */
  readonly disk?: { readonly library: string; readonly keepsJournal: boolean };
  /** Intervals and leases other than the short ones. */
  readonly flags?: readonly string[];
  /** After how long without data every proxy ends a connection. */
  readonly idleMs?: number;
  /** Another server script, such as one with a bug in it. */
  readonly script?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A server, and workers, clients and subscribers, each with a way to it that can be broken. */
export class World {
  readonly history: History;
  readonly random: Random;
  readonly disk: FaultyDisk | undefined;
  readonly proxies: Proxy[] = [];
  readonly workers: Program[] = [];
  readonly keys = new Keys();
  /** True while nobody asks for anything, so that streams carry nothing but pulses and bookmarks. */
  isQuiet = false;
  /** The ways of subscribers and workers, whose streams are kept. */
  readonly streamProxies: Proxy[] = [];
  readonly data: string;
  readonly #options: WorldOptions;
  readonly #clients: SignalboxClient[] = [];
  readonly #subscribers: Subscriber[] = [];
  readonly #stopped = new AbortController();
  readonly #openPlans = new Map<string, PromiseWithResolvers<void>>();
  #working: Promise<unknown> = Promise.resolve();
  #server: Program | undefined;
  #port = 0;

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.data = options.data ?? join(options.folder, "data");
    mkdirSync(options.folder, { recursive: true });
    this.history = new History(join(options.folder, "history.jsonl"), options);
    this.disk =
      options.disk && new FaultyDisk({ ...options.disk, folder: this.data, scratch: options.folder });
  }

  /** Starts everything, and the load. */
  static async start(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      await world.startServer();
      await world.#startLoad();
      return world;
    } catch (error) {
      await world.remove();
      throw error;
    }
  }

  /** The server's process. */
  get server(): Program {
    if (this.#server === undefined) throw new Error("the server was never started");
    return this.#server;
  }

  /** Starts the server over the same data, at the same place; rejects if it does not come up. */
  async startServer(): Promise<void> {
    const server = this.spawnServer();
    this.#server = server;
    const [, port] = await server.said(/^signalbox listens on http:\/\/127\.0\.0\.1:(\d+)$/m);
    this.#port = Number(port);
  }

  /** The server's process, which may or may not come up. */
  spawnServer(): Program {
    const { flags = [...shortLeases, ...shortIntervals], script = mainScript, environment } = this.#options;
    const place = ["--host", "127.0.0.1", "--port", String(this.#port), "--data", this.data];
    const logging = ["--log-level", "warn", "--drain-timeout-ms", "2000"];
    return Program.spawn({
      name: "server",
      script,
      args: [...place, ...logging, ...flags],
      environment: { ...environment, ...this.disk?.environment },
    });
  }

  /** Starts a worker in the place of one that is gone. */
  async startWorker(place: number): Promise<void> {
    const proxy = this.proxies[place];
    if (proxy === undefined) throw new Error("there is no such worker");
    const worker = Program.spawn({
      name: `worker-${place}`,
      script: workerScript,
      args: [proxy.url, `worker-${place}`],
    });
    this.workers[place] = worker;
    await worker.said(/ready/);
  }

  /** Notes a fault in the history. */
  note(kind: string, of = ""): void {
    this.history.write({ type: "fault", kind, of, at: nowUs() });
  }

  /**
   * Ends the load, waits until everything that ends by itself has, and until every subscriber was told all
   * there is; then reads everything once more. The server and all ways to it must be well. What does not come
   * to its end in time is noted as a bug.
   */
  async settle(): Promise<void> {
    this.#stopped.abort();
    for (const plan of this.#openPlans.values()) plan.resolve();
    await this.#working;
    const client = this.#direct();
    await this.#untilAllEnded(client);
    const reader = new LoadClient({
      client,
      history: this.history,
      name: "final",
      random: this.random,
      keys: this.keys,
    });
    for (const { kind, key } of this.keys.all) await reader.read(kind, key);
    await Promise.all(this.workers.map((worker) => this.#stopWorker(worker)));
    await client.events.publish([{ source: "proof", type: overType }]);
    await Promise.all(this.#subscribers.map((subscriber) => this.#untilTold(subscriber)));
    await this.#readAfresh(client);
    client.close();
    this.history.write({ type: "over", at: nowUs() });
  }

  /** Ends every process and closes every connection. */
  async remove(): Promise<Ending | undefined> {
    this.#stopped.abort();
    for (const plan of this.#openPlans.values()) plan.resolve();
    for (const client of this.#clients) client.close();
    await Promise.all([...this.#subscribers.map((subscriber) => subscriber.stop()), this.#working]);
    for (const program of [...this.workers, ...(this.#server === undefined ? [] : [this.#server])]) {
      program.signal("SIGCONT");
      await program.kill();
    }
    for (const proxy of this.proxies) await proxy.close();
    this.history.close();
    return this.#server?.ended;
  }

  #direct(): SignalboxClient {
    const address = `http://127.0.0.1:${this.#port}`;
    const client = createClient({ address, timeoutMs: 5_000 });
    this.#clients.push(client);
    return client;
  }

  async #proxied(retryForMs: number): Promise<SignalboxClient> {
    const { idleMs } = this.#options;
    const proxy = await Proxy.start(() => this.#port, idleMs === undefined ? {} : { idleMs });
    this.proxies.push(proxy);
    const retry = { forMs: retryForMs, initialBackoffMs: 50, backoffMsMax: 400 };
    const client = createClient({ address: proxy.url, timeoutMs: 1_000, retry });
    this.#clients.push(client);
    return client;
  }

  async #startLoad(): Promise<void> {
    const { idleMs } = this.#options;
    for (let place = 0; place < workerCount; place += 1) {
      this.proxies.push(await Proxy.start(() => this.#port, idleMs === undefined ? {} : { idleMs }));
    }
    const starting = Array.from({ length: workerCount }, (_, place) => this.startWorker(place));
    await Promise.all(starting);
    this.streamProxies.push(...this.proxies);
    const { history, keys } = this;
    const working: Promise<void>[] = [];
    for (let number = 0; number < clientCount; number += 1) {
      // One gives up at once, one soon, one late: what became of a call is unknown to some.
      const client = await this.#proxied([0, 600, 3_000][number % 3] ?? 0);
      const random = new Random(this.random.below(2 ** 31));
      const loading = new LoadClient({ client, history, name: `client-${number}`, random, keys });
      working.push(loading.work(this.#stopped.signal, () => !this.isQuiet));
    }
    const planning = new LoadClient({
      client: await this.#proxied(20_000),
      history,
      name: "planner",
      random: new Random(this.random.below(2 ** 31)),
      keys,
    });
    working.push(this.#createPlans(planning));
    const answer = (frame: EventFrame) => {
      for (const event of frame.events) {
        if (!event.runId.startsWith("plan-")) continue;
        const value = Number(event.runId.split("-")[1]) % 4 === 0 ? 0 : 1;
        if (event.kind === "CONDITION_PAUSED")
          working.push(planning.ask("plan", event.runId, { f: "signal", value }).then(() => undefined));
        if (event.kind === "RUN_ENDED") this.#openPlans.get(event.runId)?.resolve();
      }
    };
    const forms = [
      { name: "follower", filter: "all", onFrame: answer },
      { name: "hopper", filter: "all", hops: new Random(this.random.below(2 ** 31)) },
      { name: "filtered", filter: "ends" },
    ] as const;
    for (const form of forms) {
      this.#subscribers.push(new Subscriber({ ...form, client: await this.#proxied(60_000), history }));
      this.streamProxies.push(this.proxies.at(-1) as Proxy);
    }
    this.#working = (async () => {
      // What is answered meanwhile joins in.
      for (let known = 0; known < working.length; ) {
        known = working.length;
        await Promise.all(working);
      }
    })();
  }

  async #createPlans(client: LoadClient): Promise<void> {
    const open = new Set<Promise<unknown>>();
    while (!this.#stopped.signal.aborted) {
      if (this.isQuiet) {
        await delay(50);
        continue;
      }
      const key = this.keys.add("plan");
      const end = Promise.withResolvers<void>();
      this.#openPlans.set(key, end);
      const plan = client
        .ask("plan", key, { f: "create" })
        .then((response) => (response === undefined ? undefined : end.promise))
        .finally(() => open.delete(plan));
      open.add(plan);
      if (open.size >= openPlansMax) await Promise.race(open);
    }
    await Promise.all(open);
  }

  /** Waits for every run but those that wait for an answer that nobody gives. */
  async #untilAllEnded(client: SignalboxClient): Promise<void> {
    const endsAt = performance.now() + settleMs;
    for (;;) {
      const open: string[] = [];
      for await (const { runId, state } of client.runs.list({ states: ["QUEUED", "RUNNING"] })) {
        if (hasRunEnded(state)) continue;
        if (runId.startsWith("condition-") && (await this.#waits(client, runId))) continue;
        open.push(runId);
      }
      if (open.length === 0) return;
      if (performance.now() > endsAt) {
        const some = open.slice(0, 5).join(", ");
        this.history.writeBug("settle", new Error(`${open.length} runs do not end, such as ${some}`));
        return;
      }
      await delay(100);
    }
  }

  async #waits(client: SignalboxClient, runId: string): Promise<boolean> {
    const { state } = await client.runs.action(runId, "approve");
    return state === "PAUSED";
  }

  async #stopWorker(worker: Program): Promise<void> {
    worker.signal("SIGTERM");
    await worker.endedInTime(10_000);
  }

  async #untilTold(subscriber: Subscriber): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), toldMs);
    try {
      await Promise.race([subscriber.done, once(late.signal, "abort")]);
      if (late.signal.aborted) throw new Error(`was not told everything within ${toldMs} ms`);
    } catch (error) {
      this.history.writeBug(subscriber.name, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Reads the feed as it is in the end, and again from places of it. */
  async #readAfresh(client: SignalboxClient): Promise<void> {
    for (const filter of ["all", "ends"] as const) {
      const transactions: ReturnType<typeof asRecorded>["events"][] = [];
      for await (const frame of client.events.watch({ ...filters[filter], from: "beginning" })) {
        if (frame.events.length > 0) transactions.push(asRecorded(frame).events);
        if (isOver(frame)) break;
      }
      this.history.write({ type: "reference", filter, transactions, isTold: true });
    }
    const [follower] = this.#subscribers;
    const places = follower?.cursors.slice(0, -1) ?? [];
    const step = Math.max(1, Math.floor(places.length / resumptions));
    for (const cursor of places.filter((_, index) => index % step === 0).slice(0, resumptions)) {
      await follower?.readAgain(client, cursor);
    }
  }
}
