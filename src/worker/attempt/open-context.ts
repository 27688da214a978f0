import { create, toBinary } from "@bufbuild/protobuf";
import { type Action, type NewAction, Action_State as State } from "../../../gen/signalbox/v1/action_pb.ts";
import { LogLevel, PublishedSchema } from "../../../gen/signalbox/v1/event_pb.ts";
import { type Assignment, TraceEndedSchema } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import {
  type AnswerByType,
  type ConditionType,
  fromValue,
  fromValues,
  type JsValues,
} from "../../client/js-value.ts";
import { fromResources } from "../../client/spec/placement.ts";
import type {
  ChildTaskOptions,
  ConditionOptions,
  FirstAnswer,
  FirstConditions,
  StartedTask,
  TaskContext,
  TaskEvent,
  TaskLog,
  TaskLogLevel,
} from "../task-context.ts";
import { ChildFailed, ConditionEnded, type FailedState } from "../worker-errors.ts";
import { errorBytesMax, outputSizeBytesMax } from "../worker-limits.ts";
import type { AttemptReports } from "./attempt-reports.ts";
import { type AddedChild, type Children, hasEnded } from "./children.ts";
import { newCondition, newPublished, newTask, newTrace } from "./new-action.ts";
import { type Outcome, toActionError, toStepOutcome } from "./outcome.ts";

/** What a context is made of. */
export interface ContextOptions {
  readonly assignment: Assignment;
  /** The session's own namespace, which an attempt that names none is of. */
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly reports: AttemptReports;
  readonly children: Children;
  /** Told when the task begins to wait for children that others end, and when it waits for none any more. */
  readonly onWaiting: (isWaiting: boolean) => void;
}

/** Opens the context of one attempt, as its task sees it. */
export function openContext(options: ContextOptions): TaskContext {
  const { assignment, namespace, signal, reports, children } = options;
  const { attempt, op, runLabels, image, handler, deviceIndexes } = assignment;
  const waits = new ChildWaits(options);
  const steps = new Steps(children, reports, signal);
  return {
    runId: attempt?.runId ?? "",
    action: attempt?.action ?? "",
    attempt: attempt?.attempt ?? 0,
    namespace: attempt?.namespace || namespace,
    op,
    image,
    handler,
    resources: assignment.resources === undefined ? {} : fromResources(assignment.resources),
    deviceIndexes: [...deviceIndexes],
    labels: { ...runLabels },
    signal,
    log: openLog(reports),
    progress: (percent, message = "") => reports.progress(percent, message),
    heartbeat: () => reports.heartbeat(),
    event: (event) => publish(event, op, reports),
    condition: (name, options) => mayBeLeftAlone(waits.condition(name, options)),
    firstCondition: (conditions) => mayBeLeftAlone(waits.firstCondition(conditions)),
    task: (name, options) => mayBeLeftAlone(waits.task(name, options)),
    startTask: (name, options) => mayBeLeftAlone(waits.startTask(name, options)),
    step: (name, run) => mayBeLeftAlone(steps.run(name, run)),
  };
}

/** The same promise. A task need not await it: that its attempt ends first must not end the whole process. */
function mayBeLeftAlone<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

const logLevels: Readonly<Record<TaskLogLevel, LogLevel>> = {
  debug: LogLevel.DEBUG,
  info: LogLevel.INFO,
  warn: LogLevel.WARN,
  error: LogLevel.ERROR,
};

function openLog(reports: AttemptReports): TaskLog {
  const log = (levelOrMessage: string, message?: string) => {
    if (message === undefined) {
      reports.log(LogLevel.INFO, levelOrMessage);
    } else {
      reports.log(logLevels[levelOrMessage as TaskLogLevel] ?? LogLevel.INFO, message);
    }
  };
  return Object.assign(log, {
    debug: (message: string) => reports.log(LogLevel.DEBUG, message),
    info: (message: string) => reports.log(LogLevel.INFO, message),
    warn: (message: string) => reports.log(LogLevel.WARN, message),
    error: (message: string) => reports.log(LogLevel.ERROR, message),
  });
}

/** What is wrong with the event itself is thrown at once, so that it fails a task that awaits nothing. */
function publish(event: TaskEvent, op: string, reports: AttemptReports): Promise<void> {
  const published = newPublished(event, op);
  const sizeBytes = toBinary(PublishedSchema, published).byteLength;
  if (sizeBytes > outputSizeBytesMax) {
    throw new RangeError(`the event takes ${sizeBytes} bytes, and at most ${outputSizeBytesMax} may be`);
  }
  return mayBeLeftAlone(reports.event(published, sizeBytes));
}

/** The waits for children that others end. */
class ChildWaits {
  readonly #children: Children;
  readonly #signal: AbortSignal;
  readonly #onWaiting: (isWaiting: boolean) => void;
  #count = 0;

  constructor({ children, signal, onWaiting }: ContextOptions) {
    this.#children = children;
    this.#signal = signal;
    this.#onWaiting = onWaiting;
  }

