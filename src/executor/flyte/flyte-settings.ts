import type { ImagePattern } from "../config/image-pattern.ts";

/** How the tasks of Flyte are run, as read and checked. */
export interface FlyteSettings {
  /** Where programs are looked for, as PATH has it; the environment's folder is the first. */
  readonly searchPath: string;
  /** The virtual environment that programs are taken from, if one is named. */
  readonly venv?: string;
  /** Where they run; in a fresh folder if not said. */
  readonly cwd?: string;
  /** Set in their environment, unless the task says otherwise. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of variables that are handed on from the worker's own environment. */
  readonly passedNames: readonly string[];
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** The most private memory that the processes of one attempt may hold together, in MB. */
  readonly memoryMb?: number;
  /** The most address space that each process may have, in MB. */
  readonly addressSpaceMb?: number;
  /** Runs the images of tasks, where they are allowed, in place of programs of this machine. */
  readonly docker?: FlyteDocker;
}

/** How the images of tasks are run. */
export interface FlyteDocker {
  /** The absolute path of the docker client. */
  readonly path: string;
  readonly allowedImages: readonly ImagePattern[];
  /** Further arguments of `docker run`, before the image. */
  readonly runArguments: readonly string[];
}
