import { setTimeout as delay } from "node:timers/promises";
import { AttemptCancelled, type JsValues, type TaskContext, type WorkerLog } from "../worker/worker.ts";
import { attemptIdOf, memoryCapMb } from "./attempt.ts";
import { ProgramFailed } from "./attempt-failure.ts";
import { type AttemptFolder, openAttemptFolder, readOutputs, removeAttemptFolder } from "./attempt-folder.ts";
import type { DockerProgram, Program } from "./config/executor-config.ts";
import { dockerClientMs, dockerCommandMs, leftoversMs, serverGraceShare } from "./executor-limits.ts";
import { toJsonObjectText } from "./json-values.ts";
import { AttemptOutput } from "./output/attempt-output.ts";
import { askDocker } from "./process/docker.ts";
import { launchContainer, launchProcess } from "./process/launches.ts";
import { MemoryWatch } from "./process/memory-watch.ts";
import { type Exit, type Launch, ProcessGroup } from "./process/process-group.ts";
import { nameContainer, nameGroup, nameNothing } from "./process/sentinel.ts";
import { type EndedProgram, failureOf } from "./program-failure.ts";

/** What a runner is made of. */
export interface ProgramRunnerOptions {
  /** The folder in which each attempt gets one of its own. */
  readonly root: string;
  readonly keepFolders: boolean;
  /** The environment of the worker. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workerId: string;
  readonly log: WorkerLog;
}

/** What is run for an attempt, and what its end means. */
export interface Undertaking {
  /** What the program is, for its bounds and for how it is ended. */
  readonly program: Program;
  /** What its inputs file holds. */
  readonly inputsText: string;
  /** How it is started. Throws for an attempt that cannot be. */
  launch(folder: AttemptFolder): Launch & { readonly container?: string };
  /** The outputs of a program that has ended by itself or for its memory. Throws why it has failed. */
  conclude(ended: EndedProgram, folder: AttemptFolder): Promise<Record<string, unknown>>;
}

/** A program that runs for an attempt. */
interface Running {
  readonly program: Program;
  readonly context: TaskContext;
  readonly group: ProcessGroup;
  readonly container: string | undefined;
  readonly output: AttemptOutput;
}

/** Runs the attempts of one worker, each as a program with a folder and a process group of its own. */
export class ProgramRunner {
  readonly #options: ProgramRunnerOptions;
  readonly #memory = new MemoryWatch();
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: ProgramRunnerOptions) {
    this.#options = options;
  }

  /**
   * Runs a program for an attempt and resolves to its outputs. When it settles, nothing of the attempt is
   * left: no process of its group, and no folder unless they are kept.
   */
  run(program: Program, context: TaskContext, inputs: JsValues): Promise<Record<string, unknown>> {
    const { environment, workerId } = this.#options;
    const inputsText = toJsonObjectText(inputs);
    const launch = (folder: AttemptFolder) => {
      const options = { context, inputs, inputsText, folder, environment, workerId };
      return program.kind === "docker" ? launchContainer(program, options) : launchProcess(program, options);
    };
    return this.undertake({ program, inputsText, launch, conclude: concludeProgram }, context);
  }

  /** Like `run`, for what is started and concluded in a way of its own. */
  async undertake(undertaking: Undertaking, context: TaskContext): Promise<Record<string, unknown>> {
    const running = this.#run(undertaking, context);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) {
      await Promise.allSettled(this.#running);
    }
  }

