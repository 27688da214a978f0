import type { WorkerCapacity, WorkerTaint } from "../../worker/worker.ts";
import type { FlyteSettings } from "../flyte/flyte-settings.ts";
import type { ArgvTemplate } from "./argv-template.ts";
import type { ImagePattern } from "./image-pattern.ts";

/** What relative paths and variables in a config mean. */
export interface ConfigSurroundings {
  /** The folder that relative paths begin at. */
  readonly base: string;
  /** The environment of the worker. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How the config is called in what is said about it. */
  readonly place: string;
}

/** What an executor runs and announces, as read and checked. */
export interface ExecutorConfig {
  /** The worker's name; made up if not said. */
  readonly workerId?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly WorkerTaint[];
  readonly sharedNamespaces: readonly string[];
  readonly capacity?: WorkerCapacity;
  /** How many attempts run at once. */
  readonly concurrency: number;
  /** The folder in which the worker makes one of its own, with a folder for each attempt. */
  readonly folders: string;
  /** True if the folders stay when their attempts have ended. */
  readonly keepFolders: boolean;
  readonly programs: readonly Program[];
  /** How tasks of Flyte are run, if they are. */
  readonly flyte?: FlyteSettings;
}

/** What executes the tasks of one op. */
export type Program = ProcessProgram | DockerProgram;

interface CommonProgram {
  readonly op: string;
  /** The arguments, with placeholders. */
  readonly argv: ArgvTemplate;
  /** Set in the environment of the program. */
  readonly environment: Readonly<Record<string, string>>;
  /** Names of variables that are handed on from the worker's own environment. */
  readonly passedNames: readonly string[];
  /** Where the program finds its inputs, besides the inputs file, which is always there. */
  readonly inputs: "stdin" | "file";
  /** True if an attempt that writes no outputs file has failed. */
  readonly needsOutputs: boolean;
  /** From the cancel to SIGKILL. */
  readonly graceMs: number;
  /** How much of that it has to end by itself before SIGTERM: it hears of its end elsewhere too. */
  readonly unwindMs?: number;
  /** The most private memory that all its processes may hold together, in MB. */
  readonly memoryMb?: number;
}

/** A program of this machine. */
export interface ProcessProgram extends CommonProgram {
  readonly kind: "process";
  /** The program's absolute path; never the server's choice. */
  readonly path: string;
  /** Where it runs; in a fresh folder if not said. */
  readonly cwd?: string;
  /** The most address space that each of its processes may have, in MB. */
  readonly addressSpaceMb?: number;
}

/** A container of the image that the assignment names. */
export interface DockerProgram extends CommonProgram {
  readonly kind: "docker";
  /** The absolute path of the docker client. */
  readonly path: string;
  /** The images that may be run. */
  readonly allowedImages: readonly ImagePattern[];
  /** Further arguments of `docker run`, before the image. */
  readonly runArguments: readonly string[];
}
