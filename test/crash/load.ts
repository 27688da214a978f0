import {
  createClient,
  type EventFrame,
  output,
  RefusedError,
  type SignalboxClient,
} from "../../src/client/client.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";

/** 15 runs in progress at once: enough that every kill meets work in each of its stages. */
const openRunsMax = 15;

/** What a load had acknowledged: each of these must be there afterwards. */
export interface Acknowledged {
  readonly runIds: string[];
  /** The answers that were taken, by run. */
  readonly answerByRun: Map<string, boolean>;
  readonly refused: RefusedError[];
}

/**
 * Creates runs, answers their conditions and follows the feed, across any number of restarts of the server.
 * Each run has tasks that depend on each other, one that fails at first, and a condition that a guard hangs
 * on.
 */
export class Load {
  readonly acknowledged: Acknowledged = { runIds: [], answerByRun: new Map(), refused: [] };
  /** What the subscriber was given, in order, over all its resumptions. */
  readonly frames: EventFrame[] = [];
  readonly client: SignalboxClient;
  readonly #worker: Worker;
  readonly #stopped = new AbortController();
  readonly #following: Promise<void>;
  readonly #endByRun = new Map<string, PromiseWithResolvers<void>>();
  #runCount = 0;
  #publishedCount = 0;
  #eventCount = 0;
  #looks: (() => void)[] = [];
  #failure: Error | undefined;

  constructor(address: string) {
    this.client = createClient({ address, retry: { forMs: 60_000, backoffMsMax: 500 } });
    this.#worker = startWorker(address);
    this.#following = this.#follow();
  }

  /** How many events the subscriber was given so far. */
  get eventCount(): number {
    return this.#eventCount;
  }

  /** Resolves when the subscriber has been given that many events in all. */
  async untilEvents(count: number): Promise<void> {
    while (this.#eventCount < count) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#looks.push(resolve));
    }
  }

  /** Creates runs until both have been had: so many runs, and the end of what is waited for. */
  async createRuns(countMin: number, until: Promise<void>): Promise<void> {
    let isOver = false;
    void until.finally(() => (isOver = true));
    const open = new Set<Promise<void>>();
    for (let count = 0; count < countMin || !isOver; count += 1) {
      const run = this.#createRun(this.#runCount++).finally(() => open.delete(run));
      open.add(run);
      if (open.size >= openRunsMax) await Promise.race(open);
    }
    await Promise.all(open);
  }

  /**
   * Publishes events, each in a transaction of its own, and waits until the subscriber was given the last
   * one.
   */
  async publishAndSee(count: number): Promise<void> {
    const isLast = (frame: EventFrame) =>
      frame.events.some(
        (event) => event.kind === "PUBLISHED" && event.detail.type === `${this.#publishedCount}`,
      );
    for (let published = 0; published < count; published += 1) {
      this.#publishedCount += 1;
      await this.client.events.publish([{ source: "load", type: `${this.#publishedCount}` }]);
    }
    while (!this.frames.some(isLast)) await this.untilEvents(this.#eventCount + 1);
  }

  /**
   * Stops the worker, and waits until the subscriber was given all there is: the feed is still from there.
   */
  async settle(): Promise<void> {
    await this.#worker.stop();
    await this.publishAndSee(1);
  }

  /** Ends subscriber and client. */
  async finish(): Promise<void> {
    this.#stopped.abort();
    await this.#following;
    this.client.close();
  }

  async #createRun(number: number): Promise<void> {
    const runId = `crash-${number}`;
    const end = Promise.withResolvers<void>();
    this.#endByRun.set(runId, end);
    await this.client.runs.create({
      runId,
      plan: [
        {
          name: "first",
          task: { op: "crash.first", input: { number }, retry: { maxAttempts: 5, initialBackoffMs: 10 } },
        },
        {
          name: "second",
          task: { op: "crash.second", input: { from: output("first", "number") }, retry: { maxAttempts: 5 } },
        },
        { name: "approve", condition: { type: "bool" }, dependsOn: ["first"] },
        {
          name: "last",
          task: { op: "crash.last", input: { from: output("second", "number") }, retry: { maxAttempts: 5 } },
          dependsOn: [{ action: "approve", equals: true }],
        },
      ],
    });
    this.acknowledged.runIds.push(runId);
    await end.promise;
  }

  async #follow(): Promise<void> {
    try {
      const watch = this.client.events.watch({ from: "beginning", signal: this.#stopped.signal });
      for await (const frame of watch) {
        this.frames.push(frame);
        this.#eventCount += frame.events.length;
        for (const event of frame.events) {
          if (event.kind === "CONDITION_PAUSED") void this.#answer(event.runId);
          if (event.kind === "RUN_ENDED") this.#endByRun.get(event.runId)?.resolve();
        }
        for (const look of this.#looks.splice(0)) look();
      }
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#failure = error as Error;
      for (const look of this.#looks.splice(0)) look();
    }
  }

  async #answer(runId: string): Promise<void> {
    if (!this.#endByRun.has(runId)) return;
    const answer = Number(runId.split("-")[1]) % 4 !== 0;
    try {
      await this.client.conditions.signal(runId, "approve", answer, { type: "bool" });
      this.acknowledged.answerByRun.set(runId, answer);
    } catch (error) {
      if (error instanceof RefusedError) this.acknowledged.refused.push(error);
      else this.#failure = error as Error;
    }
  }
}

function startWorker(address: string): Worker {
  const worker = createWorker({ address, workerId: "crash-worker", concurrency: 20, log: silent });
  worker.task<{ number: number }>("crash.first", async (ctx, { number }) => {
    ctx.progress(50, "half");
    if (number % 5 === 0 && ctx.attempt === 1) throw new Error("the first attempt of every fifth run fails");
    return { number: number + 1 };
  });
  worker.task<{ from: number }>("crash.second", async (ctx, { from }) => {
    const kept = await ctx.step("add", () => from + 1);
    return { number: kept };
  });
  worker.task<{ from: number }>("crash.last", async (_ctx, { from }) => ({ number: from + 1 }));
  void worker.start();
  return worker;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
