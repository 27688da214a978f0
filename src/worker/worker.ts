import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { JsValues } from "../client/js-value.ts";
import { type Connection, openConnection } from "./connection.ts";
import type { TaskFunction } from "./task-context.ts";
import { TaskRunner } from "./task-runner.ts";
import type { SessionFailure, SessionNotice } from "./thread-messages.ts";
import { WorkerRefused, WorkerSuperseded } from "./worker-errors.ts";
import { concurrencyMax, stopGraceMs } from "./worker-limits.ts";
import { standardErrorLog, type WorkerLog } from "./worker-log.ts";

/**
 * A worker executes tasks for a Signalbox server:
 *
 *     import { createWorker } from "signalbox/worker";
 *
 *     const worker = createWorker({ address: "http://127.0.0.1:7233" });
 *
 *     worker.task("publish", async (ctx, input: { path: string }) => {
 *       const text = await ctx.step("render", () => render(input.path));
 *       ctx.progress(50, "rendered");
 *       const isApproved = await ctx.condition("approve", { type: "bool", prompt: `Publish ${input.path}?` });
 *       if (!isApproved) {
 *         throw new NonRetryableError("nobody wanted it");
 *       }
 *       const { url } = await ctx.task("upload", { op: "upload", input: { text } });
 *       return { url };
 *     });
 *
 *     worker.start();
 *     process.once("SIGTERM", () => worker.drain());
 *     await worker.closed;
 *
 * Tasks run on the thread that made the worker; its session with the server lives on a thread of its own. A task that
 * keeps the event loop busy for minutes keeps its lease. If the server is away, tasks run on, the worker attaches
 * again for as long as it takes, keeps its attempts and says again what was not yet durable. So a task runs once for
 * each attempt unless the worker itself dies or is away for longer than its lease.
 */
export interface Worker {
  /** Its name, unique among the workers of the namespace. */
  readonly workerId: string;
  /** Resolves when the worker has stopped; rejects if it stopped for a reason that needs somebody's attention. */
  readonly closed: Promise<void>;
  /** Says what runs tasks of an op. All tasks are named before `start`. */
  task<Inputs = JsValues>(op: string, run: TaskFunction<Inputs>): void;
  /** Attaches and takes work; resolves when the server has first answered. The worker goes on without being awaited. */
  start(): Promise<void>;
  /** Takes no more work, lets what runs finish and be recorded, however long that takes, and leaves. */
  drain(): Promise<void>;
  /**
   * Like `drain`, but what has not finished within `graceMs` (10 s if not said) is aborted and given back: its attempt
   * counts as failed, and the retry policy decides what follows.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

/** How a worker is made. */
export interface WorkerOptions {
  /** The server: `http://host:port`, `https://host:port`, or `host:port` for clear text. */
  readonly address: string;
  /** The namespace it works for; `default` if not said. */
  readonly namespace?: string;
  /**
   * Its name, unique in the namespace: a new process under a name takes the place of the old one, which then stops.
   * Made of host, process and chance if not said.
   */
  readonly workerId?: string;
  /** How many attempts run at once, 1 to 5,000; 10 if not said. */
  readonly concurrency?: number;
  /** For people and for placement; at most 64. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Where it says what happens to its session; warnings and errors on standard error if not given. */
  readonly log?: WorkerLog;
}

/** Makes a worker. It does nothing before it is told its tasks and started. */
export function createWorker(options: WorkerOptions): Worker {
  const concurrency = options.concurrency ?? 10;
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > concurrencyMax) {
    throw new RangeError(`concurrency is ${concurrency}, and is to be 1 to ${concurrencyMax}`);
  }
  return new ThreadedWorker(options, concurrency);
}

class ThreadedWorker implements Worker {
  readonly workerId: string;
  readonly closed: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #concurrency: number;
  readonly #log: WorkerLog;
  readonly #tasks = new Map<string, TaskFunction>();
  readonly #attached = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  #connection: Connection | undefined;
  #runner: TaskRunner | undefined;
  #isClosed = false;

