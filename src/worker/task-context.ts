import type { JsonValue } from "@bufbuild/protobuf";
import type { AnswerByType, ConditionType, JsValues } from "../client/js-value.ts";
import type { NewCondition } from "../client/spec/condition.ts";
import type { NewPlacement, NewResources } from "../client/spec/placement.ts";

/**
 * What runs a task: gets the context of one attempt and the inputs by name, and returns the outputs. A plain
 * object is outputs by name, undefined is none, and anything else is the output `value`. What it throws fails
 * the attempt, and the task's retry policy decides what follows; a NonRetryableError fails the action for
 * good.
 *
 * It is called at least once for each attempt and may be called again for a later one, so that what it does
 * to the outside must bear being done twice, or be a `ctx.step`.
 */
export type TaskFunction<Inputs = JsValues> = (context: TaskContext, inputs: Inputs) => unknown;

/** One attempt, as the function that runs it sees it. */
export interface TaskContext {
  /** The run's id. */
  readonly runId: string;
  /** The action's whole name in the run. */
  readonly action: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The labels of the run. */
  readonly labels: Readonly<Record<string, string>>;
  /** The namespace of the run; not the worker's if the worker shares others. */
  readonly namespace: string;
  /** The op. */
  readonly op: string;
  /** The container image that the op or its task names; empty if none is. */
  readonly image: string;
  /** What executes the op, as it or its task says; empty if nothing is said. */
  readonly handler: string;
  /** What the task asked for, and holds until it ends; a field that was not asked for is not there. */
  readonly resources: NewResources;
  /** The devices it was given, by their indexes on this worker. */
  readonly deviceIndexes: readonly number[];
  /**
   * Aborted when the attempt must end. Its reason says why: AttemptCancelled (report by throwing; there is a
   * grace), AttemptLost (the lease has moved on and nothing counts any more), WorkerStopped, or AttemptEnded
   * once the function has returned. Waits for children reject with the same reason.
   */
  readonly signal: AbortSignal;
  /**
   * Writes a log line to the feed. Lines over 1,000 that wait to be recorded are dropped, and a later line
   * says so.
   */
  readonly log: TaskLog;
  /** Says how far the attempt is, from 0 to 100. Of many said quickly the latest is kept. */
  progress(percent: number, message?: string): void;
  /**
   * Says that the attempt is alive. If its task has a heartbeat timeout, the worker beats by itself at a
   * third of it, from the event loop that runs the task: a task that keeps the event loop busy for longer is
   * taken to hang, and one that does so on purpose raises its timeout. Leases do not depend on this. With
   * `autoHeartbeat: false` only what the task itself reports counts.
   */
  heartbeat(): void;
  /** Publishes an event of the task's own; resolves when it is durable. At most 1,000 may wait. */
  event(event: TaskEvent): Promise<void>;
  /**
   * Waits for a signal of the type, by the name of the condition among the attempt's children; resolves to
   * the answer. Throws ConditionEnded if it ends without one. A later attempt finds the same condition, and
   * its answer.
   */
  condition<T extends ConditionType>(name: string, options: ConditionOptions<T>): Promise<AnswerByType[T]>;
  /**
   * Asks several things at once, by their names, and resolves to the first answer and whose it is; with it
   * the others ask no more. Throws ConditionEnded once all have ended without one. A later attempt that asks
   * the same finds the answer. They are a group under the name of the first.
   */
  firstCondition<Asked extends FirstConditions>(conditions: Asked): Promise<FirstAnswer<Asked>>;
  /**
   * Has a child task executed by any worker, and resolves to its outputs. Throws ChildFailed if it ends
   * otherwise. The name is the key: a later attempt finds the same child, and its outputs.
   */
  task(name: string, options: ChildTaskOptions): Promise<JsValues>;
  /** Like `task`, but resolves as soon as the child durably exists, so that it can be awaited later. */
  startTask(name: string, options: ChildTaskOptions): Promise<StartedTask>;
  /**
   * Runs a step once and records what it returns. A later attempt that comes to a step which has succeeded
   * gets what was recorded, and the function is not called. A step that throws is done again by the next
   * attempt. Each name is used once in an attempt. What it returns is a value as `JsValue` has it, or
   * undefined.
   *
   * Between the end of the function and the record of it the process may die; then the step is done again.
   */
  step<Result>(name: string, run: () => Result): Promise<Awaited<Result>>;
}

