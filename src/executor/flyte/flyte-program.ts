import { ProgramFailed } from "../attempt-failure.ts";
import type { ArgvTemplate } from "../config/argv-template.ts";
import type { Program } from "../config/executor-config.ts";
import { resolveProgram } from "../config/resolve-program.ts";
import { flyteUnwindMs } from "../executor-limits.ts";
import type { FlyteSettings } from "./flyte-settings.ts";
import { flyteOp } from "./flyte-task.ts";
import type { TaskContainer } from "./task-container.ts";

/** What the program of one attempt is made of, besides its container. */
export interface ProgramParts {
  readonly settings: FlyteSettings;
  readonly variables: Readonly<Record<string, string>>;
  /** Folders that a container must see where they are. */
  readonly sharedFolders: readonly string[];
}

/**
 * The container of a task, with its placeholders filled, as a program of this machine, or in its image if the
 * settings say so. Throws ProgramUnavailable if there is no such program here.
 */
export function toFlyteProgram(container: TaskContainer, parts: ProgramParts): Program {
  const { settings, variables } = parts;
  const caps = [settings.memoryMb, container.memoryMb].filter((capMb) => capMb !== undefined);
  const common = {
    op: flyteOp,
    environment: variables,
    passedNames: settings.passedNames,
    inputs: "file",
    needsOutputs: false,
    graceMs: settings.graceMs,
    unwindMs: flyteUnwindMs,
    ...(caps.length > 0 && { memoryMb: Math.min(...caps) }),
  } as const;
  return settings.docker === undefined
    ? { ...common, kind: "process", ...toProcess([...container.command, ...container.args], settings) }
    : { ...common, kind: "docker", ...toDocker(container, settings.docker, parts.sharedFolders) };
}

function toProcess(
  [name = "", ...argv]: readonly string[],
  { searchPath, cwd, addressSpaceMb }: FlyteSettings,
): { path: string; argv: ArgvTemplate; cwd?: string; addressSpaceMb?: number } {
  const path = resolveProgram(name, { base: cwd ?? "/", path: searchPath });
  if (path === undefined) {
    throw new ProgramFailed("ProgramUnavailable", `there is no program ${name} here: ${searchPath}`);
  }
  return {
    path,
    argv: argv.map(toTemplate),
    ...(cwd !== undefined && { cwd }),
    ...(addressSpaceMb !== undefined && { addressSpaceMb }),
  };
}

/** The services are those of this machine, as the folders are, so that it shares its network unless told. */
function toDocker(
  { command: [entryPoint, ...command], args }: TaskContainer,
  { path, allowedImages, runArguments }: NonNullable<FlyteSettings["docker"]>,
  sharedFolders: readonly string[],
): { path: string; argv: ArgvTemplate; allowedImages: typeof allowedImages; runArguments: string[] } {
  const hasNetwork = runArguments.some((argument) => /^--net(work)?(=|$)/.test(argument));
  return {
    path,
    allowedImages,
    argv: [...command, ...args].map(toTemplate),
    runArguments: [
      ...[...new Set(sharedFolders)].flatMap((folder) => ["-v", `${folder}:${folder}`]),
      ...(hasNetwork ? [] : ["--network", "host"]),
      ...(entryPoint === undefined ? [] : ["--entrypoint", entryPoint]),
      ...runArguments,
    ],
  };
}

function toTemplate(text: string): ArgvTemplate[number] {
  return [{ kind: "text", text }];
}
