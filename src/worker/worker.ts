import type { JsValues } from "../client/js-value.ts";
import type { TaskFunction } from "./task-context.ts";
import { ThreadedWorker } from "./threaded-worker.ts";
import { concurrencyMax } from "./worker-limits.ts";
import type { WorkerLog } from "./worker-log.ts";

export {
  type AnswerByType,
  type ConditionType,
  type JsValue,
  type JsValues,
  Reference,
} from "../client/js-value.ts";
export type { NewPlacement, NewResources } from "../client/spec/placement.ts";
export { type OutputOf, output } from "../client/spec/plan.ts";
export type {
  ChildTaskOptions,
  ConditionOptions,
  FirstAnswer,
  FirstConditions,
  RetryOptions,
  StartedTask,
  TaskContext,
  TaskEvent,
  TaskFunction,
  TaskLog,
  TaskLogLevel,
  TimeoutOptions,
} from "./task-context.ts";
export {
  AttemptCancelled,
  AttemptEnded,
  AttemptLost,
  ChildFailed,
  ConditionEnded,
  type FailedState,
  NonRetryableError,
  OutputInvalid,
  OutputTooLarge,
  Refused,
  WorkerRefused,
  WorkerStopped,
  WorkerSuperseded,
} from "./worker-errors.ts";
export type { WorkerLog } from "./worker-log.ts";

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
 *       const isWanted = await ctx.condition("approve", { type: "bool", prompt: `Publish ${input.path}?` });
 *       if (!isWanted) {
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
 * Tasks run on the thread that made the worker; its session with the server lives on a thread of its own. A
 * task that keeps the event loop busy for minutes keeps its lease. If the server is away, tasks run on, the
 * worker attaches again for as long as it takes, keeps its attempts and says again what was not yet durable.
 * So a task runs once for each attempt unless the worker itself dies or is away for longer than its lease.
 */
export interface Worker {
  /** Its name, unique among the workers of the namespace. */
  readonly workerId: string;
  /**
   * Resolves when the worker has stopped; rejects if it stopped for a reason that needs somebody's attention.
   */
  readonly closed: Promise<void>;
  /** Says what runs tasks of an op. All tasks are named before `start`. */
  task<Inputs = JsValues>(op: string, run: TaskFunction<Inputs>, options?: TaskOptions): void;
  /**
   * Attaches and takes work; resolves when the server has first answered. The worker goes on without being
   * awaited.
   */
  start(): Promise<void>;
  /** Takes no more work, lets what runs finish and be recorded, however long that takes, and leaves. */
  drain(): Promise<void>;
  /**
   * Like `drain`, but what has not finished within `graceMs` (10 s if not said) is aborted and given back:
   * its attempt counts as failed, and the retry policy decides what follows.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
}

/** How the tasks of an op are run. */
export interface TaskOptions {
  /**
   * False for a task that says by itself that it is alive, with `ctx.heartbeat` or anything else that it
   * reports. Otherwise the worker beats for a task that has a heartbeat timeout, from the event loop that
   * runs it.
   */
  readonly autoHeartbeat?: boolean;
}

/** What a worker has to give, reserved by the server for the tasks that it sends. */
export interface WorkerCapacity {
  /** Processor cores; a thousandth is the smallest step. */
  readonly cpu?: number;
  /** Memory, in MB. */
  readonly ramMb?: number;
  /** Its devices, such as GPUs; at most 64. */
  readonly devices?: readonly WorkerDevice[];
}

/** A device of a worker. */
export interface WorkerDevice {
  /** Its index on this worker, from 0, each once. */
  readonly index: number;
  /** Its memory, in MB. */
  readonly vramMb: number;
  /** What it is, for people. */
  readonly kind?: string;
}

/** What keeps tasks from a worker that do not say that they bear it. */
export interface WorkerTaint {
  readonly key: string;
  readonly value?: string;
}

/** How a worker is made. */
export interface WorkerOptions {
  /** The server: `http://host:port`, `https://host:port`, or `host:port` for clear text. */
  readonly address: string;
  /** The namespace it works for; `default` if not said. */
  readonly namespace?: string;
  /**
   * Its name, unique in the namespace: a new process under a name takes the place of the old one, which then
   * stops. Made of host, process and chance if not said.
   */
  readonly workerId?: string;
  /**
   * How many attempts run at once, 1 to 5,000; 10 if not said. One that waits in `ctx.task` or
   * `ctx.condition` leaves its place to another, so that parents never keep their own children from running;
   * when its wait is over it goes on at once, so that for a while there may be more.
   */
  readonly concurrency?: number;
  /** Who it is to the server, as a token of the server's tokens file; not needed for a server without one. */
  readonly token?: string;
  /** For people and for placement; at most 64. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * What it has to give. Tasks that ask for resources go only to workers that announce them; what is not
   * said here it has none of.
   */
  readonly capacity?: WorkerCapacity;
  /** What keeps tasks from it that do not say that they bear it; at most 64. */
  readonly taints?: readonly WorkerTaint[];
  /** Further namespaces whose tasks it takes, at most 100. Ops of the same name are the same task here. */
  readonly sharedNamespaces?: readonly string[];
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
