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
export type {
  ChildTaskOptions,
  ConditionOptions,
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
  task<Inputs = JsValues>(op: string, run: TaskFunction<Inputs>): void;
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
