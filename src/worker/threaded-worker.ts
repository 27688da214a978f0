import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { JsValues } from "../client/js-value.ts";
import { type Task, TaskRunner } from "./attempt/task-runner.ts";
import { type Connection, openConnection } from "./session/connection.ts";
import type { AnnouncedCapacity, SessionFailure, SessionNotice } from "./session/thread-messages.ts";
import type { TaskFunction } from "./task-context.ts";
import type { TaskOptions, Worker, WorkerCapacity, WorkerOptions } from "./worker.ts";
import { WorkerRefused, WorkerSuperseded } from "./worker-errors.ts";
import { stopGraceMs } from "./worker-limits.ts";
import { standardErrorLog, type WorkerLog } from "./worker-log.ts";

/** The worker as it is: tasks on this thread, the session on one of its own. */
export class ThreadedWorker implements Worker {
  readonly workerId: string;
  readonly closed: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #concurrency: number;
  readonly #log: WorkerLog;
  readonly #tasks = new Map<string, Task>();
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

  task<Inputs = JsValues>(op: string, run: TaskFunction<Inputs>, options: TaskOptions = {}): void {
    if (this.#connection !== undefined) {
      throw new Error(`the task ${op} comes too late: the worker has started`);
    }
    if (this.#tasks.has(op)) {
      throw new Error(`the worker has a task ${op} already`);
    }
    this.#tasks.set(op, { run: run as TaskFunction, beats: options.autoHeartbeat ?? true });
  }

  start(): Promise<void> {
    if (this.#connection !== undefined || this.#isClosed) {
      throw new Error("a worker is started once");
    }
    if (this.#tasks.size === 0) {
      throw new Error("the worker has no tasks; name some before it starts");
    }
    const {
      address,
      namespace = "",
      token = "",
      labels = {},
      capacity,
      taints = [],
      sharedNamespaces = [],
    } = this.#options;
    const identity = {
      address: readAddress(address),
      namespace: namespace || "default",
      token,
      workerId: this.workerId,
      incarnation: randomBytes(12).toString("hex"),
      ops: [...this.#tasks.keys()],
      labels,
      concurrency: this.#concurrency,
      ...(capacity && { capacity: announce(capacity) }),
      taints: taints.map(({ key, value = "" }) => ({ key, value })),
      sharedNamespaces,
    };
    this.#connection = openConnection(identity, {
      notice: (notice) => this.#take(notice),
      ended: (failure) => this.#end(failure),
    });
    this.#runner = new TaskRunner(this.#tasks, { line: this.#connection, namespace: identity.namespace });
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
  return failure.kind === "superseded"
    ? new WorkerSuperseded(failure.message)
    : new WorkerRefused(failure.message);
}

function announce({ cpu, ramMb, devices = [] }: WorkerCapacity): AnnouncedCapacity {
  const place = "of the worker's capacity is to be a whole number of MB";
  return {
    ...(cpu !== undefined && { cpu }),
    ...(ramMb !== undefined && { ramMb: toWholeMb(ramMb, `ramMb ${place}`) }),
    devices: devices.map(({ index, kind = "", vramMb }) => ({
      index,
      kind,
      vramMb: toWholeMb(vramMb, `vramMb ${place}`),
    })),
  };
}

function toWholeMb(sizeMb: number, rule: string): bigint {
  if (!Number.isSafeInteger(sizeMb) || sizeMb < 0) {
    throw new RangeError(`${rule} and is ${sizeMb}`);
  }
  return BigInt(sizeMb);
}

function readAddress(address: string): string {
  const url = new URL(address.includes("://") ? address : `http://${address}`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TypeError(`the address of a server begins with http:// or https:// and not ${url.protocol}//`);
  }
  return url.origin;
}

function nameWorker(): string {
  const host = hostname()
    .replace(/[^A-Za-z0-9._-]/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 80);
  return `${host || "worker"}-${process.pid}-${randomBytes(3).toString("hex")}`;
}