  constructor(options: WorkerOptions, concurrency: number) {
    this.#options = options;
    this.#concurrency = concurrency;
    this.#log = options.log ?? standardErrorLog;
    this.workerId = options.workerId ?? nameWorker();
    this.closed = this.#ended.promise;
    // Both are told in the log too, so that nobody has to wait for either.
    this.#ended.promise.catch(() => undefined);
    this.#attached.promise.catch(() => undefined);
  }

  task<Inputs = JsValues>(op: string, run: TaskFunction<Inputs>): void {
    if (this.#connection !== undefined) {
      throw new Error(`the task ${op} comes too late: the worker has started`);
    }
    if (this.#tasks.has(op)) {
      throw new Error(`the worker has a task ${op} already`);
    }
    this.#tasks.set(op, run as TaskFunction);
  }

  start(): Promise<void> {
    if (this.#connection !== undefined || this.#isClosed) {
      throw new Error("a worker is started once");
    }
    if (this.#tasks.size === 0) {
      throw new Error("the worker has no tasks; name some before it starts");
    }
    const { address, namespace = "", labels = {} } = this.#options;
    const identity = {
      address: readAddress(address),
      namespace,
      workerId: this.workerId,
      incarnation: randomBytes(12).toString("hex"),
      ops: [...this.#tasks.keys()],
      labels,
      concurrency: this.#concurrency,
    };
    this.#connection = openConnection(identity, {
      notice: (notice) => this.#take(notice),
      ended: (failure) => this.#end(failure),
    });
    this.#runner = new TaskRunner(this.#tasks, this.#connection);
    return this.#attached.promise;
  }

  drain(): Promise<void> {
    if (this.#connection === undefined) {
      this.#end(undefined);
    } else {
      this.#connection.post({ kind: "drain" });
    }
    return this.closed;
  }

  async stop({ graceMs = stopGraceMs }: { readonly graceMs?: number } = {}): Promise<void> {
    const timesOut = setTimeout(() => {
      this.#log.warn({ workerId: this.workerId, graceMs }, "stops before everything has ended");
      this.#runner?.giveBack();
      this.#connection?.post({ kind: "leave", cause: "the worker stops" });
    }, graceMs);
    try {
      await this.drain();
    } finally {
      clearTimeout(timesOut);
    }
  }

  #take(notice: SessionNotice): void {
    const { workerId } = this;
    if (notice.kind === "attached") {
      const { sessionId, leaseMs, keptCount } = notice;
      this.#log.info({ workerId, sessionId, leaseMs, keptCount }, "is attached");
      this.#attached.resolve();
    } else if (notice.kind === "detached") {
      const { cause, retryMs } = notice;
      this.#log.warn({ workerId, cause, retryMs }, "has lost its server and attaches again");
    } else if (notice.kind === "draining") {
      this.#log.info({ workerId }, "is asked by its server to drain");
    } else if (notice.kind === "declined") {
      this.#log.warn({ workerId, ...notice.refusal }, "said something that its server declined");
    } else if (notice.kind === "lost") {
      this.#log.warn({ workerId, cause: notice.cause }, "has lost an attempt");
    }
    this.#runner?.take(notice);
  }

  #end(failure: SessionFailure | Error | undefined): void {
    if (this.#isClosed) {
      return;
    }
    this.#isClosed = true;
    this.#runner?.giveBack();
    if (failure === undefined) {
      this.#log.info({ workerId: this.workerId }, "has left");
      this.#attached.resolve();
      this.#ended.resolve();
      return;
    }
    const error = toError(failure);
    this.#log.error({ workerId: this.workerId, error: error.message }, "has stopped");
    this.#attached.reject(error);
    this.#ended.reject(error);
  }
}

function toError(failure: SessionFailure | Error): Error {
  if (failure instanceof Error) {
    return failure;
  }
  return failure.kind === "superseded" ? new WorkerSuperseded(failure.message) : new WorkerRefused(failure.message);
}

function readAddress(address: string): string {
  const url = new URL(address.includes("://") ? address : `http://${address}`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`the address of a server begins with http:// or https:// and not ${url.protocol}//`);
  }
  return url.origin;
}

function nameWorker(): string {
  const host = hostname().replace(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 80);
  return `${host || "worker"}-${process.pid}-${randomBytes(3).toString("hex")}`;
}
