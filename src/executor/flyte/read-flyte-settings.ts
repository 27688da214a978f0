import { join, resolve } from "node:path";
import type { ConfigCheck, Fields } from "../config/config-check.ts";
import type { ConfigSurroundings } from "../config/executor-config.ts";
import { freshFolder, readBounds, readEnvironment, readImages } from "../config/read-program.ts";
import { isFolder, resolveProgram } from "../config/resolve-program.ts";
import type { FlyteDocker, FlyteSettings } from "./flyte-settings.ts";

const flyteFields = [
  "venv",
  "cwd",
  "env",
  "passEnv",
  "graceMs",
  "memoryMb",
  "addressSpaceMb",
  "allowImages",
  "dockerArguments",
] as const;

/** Reads how tasks of Flyte are run. What is wrong is told to the check; then the settings are of no use. */
export function readFlyteSettings(
  raw: unknown,
  reading: {
    readonly check: ConfigCheck;
    readonly place: string;
    readonly surroundings: ConfigSurroundings;
  },
): FlyteSettings {
  const { check, place, surroundings } = reading;
  const { base, environment } = surroundings;
  const fields = check.object(raw, place, flyteFields);
  const venv = readFolder(fields, "venv", base);
  if (venv !== undefined && !isFolder(join(venv, "bin"))) {
    fields.mistake("venv", `is ${venv}, which is no virtual environment: it has no folder bin`);
  }
  const cwd = fields.text("cwd") === freshFolder ? undefined : readFolder(fields, "cwd", base);
  const stated = readEnvironment(fields);
  const docker = fields.has("allowImages") ? readDocker(fields, surroundings) : undefined;
  if (docker === undefined && fields.has("dockerArguments")) {
    fields.mistake("dockerArguments", "say how images are run, and allowImages names none");
  }
  for (const name of docker === undefined ? [] : ["venv", "cwd", "addressSpaceMb"]) {
    if (fields.has(name)) fields.mistake(name, "is for programs of this machine, and allowImages is there");
  }
  const path = stated["PATH"] ?? environment["PATH"] ?? "";
  return {
    searchPath: venv === undefined ? path : `${join(venv, "bin")}:${path}`,
    environment: stated,
    passedNames: fields.texts("passEnv").filter((name) => environment[name] !== undefined),
    ...readBounds(fields, docker !== undefined),
    ...(venv !== undefined && { venv }),
    ...(cwd !== undefined && { cwd }),
    ...(docker !== undefined && { docker }),
  };
}

function readFolder(fields: Fields, name: string, base: string): string | undefined {
  const stated = fields.text(name);
  const path = stated === undefined ? undefined : resolve(base, stated);
  if (path !== undefined && !isFolder(path)) {
    fields.mistake(name, `is ${path}, where there is no folder`);
  }
  return path;
}

function readDocker(fields: Fields, { base, environment }: ConfigSurroundings): FlyteDocker {
  const path = resolveProgram("docker", { base, path: environment["PATH"] ?? "" });
  if (path === undefined) {
    fields.mistake("allowImages", "needs docker, and there is none on PATH");
  }
  return { path: path ?? "", ...readImages(fields) };
}
