import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EventKind } from "../gen/signalbox/v1/event_pb.ts";
import { createClient, type SignalboxClient } from "../src/client/client.ts";
import type { FromGenerator, FromWorker, SubmitMode, ToGenerator, ToWorker } from "./messages.ts";
import type { BenchOptions } from "./options.ts";
import { type Contents, preload } from "./preload.ts";
import { type Conversation, type Part, startGenerator, startServer, startWorker } from "./processes.ts";

/** The op that the worker runs. */
export const workedOp = "work";

/** CPU in microseconds of each process, the server's without the thread of its store. */
export interface Cpu {
  readonly server: number;
  readonly store: number;
  readonly worker: number;
  readonly generator: number;
}

/** What came of one measurement of throughput. */
export interface Throughput {
  /** How many runs ended. */
  readonly count: number;
  readonly perSecond: number;
  /** For each run. */
  readonly cpuUs: Cpu;
  /** How long a call took, in milliseconds; undefined if nothing was called. */
  readonly ackMs: { readonly p50: number; readonly p99: number } | undefined;
}

/** What came of one measurement of latency: milliseconds, in order of size. */
export interface Latency {
  readonly startMs: readonly number[];
  readonly ackMs: readonly number[];
  /** For each run. */
  readonly cpuUs: Cpu;
}

/** A server with what its store holds, a load generator and a worker, each a process of its own. */
export class Scene {
  readonly #options: BenchOptions;
  readonly #folder: string;
  readonly #server: Part;
  readonly #generator: Conversation<ToGenerator, FromGenerator>;
  readonly #worker: Conversation<ToWorker, FromWorker>;
  readonly #client: SignalboxClient;
  #executed = 0;

  /** Fills a store and starts everybody; the worker is not attached yet. */
  static async open(options: BenchOptions, contents: Contents): Promise<Scene> {
    mkdirSync(options.folder, { recursive: true });
    const folder = mkdtempSync(join(options.folder, "signalbox-bench-"));
    await preload(folder, contents);
    const { part: server, address } = await startServer(folder, {
      flags: [...options.serverFlags, ...profileFlags(options, "server")],
    });
    const generator = await startGenerator(address, { flags: profileFlags(options, "generator") });
    const worker = await startWorker(address, {
      flags: profileFlags(options, "worker"),
      op: workedOp,
      concurrency: options.concurrency,
    });
    return new Scene({ options, folder, server, generator, worker, client: createClient({ address }) });
  }

  private constructor(parts: {
    readonly options: BenchOptions;
    readonly folder: string;
    readonly server: Part;
    readonly generator: Conversation<ToGenerator, FromGenerator>;
    readonly worker: Conversation<ToWorker, FromWorker>;
    readonly client: SignalboxClient;
  }) {
    this.#options = parts.options;
    this.#folder = parts.folder;
    this.#server = parts.server;
    this.#generator = parts.generator;
    this.#worker = parts.worker;
    this.#client = parts.client;
  }

  /** Lets the worker attach. */
  async attach(): Promise<void> {
    this.#worker.say({ kind: "attach" });
    await this.#worker.hear("attached");
  }