  async condition<T extends ConditionType>(
    name: string,
    options: ConditionOptions<T>,
  ): Promise<AnswerByType[T]> {
    const ended = await this.#wait(this.#add(newCondition(name, options)).ended);
    return readAnswer(name, ended) as AnswerByType[T];
  }

  async firstCondition<Asked extends FirstConditions>(conditions: Asked): Promise<FirstAnswer<Asked>> {
    const [group] = Object.keys(conditions);
    if (group === undefined) {
      throw new TypeError("there is no first of no conditions");
    }
    // All are looked at before one is asked for.
    const asked = Object.entries(conditions).map(([name, options]) => {
      return [name, newCondition(name, { ...options, group })] as const;
    });
    const ends = asked.map(([name, newAction]) => this.#add(newAction).ended.then((end) => ({ name, end })));
    const { name, end } = await this.#wait(firstAnswered(ends));
    return { name, answer: readAnswer(name, end) } as FirstAnswer<Asked>;
  }

  async task(name: string, options: ChildTaskOptions): Promise<JsValues> {
    return readOutputs(name, await this.#wait(this.#add(newTask(name, options)).ended));
  }

  async startTask(name: string, options: ChildTaskOptions): Promise<StartedTask> {
    const { added, ended } = this.#add(newTask(name, options));
    const outputs = ended.then((action) => readOutputs(name, action));
    outputs.catch(() => undefined);
    await added;
    return { name, outputs };
  }

  #add(newAction: NewAction): AddedChild {
    this.#signal.throwIfAborted();
    return this.#children.add(newAction);
  }

  async #wait<T>(ended: Promise<T>): Promise<T> {
    this.#count += 1;
    if (this.#count === 1) {
      this.#onWaiting(true);
    }
    try {
      return await ended;
    } finally {
      this.#count -= 1;
      if (this.#count === 0) {
        this.#onWaiting(false);
      }
    }
  }
}

interface NamedEnd {
  readonly name: string;
  readonly end: Action;
}

/** The first end that is an answer, or the last end of all; rejects as soon as one of them does. */
function firstAnswered(ends: readonly Promise<NamedEnd>[]): Promise<NamedEnd> {
  const { promise, resolve, reject } = Promise.withResolvers<NamedEnd>();
  let left = ends.length;
  const take = (ended: NamedEnd) => {
    left -= 1;
    if (hasSucceeded(ended.end) || left === 0) resolve(ended);
  };
  for (const ended of ends) ended.then(take, reject);
  return promise;
}

/** The steps of one attempt. */
class Steps {
  readonly #children: Children;
  readonly #reports: AttemptReports;
  readonly #signal: AbortSignal;
  readonly #names = new Set<string>();

  constructor(children: Children, reports: AttemptReports, signal: AbortSignal) {
    this.#children = children;
    this.#reports = reports;
    this.#signal = signal;
  }

  async run<Result>(name: string, run: () => Result): Promise<Awaited<Result>> {
    this.#signal.throwIfAborted();
    if (this.#names.has(name)) {
      throw new TypeError(
        `the step ${name} was used before in this attempt; each step has a name of its own`,
      );
    }
    this.#names.add(name);
    const trace = await this.#children.add(newTrace(name)).added;
    if (hasEnded(trace)) {
      return readOutputs(name, trace).value as Awaited<Result>;
    }
    return await this.#execute(name, run);
  }

  async #execute<Result>(name: string, run: () => Result): Promise<Awaited<Result>> {
    const { succeeded, sizeBytes } = await this.#call(name, run);
    const { outputs } = succeeded;
    await this.#reports.traceEnded(create(TraceEndedSchema, { name, outputs }), sizeBytes + name.length);
    // What is returned is what a later attempt would find, so that both go on from the same.
    return fromValues(outputs).value as Awaited<Result>;
  }

  async #call(name: string, run: () => unknown): Promise<Outcome> {
    try {
      return toStepOutcome(await run());
    } catch (thrown) {
      const ended = create(TraceEndedSchema, { name, error: toActionError(thrown) });
      // Whether or not it can be recorded, the task goes on with what its step threw.
      await this.#reports.traceEnded(ended, errorBytesMax).catch(() => undefined);
      throw thrown;
    }
  }
}

function readAnswer(condition: string, ended: Action): unknown {
  const { value } = ended.outputs;
  if (!hasSucceeded(ended) || value === undefined) {
    throw new ConditionEnded({ condition, state: failedState(ended), error: ended.error });
  }
  return fromValue(value);
}

function readOutputs(child: string, ended: Action): JsValues {
  if (!hasSucceeded(ended)) {
    throw new ChildFailed({ child, state: failedState(ended), error: ended.error });
  }
  return fromValues(ended.outputs);
}

function hasSucceeded({ state }: Action): boolean {
  return state === State.SUCCEEDED || state === State.RECOVERED;
}

function failedState({ state }: Action): FailedState {
  switch (state) {
    case State.CANCELLED:
      return "CANCELLED";
    case State.TIMED_OUT:
      return "TIMED_OUT";
    case State.SKIPPED:
      return "SKIPPED";
    default:
      return "FAILED";
  }
}
