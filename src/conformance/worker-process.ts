import { type ChildProcess, spawn } from "node:child_process";
import { endGraceMs, outputKeptBytesMax, outputLinesShownMax } from "./conformance-limits.ts";

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a worker is started with. */
export interface WorkerCommand {
  /** The program and its arguments; no shell reads them. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The worker under test: a process of its own, in a process group of its own. */
export class WorkerProcess {
  /** Resolves when the process has ended or could not be started. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #output = "";
  #hasEnded = false;

  constructor({ command, environment }: WorkerCommand) {
    const [program = "", ...args] = command;
    this.#child = spawn(program, args, {
      env: { ...environment },
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (bytes: Buffer) => {
        this.#output = (this.#output + bytes.toString("utf8")).slice(-outputKeptBytesMax);
      });
    }
    const end = Promise.withResolvers<ProcessEnd>();
    this.#child.on("error", (error) => {
      this.#output += `cannot start ${program}: ${error.message}\n`;
      end.resolve({ code: null, signal: null });
    });
    // Not `exit`: what the process printed last is to be here.
    this.#child.on("close", (code, signal) => end.resolve({ code, signal }));
    this.#child.on("exit", (code, signal) => {
      // A program that hands its streams to others must not keep the kit waiting for them.
      setTimeout(() => end.resolve({ code, signal }), endGraceMs).unref();
    });
    this.ended = end.promise.then((ended) => {
      this.#hasEnded = true;
      return ended;
    });
  }

  /** All that it printed, as far as it is kept. */
  get output(): string {
    return this.#output;
  }

  /** The last lines that it printed. */
  get lastLines(): readonly string[] {
    return this.#output.trimEnd().split("\n").slice(-outputLinesShownMax);
  }

  /** Asks it to end, as a supervisor does. */
  terminate(): void {
    this.#child.kill("SIGTERM");
  }

  /** Ends it and all of its group: by SIGTERM, and after a while by SIGKILL. */
  async stop(): Promise<void> {
    if (!this.#hasEnded) {
      this.terminate();
      await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, endGraceMs))]);
    }
    this.#killGroup();
    await this.ended;
  }

  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // Nobody of the group is left.
    }
  }
}

/** How a process ended, in words. */
export function describeEnd({ code, signal }: ProcessEnd): string {
  if (signal !== null) return `ended by ${signal}`;
  return code === null ? "could not be started" : `ended with exit status ${code}`;
}
