import { randomBytes } from "node:crypto";
import type { JsValues, TaskContext } from "../../worker/worker.ts";
import { describeAttempt, memoryCapMb, toArgv } from "../attempt.ts";
import { processEnvironment } from "../attempt-environment.ts";
import { ProgramFailed } from "../attempt-failure.ts";
import type { AttemptFolder } from "../attempt-folder.ts";
import type { DockerProgram, ProcessProgram } from "../config/executor-config.ts";
import { imageRefusal } from "../config/image-pattern.ts";
import { containerFolder, dockerClientEnvironment, dockerRunArgv } from "./docker.ts";
import type { Launch } from "./process-group.ts";

/** What one attempt is launched from. */
export interface LaunchOptions {
  readonly context: TaskContext;
  readonly inputs: JsValues;
  readonly inputsText: string;
  readonly folder: AttemptFolder;
  /** The environment of the worker. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workerId: string;
  /** The image of a container, if it is not the one that the assignment names. */
  readonly image?: string;
}

/** How a program of this machine is started for one attempt. Throws for one that cannot be. */
export function launchProcess(program: ProcessProgram, options: LaunchOptions): Launch {
  const { context, inputs, inputsText, folder, environment } = options;
  const described = describeAttempt(context, folder.path);
  const argv = toArgv(program, { described, folder, inputs });
  return {
    ...withinAddressSpace(program, argv),
    cwd: program.cwd ?? folder.workFolder,
    environment: processEnvironment(program, environment, described),
    ...(program.inputs === "stdin" && { input: inputsText }),
  };
}

/** How a container is started for one attempt. Throws if its image may not be run. */
export function launchContainer(
  program: DockerProgram,
  options: LaunchOptions,
): Launch & { readonly container: string } {
  const { context, inputs, inputsText, folder, environment, workerId } = options;
  const { resources } = context;
  const image = options.image ?? context.image;
  const refusal = imageRefusal(image, program.allowedImages);
  if (refusal !== undefined) {
    throw new ProgramFailed("ImageRefused", refusal);
  }
  const described = describeAttempt(context, containerFolder);
  const argv = toArgv(program, { described, folder: { path: containerFolder }, inputs });
  const name = described.attemptId.replace(/[^A-Za-z0-9_.-]/g, "-").slice(0, 100);
  const container = `signalbox-${name}-${randomBytes(4).toString("hex")}`;
  const memoryMb = memoryCapMb(program, context);
  return {
    container,
    path: program.path,
    argv: dockerRunArgv({
      program,
      name: container,
      image,
      argv,
      described,
      folder: folder.path,
      workerId,
      ...(memoryMb !== undefined && { memoryMb }),
      ...(resources.cpu !== undefined && { cpu: resources.cpu }),
    }),
    cwd: folder.path,
    environment: dockerClientEnvironment(program, environment),
    ...(program.inputs === "stdin" && { input: inputsText }),
  };
}

/** A shell that sets the limit and becomes the program; Node itself cannot set one. */
const limitScript = 'ulimit -v "$1" || exit 126; shift; exec "$@"';

function withinAddressSpace(
  { path, addressSpaceMb }: ProcessProgram,
  argv: readonly string[],
): Pick<Launch, "path" | "argv"> {
  if (addressSpaceMb === undefined) {
    return { path, argv };
  }
  const limitKb = String(addressSpaceMb * 1024);
  return { path: "/bin/sh", argv: ["-c", limitScript, "signalbox", limitKb, path, ...argv] };
}
