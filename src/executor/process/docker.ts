import { execFile } from "node:child_process";
import { type AttemptVariables, attemptEnvironment } from "../attempt-environment.ts";
import type { DockerProgram } from "../config/executor-config.ts";
import { dockerCommandMs } from "../executor-limits.ts";

/** Where the folder of its attempt is inside of a container. */
export const containerFolder = "/signalbox";

/** What a container is made from. */
export interface ContainerOptions {
  readonly program: DockerProgram;
  /** The container's name. */
  readonly name: string;
  /** The image, which has been allowed. */
  readonly image: string;
  readonly argv: readonly string[];
  /** The attempt as the container sees it. */
  readonly described: AttemptVariables;
  /** The folder of the attempt, as the engine sees it. */
  readonly folder: string;
  readonly workerId: string;
  readonly memoryMb?: number;
  readonly cpu?: number;
}

/** Variables that the docker client itself reads: they are not to be changed by what a container gets. */
const readByClient = /^(PATH|HOME|DOCKER_.*|(HTTPS?|NO|ALL)_PROXY)$/i;

/** The arguments of the docker client that run a container in the foreground and remove it at its end. */
export function dockerRunArgv(options: ContainerOptions): string[] {
  const { program, name, image, argv, described, folder, workerId, memoryMb, cpu = 0 } = options;
  const labels = {
    "signalbox.run": described.runId,
    "signalbox.action": described.action,
    "signalbox.attempt": String(described.attempt),
    "signalbox.namespace": described.namespace,
    "signalbox.worker": workerId,
  };
  const memory = memoryMb === undefined ? [] : ["--memory", `${memoryMb}m`, "--memory-swap", `${memoryMb}m`];
  return [
    "run",
    "--rm",
    "--init",
    ...(program.inputs === "stdin" ? ["--interactive"] : []),
    ...["--name", name],
    ...Object.entries(labels).flatMap(([label, value]) => ["--label", `${label}=${value}`]),
    ...memory,
    ...(cpu > 0 ? ["--cpus", String(cpu)] : []),
    ...gpuArguments(described.deviceIndexes),
    ...environmentArguments(program, described),
    ...userArguments(),
    ...["-v", `${folder}:${containerFolder}`],
    ...["-w", `${containerFolder}/work`],
    ...program.runArguments,
    image,
    ...argv,
  ];
}

/** The environment of the docker client: the worker's own, and the values that the container gets by name. */
export function dockerClientEnvironment(
  program: DockerProgram,
  own: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const pairs = [
    ...Object.entries(own),
    ...Object.entries(program.environment).filter(([name]) => !isOwn(name)),
  ];
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined));
}

/** How an engine is asked. */
export interface AskOptions {
  /** The environment of the worker, which says where the engine is. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** How long it may take to answer. */
  readonly patienceMs?: number;
}

/** Asks the engine for something. Resolves to what went wrong, or undefined. */
export function askDocker(
  path: string,
  argv: readonly string[],
  { environment, patienceMs = dockerCommandMs }: AskOptions,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const options = { timeout: patienceMs, killSignal: "SIGKILL", env: { ...environment } } as const;
    execFile(path, argv, options, (error, _, stderr) => {
      resolve(error === null ? undefined : stderr.trim() || error.message);
    });
  });
}

function isOwn(name: string): boolean {
  return readByClient.test(name);
}

/** Docker reads the value as a row of comma-separated fields, and so the list of devices is quoted. */
function gpuArguments(deviceIndexes: readonly number[]): string[] {
  if (deviceIndexes.length === 0) {
    return [];
  }
  const list = `device=${deviceIndexes.join(",")}`;
  return ["--gpus", deviceIndexes.length === 1 ? list : `"${list}"`];
}

/** Values of the config are handed on by name, so that they are not seen in the list of processes. */
function environmentArguments(program: DockerProgram, described: AttemptVariables): string[] {
  const stated = Object.entries(program.environment).map(([name, value]) =>
    isOwn(name) ? `${name}=${value}` : name,
  );
  const passed = program.passedNames.filter((name) => !(name in program.environment));
  const attempt = Object.entries(attemptEnvironment(described)).map(([name, value]) => `${name}=${value}`);
  return [...passed, ...stated, ...attempt].flatMap((one) => ["-e", one]);
}

/** A worker that is not root could not remove what a container's root leaves in the folder. */
function userArguments(): string[] {
  const userId = process.getuid?.() ?? 0;
  return userId === 0 ? [] : ["--user", `${userId}:${process.getgid?.() ?? 0}`];
}
