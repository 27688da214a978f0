import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { ProgramFailed, ProgramFailedForGood } from "../attempt-failure.ts";
import { groupLookMs, killedMs } from "../executor-limits.ts";
import { isLivingGroup } from "./process-table.ts";

/** What a process group begins with. */
export interface Launch {
  /** The absolute path of the program. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What the program reads from standard input; nothing if not said. */
  readonly input?: string;
}

/** How the first process of a group ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** 500 of 1,000: when memory runs out, the kernel kills what a worker runs rather than the worker. */
const killFirst = "500";

/**
 * A program that runs in a process group of its own, with all that it starts and that does not leave the
 * group by itself. Signals go to all of the group.
 */
export class ProcessGroup {
  readonly pid: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the first process has ended. */
  readonly exited: Promise<Exit>;
  /** Resolves when the first process has ended and nobody writes to its output any more. */
  readonly closed: Promise<void>;
  readonly #startedAt = performance.now();

  private constructor(child: ChildProcess & { stdout: Readable; stderr: Readable }, pid: number) {
    this.pid = pid;
    this.stdout = child.stdout;
    this.stderr = child.stderr;
    const exited = Promise.withResolvers<Exit>();
    const closed = Promise.withResolvers<void>();
    child.once("exit", (code, signal) => exited.resolve({ code, signal }));
    child.once("close", () => closed.resolve());
    this.exited = exited.promise;
    this.closed = closed.promise;
  }

  /** Starts a program. Throws a ProgramFailed for one that cannot be started. */
  static async start({ path, argv, cwd, environment, input }: Launch): Promise<ProcessGroup> {
    try {
      const child = spawn(path, argv, {
        cwd,
        env: { ...environment },
        // In a session of its own, and so in a group of its own, out of reach of the terminal's Ctrl-C.
        detached: true,
        stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      });
      const { pid, stdin, stdout, stderr } = child;
      await once(child, "spawn");
      if (pid === undefined || stdout === null || stderr === null) {
        throw new Error("it has no process");
      }
      preferToKill(pid);
      // A program need not read its inputs.
      stdin?.on("error", () => undefined).end(input);
      return new ProcessGroup(Object.assign(child, { stdout, stderr }), pid);
    } catch (error) {
      throw toStartFailure(path, error as NodeJS.ErrnoException);
    }
  }

  /** Sends a signal to every process of the group; nothing happens if there is none. */
  signal(signal: NodeJS.Signals): void {
    signalGroup(this.pid, signal);
  }

  /** Resolves to true once nothing of the group runs, or to false when the time is over. */
  async isGoneWithin(timeMs: number): Promise<boolean> {
    const endsAt = performance.now() + timeMs;
    while (isLivingGroup(this.pid, this.#startedAt)) {
      if (performance.now() >= endsAt) {
        return false;
      }
      await delay(groupLookMs);
    }
    return true;
  }

  /** Kills what is left of the group; resolves to false if the kernel holds on to some of it. */
  async kill(): Promise<boolean> {
    this.signal("SIGKILL");
    return await this.isGoneWithin(killedMs);
  }

  /** Reads its output no further. */
  abandonOutput(): void {
    this.stdout.destroy();
    this.stderr.destroy();
  }
}

/** Sends a signal to every process of a group; nothing happens if there is none. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone, or what is left of it belongs to somebody else.
  }
}

function preferToKill(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, killFirst);
  } catch {
    // The program has ended already, or the system has no such thing.
  }
}

function toStartFailure(path: string, error: NodeJS.ErrnoException): Error {
  if (error.code === "E2BIG") {
    return new ProgramFailedForGood(
      "InputTooLarge",
      `the arguments of ${path} are too large for this system`,
    );
  }
  return new ProgramFailed("ProgramUnavailable", `${path} cannot be started: ${error.message}`);
}
