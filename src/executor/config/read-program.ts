import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { argumentsMax, graceMsDefault, graceMsMax } from "../executor-limits.ts";
import { type ArgvTemplate, hasInput, parseArgument } from "./argv-template.ts";
import type { ConfigCheck, Fields } from "./config-check.ts";
import type { ConfigSurroundings, DockerProgram, ProcessProgram, Program } from "./executor-config.ts";
import { type ImagePattern, parseImagePattern } from "./image-pattern.ts";
import { isFolder, resolveProgram } from "./resolve-program.ts";

interface Reading {
  readonly check: ConfigCheck;
  readonly place: string;
  readonly surroundings: ConfigSurroundings;
}

const commonFields = ["kind", "argv", "env", "passEnv", "inputs", "outputs", "graceMs", "memoryMb"];
const processFields = [...commonFields, "cwd", "addressSpaceMb"];
const dockerFields = [...commonFields, "allowImages", "dockerArguments"];

/** The word for a new folder for each attempt, in place of a folder's path. */
export const freshFolder = "fresh";

/** Programs that read an argument as a script: what an input says must never become a part of one. */
const shells = /^(ba|da|z|k|c|tc|fi|a)?sh$|^busybox$/;

/** Reads what executes one op. What is wrong is told to the check; then the program is of no use. */
export function readProgram(op: string, raw: unknown, reading: Reading): Program | undefined {
  const isDocker = (raw as { readonly kind?: unknown } | null)?.kind === "docker";
  const fields = reading.check.object(raw, reading.place, isDocker ? dockerFields : processFields);
  fields.word("kind", ["process", "docker"]);
  const { environment } = reading.surroundings;
  const common = {
    op,
    argv: readArgv(fields),
    environment: readEnvironment(fields),
    passedNames: fields.texts("passEnv").filter((name) => environment[name] !== undefined),
    inputs: fields.word("inputs", ["stdin", "file"]) ?? "stdin",
    needsOutputs: fields.word("outputs", ["optional", "required"]) === "required",
    ...readBounds(fields, isDocker),
  } as const;
  return isDocker ? readDocker(fields, common, reading) : readProcess(fields, common, reading);
}

/** Reads the bounds of a program: how long it has to end, and how much memory it may have. */
export function readBounds(
  fields: Fields,
  isDocker: boolean,
): Pick<ProcessProgram, "graceMs" | "memoryMb" | "addressSpaceMb"> {
  const graceMs = fields.number("graceMs", { min: 0, max: graceMsMax }) ?? graceMsDefault;
  const memoryMb = fields.number("memoryMb", { min: 1, max: 1_000_000_000 });
  const addressSpaceMb = fields.number("addressSpaceMb", { min: 1, max: 1_000_000_000 });
  if (memoryMb !== undefined && !isDocker && !existsSync("/proc/self/statm")) {
    fields.mistake("memoryMb", "needs /proc, which this system has not; addressSpaceMb may do");
  }
  return {
    graceMs,
    ...(memoryMb !== undefined && { memoryMb }),
    ...(addressSpaceMb !== undefined && { addressSpaceMb }),
  };
}

type Common = Omit<ProcessProgram, "kind" | "path" | "cwd">;

function readProcess(fields: Fields, common: Common, { surroundings }: Reading): ProcessProgram | undefined {
  const { base, environment } = surroundings;
  const [first = [], ...rest] = common.argv;
  const [part] = first;
  if (common.argv.length === 0 || part === undefined) {
    fields.mistake("argv", "must name a program");
    return undefined;
  }
  if (part.kind !== "text" || first.length > 1) {
    fields.mistake("argv", "must name its program without placeholders: the server never chooses it");
    return undefined;
  }
  refuseScripts(fields, basename(part.text), rest);
  const search = common.environment["PATH"] ?? environment["PATH"] ?? "";
  const path = resolveProgram(part.text, { base, path: search });
  if (path === undefined) {
    fields.mistake("argv", `names the program ${JSON.stringify(part.text)}, which is not there`);
  }
  const stated = fields.text("cwd");
  const cwd = stated === undefined || stated === freshFolder ? undefined : resolve(base, stated);
  if (cwd !== undefined && !isFolder(cwd)) {
    fields.mistake("cwd", `is ${cwd}, where there is no folder`);
  }
  return {
    ...common,
    kind: "process",
    argv: rest,
    path: path ?? "",
    ...(cwd !== undefined && { cwd }),
  };
}

function readDocker(fields: Fields, common: Common, { surroundings }: Reading): DockerProgram {
  const { base, environment } = surroundings;
  const [[first] = []] = common.argv;
  if (first?.kind === "text") {
    refuseScripts(fields, basename(first.text), common.argv.slice(1));
  }
  const path = resolveProgram("docker", { base, path: environment["PATH"] ?? "" });
  if (path === undefined) {
    fields.mistake("kind", "is docker, and there is no docker on PATH");
  }
  return { ...common, kind: "docker", path: path ?? "", ...readImages(fields) };
}

/** Reads which images may be run, and what docker is told beside. */
export function readImages(fields: Fields): Pick<DockerProgram, "allowedImages" | "runArguments"> {
  const allowedImages = fields.texts("allowImages").flatMap((text): ImagePattern[] => {
    const pattern = parseImagePattern(text);
    if (pattern === undefined) {
      fields.mistake("allowImages", `has ${JSON.stringify(text)}, which matches no image`);
    }
    return pattern === undefined ? [] : [pattern];
  });
  if (fields.texts("allowImages").length === 0) {
    fields.mistake("allowImages", "must name the images that may be run, such as `trainer:*`");
  }
  const runArguments = fields.texts("dockerArguments");
  if (runArguments[0] !== undefined && !runArguments[0].startsWith("-")) {
    fields.mistake("dockerArguments", "are options of docker run; the image is the assignment's");
  }
  return { allowedImages, runArguments };
}

function readArgv(fields: Fields): ArgvTemplate {
  const texts = fields.texts("argv");
  if (texts.length > argumentsMax) {
    fields.mistake("argv", `has ${texts.length} arguments, and at most ${argumentsMax} may be`);
  }
  if (texts.some((text) => text.includes("\0"))) {
    fields.mistake("argv", "has a NUL, which no argument can have");
  }
  return texts.map((text) => parseArgument(text, (what) => fields.mistake("argv", what)));
}

/** Refuses an input inside of a shell's script, where it could say anything. */
function refuseScripts(fields: Fields, program: string, argv: ArgvTemplate): void {
  if (!shells.test(program)) {
    return;
  }
  const option = argv.findIndex(([part]) => part?.kind === "text" && /^-[a-z]*c[a-z]*$/.test(part.text));
  const script = option < 0 ? undefined : argv[option + 1];
  if (script !== undefined && hasInput(script)) {
    const rather = `sh -c '… "$1"' sh {input.NAME}`;
    fields.mistake("argv", `puts an input into a script of ${program}; hand it on instead: ${rather}`);
  }
}

/** Reads the variables that are set; the worker's own are not to be. */
export function readEnvironment(fields: Fields): Readonly<Record<string, string>> {
  const pairs = fields.pairs("env");
  for (const name of [...Object.keys(pairs), ...fields.texts("passEnv")]) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      fields.mistake("env", `has ${JSON.stringify(name)}, which is no name of a variable`);
    } else if (name.startsWith("SIGNALBOX_")) {
      fields.mistake("env", `has ${name}, and names that begin with SIGNALBOX_ are the worker's own`);
    }
  }
  if (Object.values(pairs).some((value) => value.includes("\0"))) {
    fields.mistake("env", "has a NUL, which no variable can have");
  }
  return pairs;
}