  /**
   * Submits for a while, and waits until everything that was submitted has ended: from the first call to the
   * last end, by the times of the feed. A second of the same goes before it and is not counted.
   */
  async submit(mode: SubmitMode): Promise<Throughput> {
    await this.#submitAll(mode, 1);
    const cursor = await this.#feedCursor();
    const before = this.#cpu();
    const { count, firstMs, ackMs } = await this.#submitAll(mode, this.#options.seconds);
    const used = minus(this.#cpu(), before);
    const ended = await this.#endsBehind(cursor);
    if (ended.count !== count) throw new Error(`${count} runs were submitted and ${ended.count} have ended`);
    const seconds = (ended.lastMs - firstMs) / 1_000;
    return { count, perSecond: count / seconds, cpuUs: each(used, count), ackMs };
  }

  /** Lets the worker attach to a backlog, and measures how fast a part of it is executed. */
  async drain(count: number): Promise<Throughput> {
    const warmUp = Math.ceil(count / 10);
    this.#worker.say({ kind: "report", count: warmUp });
    this.#worker.say({ kind: "attach" });
    const first = await this.#worker.hear("reached");
    const before = this.#cpu();
    this.#worker.say({ kind: "report", count: warmUp + count });
    const last = await this.#worker.hear("reached");
    const used = minus(this.#cpu(), before);
    const executed = last.count - first.count;
    const perSecond = executed / ((last.atMs - first.atMs) / 1_000);
    return { count: executed, perSecond, cpuUs: each(used, executed), ackMs: undefined };
  }

  /** Submits, or signals paused runs, ten a second, and notes when the task of each is started. */
  async pace(kind: "pace" | "signal", samples: number): Promise<Latency> {
    await this.#submitAll("single", 1);
    this.#worker.say({ kind: "trace", samples });
    const before = this.#cpu();
    this.#generator.say({ kind, op: workedOp, samples, intervalMs: 100 });
    const { submitMs, ackMs } = await this.#generator.hear("paced");
    const { startMs } = await this.#worker.hear("traced");
    this.#executed += samples;
    const waits = startMs.map((atMs, index) => atMs - (submitMs[index] ?? atMs));
    const sorted = (values: readonly number[]): number[] => values.toSorted((one, other) => one - other);
    const cpuUs = each(minus(this.#cpu(), before), samples);
    return { startMs: sorted(waits), ackMs: sorted(ackMs), cpuUs };
  }

  /** Ends all processes and removes the store. */
  async close(): Promise<void> {
    this.#client.close();
    await this.#worker.stop();
    await this.#generator.stop();
    await this.#server.end(() => this.#server.child.kill("SIGTERM"));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #submitAll(mode: SubmitMode, seconds: number) {
    const { callers, batchesInFlight, batchSize } = this.#options;
    const inFlight = mode === "batch" ? batchesInFlight : callers;
    const countMax = Number.MAX_SAFE_INTEGER;
    this.#generator.say({ kind: "submit", mode, op: workedOp, seconds, countMax, inFlight, batchSize });
    const submitted = await this.#generator.hear("submitted");
    this.#executed += submitted.count;
    this.#worker.say({ kind: "report", count: this.#executed });
    await this.#worker.hear("reached");
    await this.#allRecorded();
    return submitted;
  }

  /** Every task has been run: waits until the server has recorded the ends of all. */
  async #allRecorded(): Promise<void> {
    for (;;) {
      const { runningCount } = await this.#client.workers.get("bench");
      if (runningCount === 0) return;
      await delay(2);
    }
  }

  /**
   * Where the feed stands, behind everything that a read has shown: a write that is answered is behind it
   * too.
   */
  async #feedCursor(): Promise<string> {
    await this.#client.events.publish([{ source: "bench", type: "begin" }]);
    const watch = new AbortController();
    const frames = this.#client.raw.events.watchEvents(endsOnly, { signal: watch.signal });
    try {
      for await (const { cursor } of frames) return cursor;
    } finally {
      watch.abort();
    }
    throw new Error("the feed ended");
  }

  async #endsBehind(start: string): Promise<{ readonly count: number; readonly lastMs: number }> {
    let count = 0;
    let lastMs = 0;
    for (let cursor = start; ; ) {
      const page = await this.#client.raw.events.listEvents({
        ...endsOnly,
        pageSize: 1_000,
        pageToken: cursor,
      });
      count += page.events.length;
      const time = page.events.at(-1)?.createTime;
      if (time !== undefined) lastMs = Number(time.seconds) * 1_000 + time.nanos / 1_000_000;
      if (page.atHead) return { count, lastMs };
      cursor = page.nextPageToken;
    }
  }

  #cpu(): Cpu {
    const store = this.#server.threadCpuUs("signalbox-store");
    return {
      server: this.#server.cpuUs() - store,
      store,
      worker: this.#worker.cpuUs(),
      generator: this.#generator.cpuUs(),
    };
  }
}

const endsOnly = { filter: { kinds: [EventKind.RUN_ENDED] } };

/** All of it together. */
export function sumOf({ server, store, worker, generator }: Cpu): number {
  return server + store + worker + generator;
}

function minus(after: Cpu, before: Cpu): Cpu {
  return {
    server: after.server - before.server,
    store: after.store - before.store,
    worker: after.worker - before.worker,
    generator: after.generator - before.generator,
  };
}

function each(all: Cpu, count: number): Cpu {
  const { server, store, worker, generator } = all;
  return {
    server: server / count,
    store: store / count,
    worker: worker / count,
    generator: generator / count,
  };
}

/** Flags of Node that have a process write its profile, if one is wanted. */
export function profileFlags({ profile }: BenchOptions, part: string): readonly string[] {
  return profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", join(profile, part)];
}