/**
 * Writes log lines: `log(message)`, `log(level, message)` or `log.warn(message)`. Without a level it is info.
 */
export interface TaskLog {
  (message: string): void;
  (level: TaskLogLevel, message: string): void;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** How much a log line matters. */
export type TaskLogLevel = "debug" | "info" | "warn" | "error";

/** An event of a task's own. */
export interface TaskEvent {
  /** What kind of thing it is, as a name of your own; 1 to 256 characters. */
  readonly type: string;
  /** Who publishes; the name of the op if not said. */
  readonly source?: string;
  /** For filters of the readers' own; at most 64. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** What it says. */
  readonly payload?: JsonValue;
}

/** What a condition asks, and until when. */
export interface ConditionOptions<T extends ConditionType> extends NewCondition<T> {
  /** For finding it, and for filters of the feed. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What is asked at once, of which the first answer counts, by name. */
export type FirstConditions = Readonly<Record<string, Omit<ConditionOptions<ConditionType>, "group">>>;

/** Which condition was answered first, and its answer. */
export type FirstAnswer<Asked extends FirstConditions> = {
  readonly [Name in keyof Asked & string]: {
    readonly name: Name;
    readonly answer: AnswerByType[Asked[Name]["type"]];
  };
}[keyof Asked & string];

/** What a child task executes. */
export interface ChildTaskOptions {
  /** The op that a worker announces. */
  readonly op: string;
  /** The registered version whose defaults it takes; the latest if not said. */
  readonly opVersion?: number;
  /**
   * The inputs by name. What `output(name, output)` makes stands for an output of another child, which was
   * started before or in the same turn of the event loop, and which this one then waits for.
   */
  readonly input?: Readonly<Record<string, unknown>>;
  /** What happens after a failed attempt; the op's policy if not said. */
  readonly retry?: RetryOptions;
  /** How long it may take; the op's timeouts if not said. */
  readonly timeouts?: TimeoutOptions;
  /** What it asks of its worker; the op's if not said. */
  readonly resources?: NewResources;
  /** Which workers it may go to; the op's if not said. */
  readonly placement?: NewPlacement;
  /** The container image that executes it; the op's if not said. */
  readonly image?: string;
  /** What executes it; the op's if not said. */
  readonly handler?: string;
  /** How long it has after a cancel, in milliseconds; 10 s if not said. */
  readonly cancelGraceMs?: number;
  /** For finding it, and for filters of the feed. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** What happens after a failed attempt. */
export interface RetryOptions {
  /** How many attempts there may be in all, 1 to 100. */
  readonly maxAttempts?: number;
  /** The first wait in milliseconds; 1 s if not said. */
  readonly initialBackoffMs?: number;
  /** What the wait grows by each time; 2 if not said. */
  readonly multiplier?: number;
  /** The longest wait in milliseconds; 5 minutes if not said. */
  readonly maxBackoffMs?: number;
  /** The share of the wait that chance moves it by, 0 to 1; 0 if not said. */
  readonly jitter?: number;
  /** Error types after which no further attempt is made. */
  readonly nonRetryableErrorTypes?: readonly string[];
}

/** How long the parts of a task's life may take, in milliseconds; no limit where not said. */
export interface TimeoutOptions {
  /** From queued to started. */
  readonly queueToStartMs?: number;
  /** From started to ended, for each attempt. */
  readonly startToEndMs?: number;
  /** The longest silence of a running attempt. */
  readonly heartbeatMs?: number;
}

/** A child task that durably exists. */
export interface StartedTask {
  /** Its name among the attempt's children. */
  readonly name: string;
  /** Its outputs when it has ended. Rejects with ChildFailed; it may be left alone. */
  readonly outputs: Promise<JsValues>;
}