  async #run(undertaking: Undertaking, context: TaskContext): Promise<Record<string, unknown>> {
    const { root, log } = this.#options;
    const { program, inputsText } = undertaking;
    const attempt = attemptIdOf(context);
    const folder = await openAttemptFolder(root, { name: attempt, inputsText });
    try {
      const outputs = await this.#execute(undertaking, context, folder);
      log.info({ attempt, op: program.op }, "has succeeded");
      return outputs;
    } catch (error) {
      log.info({ attempt, op: program.op, error: errorOf(error) }, "has ended without success");
      throw error;
    } finally {
      await this.#close(folder);
    }
  }

  async #execute(
    { program, launch, conclude }: Undertaking,
    context: TaskContext,
    folder: AttemptFolder,
  ): Promise<Record<string, unknown>> {
    const { container, ...launched } = launch(folder);
    context.signal.throwIfAborted();
    if (container !== undefined) nameContainer(folder.path, container);
    const group = await ProcessGroup.start(launched);
    nameGroup(folder.path, group.pid);
    const { op } = program;
    this.#options.log.info({ attempt: attemptIdOf(context), op, pid: group.pid }, "has started");
    const output = new AttemptOutput(context);
    const { exit, exceededBytes } = await this.#awaitEnd({ program, context, group, container, output });
    if (context.signal.aborted) {
      throw new Error(`the program was asked to end, and ${describeExit(exit)}`);
    }
    return await conclude({ program, context, exit, exceededBytes, output }, folder);
  }

  async #awaitEnd(running: Running): Promise<{ exit: Exit; exceededBytes: number | undefined }> {
    const { program, context, group, output } = running;
    const reading = Promise.all([output.read(group.stdout, "stdout"), output.read(group.stderr, "stderr")]);
    let exceededBytes: number | undefined;
    const stopWatching = this.#watchMemory(running, (usedBytes) => {
      exceededBytes = usedBytes;
      group.signal("SIGKILL");
    });
    let ending: Promise<void> | undefined;
    const end = () => {
      ending = this.#terminate(running, graceMsOf(program, context.signal.reason));
    };
    context.signal.addEventListener("abort", end, { once: true });
    if (context.signal.aborted) end();
    const exit = await group.exited;
    stopWatching();
    await (ending ?? within(group.closed, leftoversMs));
    context.signal.removeEventListener("abort", end);
    if (!(await group.kill())) {
      this.#options.log.error({ group: group.pid }, "cannot end a process group: the system holds on to it");
    }
    await this.#readRest(running, reading);
    return { exit, exceededBytes };
  }

  #watchMemory({ program, context, group }: Running, onExceeded: (usedBytes: number) => void): () => void {
    const capMb = memoryCapMb(program, context);
    // A container is capped by its engine.
    return capMb === undefined || program.kind === "docker"
      ? () => undefined
      : this.#memory.watch(group.pid, { capBytes: capMb * 1024 * 1024, onExceeded });
  }

  /** Asks a program to end, and sees to it once the grace is over. */
  async #terminate(running: Running, graceMs: number): Promise<void> {
    const { program, group, container } = running;
    if (program.kind === "docker" && container !== undefined) {
      return await this.#stopContainer({ path: program.path, container, group, graceMs });
    }
    const unwindMs = Math.min(program.unwindMs ?? 0, graceMs / 2);
    if (unwindMs > 0 && (await group.isGoneWithin(unwindMs))) {
      return;
    }
    group.signal("SIGTERM");
    // One that is halted cannot end.
    group.signal("SIGCONT");
    if (!(await group.isGoneWithin(graceMs - unwindMs))) {
      await group.kill();
    }
  }

  async #stopContainer({
    path,
    container,
    group,
    graceMs,
  }: {
    readonly path: DockerProgram["path"];
    readonly container: string;
    readonly group: ProcessGroup;
    readonly graceMs: number;
  }): Promise<void> {
    const { environment } = this.#options;
    const graceS = String(Math.ceil(graceMs / 1_000));
    const refused = await askDocker(path, ["stop", "-t", graceS, container], {
      environment,
      patienceMs: graceMs + dockerCommandMs,
    });
    if (refused === undefined && (await group.isGoneWithin(dockerClientMs))) {
      return;
    }
    // It may not have begun yet, or its engine does not answer.
    group.signal("SIGTERM");
    const failed = await askDocker(path, ["kill", container], { environment });
    if (!(await group.isGoneWithin(dockerClientMs))) {
      await group.kill();
    }
    if (failed !== undefined && refused !== undefined) {
      this.#options.log.warn({ container, refused, failed }, "could not stop a container");
    }
  }

  /** What has ended writes no more, but what it wrote may still have to wait for the server. */
  async #readRest({ group, output }: Running, reading: Promise<unknown>): Promise<void> {
    while (!(await within(reading, leftoversMs))) {
      // Somebody who left the group holds the pipe open.
      if (!output.isHeldUp) group.abandonOutput();
    }
    await output.end();
  }

  async #close(folder: AttemptFolder): Promise<void> {
    if (this.#options.keepFolders) {
      nameNothing(folder.path);
      return;
    }
    const failed = await removeAttemptFolder(folder);
    if (failed !== undefined) {
      this.#options.log.warn({ folder: folder.path, error: failed }, "could not remove an attempt's folder");
    }
  }
}

/** What the end of a program means that the config names. */
async function concludeProgram(ended: EndedProgram, folder: AttemptFolder): Promise<Record<string, unknown>> {
  const failure = failureOf(ended);
  if (failure !== undefined) {
    throw failure;
  }
  const outputs = await readOutputs(folder);
  if (outputs === undefined && ended.program.needsOutputs) {
    throw new ProgramFailed("OutputMissing", "the program ended well and wrote no outputs file");
  }
  return outputs ?? { exit_code: 0 };
}

/** Resolves to true when the promise has, or to false when the time is over. */
async function within(promise: Promise<unknown>, timeMs: number): Promise<boolean> {
  const settled = new AbortController();
  const isSettled = promise.then(() => true);
  const isLate = delay(timeMs, false, { signal: settled.signal }).catch(() => false);
  try {
    return await Promise.race([isSettled, isLate]);
  } finally {
    settled.abort();
  }
}

/** After a cancel the server waits for no longer than its own grace. */
function graceMsOf({ graceMs }: Program, reason: unknown): number {
  return reason instanceof AttemptCancelled ? Math.min(graceMs, reason.graceMs * serverGraceShare) : graceMs;
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
}

function errorOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
