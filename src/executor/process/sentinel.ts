import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";

/**
 * Waits for the end of its input, which is the end of the worker however it ends, then kills what the folders
 * of its attempts name and removes the folders. What has ended is named by no folder any more.
 */
const script = `
trap '' HUP INT TERM
while read -r _; do :; done
for file in "$1"/*/group; do
  [ -f "$file" ] && read -r group <"$file" && kill -s KILL -- "-$group"
done
for file in "$1"/*/container; do
  [ -f "$file" ] && read -r name <"$file" && "$2" kill "$name"
done
[ "$3" = keep ] || rm -rf -- "$1"
`;

/** How a sentinel is started. */
export interface SentinelOptions {
  /** The folder of the worker, which holds those of its attempts. */
  readonly root: string;
  /** The docker client; `docker` if no program is of that kind. */
  readonly dockerPath: string;
  readonly keepFolders: boolean;
  /** The environment of the worker, which says where the docker engine is. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * A small process beside the worker that outlives it: when the worker is killed, nothing that it ran goes on.
 * It is a shell that waits, in a session of its own.
 */
export class Sentinel {
  readonly #child: ChildProcess;
  #isClosing = false;

  private constructor(child: ChildProcess, onLost: () => void) {
    this.#child = child;
    child.once("exit", () => {
      if (!this.#isClosing) onLost();
    });
  }

  /** Starts a sentinel; `onLost` is called if it ends before it is closed. */
  static async start(
    { root, dockerPath, keepFolders, environment }: SentinelOptions,
    onLost: () => void,
  ): Promise<Sentinel> {
    const argv = ["-c", script, "signalbox-sentinel", root, dockerPath, keepFolders ? "keep" : "remove"];
    const child = spawn("/bin/sh", argv, {
      detached: true,
      env: { ...environment },
      stdio: ["pipe", "ignore", "ignore"],
    });
    await once(child, "spawn");
    child.stdin.on("error", () => undefined);
    // Neither keeps the worker from ending.
    child.unref();
    (child.stdin as Socket).unref();
    return new Sentinel(child, onLost);
  }

  /** Its process. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Ends the sentinel, which removes the worker's folder; what still runs is killed. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
      return;
    }
    this.#child.ref();
    const exited = once(this.#child, "exit");
    this.#child.stdin?.end();
    await exited;
  }
}

/** Names a process group in the folder of its attempt, for the sentinel. */
export function nameGroup(folder: string, pid: number): void {
  writeFileSync(join(folder, "group"), `${pid}\n`);
}

/** Takes back what a folder names: it has ended, and the folder stays. */
export function nameNothing(folder: string): void {
  rmSync(join(folder, "group"), { force: true });
  rmSync(join(folder, "container"), { force: true });
}

/** Names a container in the folder of its attempt, for the sentinel. */
export function nameContainer(folder: string, name: string): void {
  writeFileSync(join(folder, "container"), `${name}\n`);
}
