import { once } from "node:events";
import { dirname, resolve } from "node:path";
import { defaultAddress } from "../../client/wire/transport.ts";
import type { ExecutorConfig } from "../../executor/config/executor-config.ts";
import { readConfig } from "../../executor/config/read-config.ts";
import { Executor } from "../../executor/executor.ts";
import { WorkerRefused, WorkerSuperseded } from "../../worker/worker-errors.ts";
import type { WorkerLog } from "../../worker/worker-log.ts";
import type { Command, CommandContext, CommandOptions } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import {
  flyteOptions,
  flyteScopeOptions,
  readFlyteNamespaces,
  readFlyteOptions,
} from "../input/flyte-options.ts";
import { isObject, readJsonFile } from "../input/read-json-file.ts";
import { UsageError } from "../input/usage-error.ts";
import type { Screen } from "../output/screen.ts";

/** The options that say what one op runs; with a config file they stand there. */
const programOptions = {
  op: { value: "NAME", sentence: "the op whose tasks run the program behind --" },
  cwd: { value: "FOLDER", sentence: "where it runs (here); `fresh` is a new folder for each attempt" },
  env: { value: "K=V", multiple: true, sentence: "a variable of its environment" },
  "pass-env": { value: "NAME", multiple: true, sentence: "a variable handed on from this environment" },
  inputs: { value: "stdin|file", sentence: "where it reads its inputs (stdin); the file is always there" },
  "require-outputs": { sentence: "an attempt that writes no outputs file has failed" },
  grace: { value: "DURATION", sentence: "from SIGTERM to SIGKILL after a cancel (5s)" },
  "memory-mb": { value: "N", sentence: "the most memory that its processes may hold together" },
  "address-space-mb": { value: "N", sentence: "the most address space of each of its processes" },
  "allow-image": { value: "PATTERN", multiple: true, sentence: "run containers of such images with docker" },
  "docker-argument": { value: "ARGUMENT", multiple: true, sentence: "a further argument of docker run" },
} as const satisfies CommandOptions;

/** The options that say what the worker is; they go before what a config file says. */
const workerOptions = {
  id: { value: "NAME", sentence: "the worker's name, unique in its namespace (made up)" },
  concurrency: { value: "N", sentence: "how many attempts run at once (10)" },
  label: { value: "K=V", multiple: true, sentence: "a label of the worker" },
  cpu: { value: "CORES", sentence: "the processor cores that it announces" },
  "ram-mb": { value: "N", sentence: "the memory that it announces" },
  device: { value: "INDEX:VRAM_MB[:KIND]", multiple: true, sentence: "a device that it announces" },
  taint: { value: "K[=V]", multiple: true, sentence: "keeps tasks away that do not bear it" },
  share: { value: "NAMESPACE", multiple: true, sentence: "a further namespace whose tasks it takes" },
  folders: {
    value: "FOLDER",
    sentence: "where it makes the folders of its attempts (the system's for such)",
  },
  "keep-folders": { sentence: "leave the folders of attempts that have ended" },
} as const satisfies CommandOptions;

/** `worker`: runs ops as processes or containers of this machine. */
export const workerCommand: Command = {
  name: "worker",
  arguments: ["[-- PROGRAM ARGUMENT…]"],
  sentence: "runs the tasks of ops as processes or containers of this machine",
  notes: [
    "The server never chooses the program: it stands here or in the config file, but for tasks of Flyte, which",
    "say it themselves. docs/executor.md says what a program gets, and how it reports. Ctrl-C or SIGTERM lets",
    "what runs finish for a while, then ends it.",
  ],
  options: {
    config: { value: "FILE.json", sentence: "what runs which ops, in place of --op and a program" },
    ...programOptions,
    ...flyteOptions,
    ...flyteScopeOptions,
    ...workerOptions,
    "stop-grace": { value: "DURATION", sentence: "for what runs to finish when the worker is stopped (10s)" },
  },
  examples: [
    "signalbox worker --op resize -- python resize.py {input.width}",
    "signalbox worker --op train --allow-image 'registry.example.com/ml/*' --device 0:24000 --ram-mb 64000",
    "signalbox worker --config worker.json --concurrency 4",
    "signalbox worker --flyte --flyte-project flytesnacks --flyte-venv .venv",
  ],
  run: runWorker,
};

async function runWorker(context: CommandContext): Promise<ExitCode> {
  const { given, screen, calls, signal, environment } = context;
  const [ofFlyte, ...shared] = readFlyteNamespaces(given);
  const config = readWorkerConfig(given, { environment, shared });
  const stopGraceMs = given.durationMs("stop-grace");
  const address = given.text("server") ?? (environment["SIGNALBOX_SERVER"] || defaultAddress);
  if (calls.namespace === "-") {
    throw new UsageError("a worker works for one namespace; say further ones with --share");
  }
  const namespace = ofFlyte ?? calls.namespace;
  const log = openLog(screen);
  const token = given.text("token") ?? environment["SIGNALBOX_TOKEN"] ?? "";
  const executor = await Executor.start({ config, address, namespace, token, environment, log });
  const asked = new AbortController();
  const onTerminate = () => asked.abort();
  process.on("SIGTERM", onTerminate);
  const stopped = AbortSignal.any([signal, asked.signal]);
  const ops = [...config.programs.map(({ op }) => op), ...(config.flyte === undefined ? [] : ["flyte"])];
  void executor.attached.then(
    () => stopped.aborted || tellAttached(screen, { workerId: executor.workerId, address, ops }),
    () => undefined,
  );
  const stop = () => executor.stop(stopGraceMs === undefined ? {} : { graceMs: stopGraceMs });
  try {
    await Promise.race([executor.closed, stopped.aborted ? undefined : once(stopped, "abort")]);
    await (stopped.aborted ? stop() : executor.closed);
    // Who runs the command line knows what each reason means.
    signal.throwIfAborted();
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof WorkerRefused || error instanceof WorkerSuperseded)) throw error;
    screen.note(`signalbox: ${error.message}`);
    return exitCodes.refused;
  } finally {
    process.off("SIGTERM", onTerminate);
  }
}

function tellAttached(
  screen: Screen,
  attached: { readonly workerId: string; readonly address: string; readonly ops: readonly string[] },
): void {
  const { workerId, address, ops } = attached;
  screen.line(
    screen.json ? JSON.stringify({ attached }) : `${workerId} is attached to ${address}: ${ops.join(", ")}`,
  );
}

/** What a worker says about itself, beside its result: a line each, or a JSON object with `--json`. */
function openLog(screen: Screen): WorkerLog {
  const write = (level: string) => (facts: object, sentence: string) => {
    const told = Object.entries(facts).filter(([name]) => name !== "workerId");
    const words = told.map(([name, fact]: [string, unknown]) => `${name}=${JSON.stringify(fact)}`);
    screen.note(
      screen.json
        ? JSON.stringify({ level, message: sentence, ...facts })
        : `${level}: ${[sentence, ...words].join(" ")}`,
    );
  };
  return { debug: () => undefined, info: write("info"), warn: write("warn"), error: write("error") };
}

function readWorkerConfig(
  given: CommandArguments,
  surroundings: {
    readonly environment: Readonly<Record<string, string | undefined>>;
    /** Namespaces that are shared besides those of `--share`. */
    readonly shared: readonly string[];
  },
): ExecutorConfig {
  const { environment, shared } = surroundings;
  const file = given.text("config");
  const raw = file === undefined ? readProgramOptions(given) : readConfigFile(given, file);
  const base = file === undefined || file === "-" ? process.cwd() : dirname(resolve(file));
  const place = file ?? "worker";
  const read = readConfig({ ...raw, ...readWorkerOptions(given, raw, shared) }, { base, environment, place });
  if (!read.ok) {
    throw new UsageError(["the worker cannot be started:", ...read.mistakes].join("\n  "));
  }
  return read.config;
}

function readConfigFile(given: CommandArguments, file: string): Readonly<Record<string, unknown>> {
  const ofProgram = Object.keys({ ...programOptions, ...flyteOptions }).find(
    (name) => given.text(name) !== undefined || given.flag(name) || given.texts(name).length > 0,
  );
  if (ofProgram !== undefined || given.allArguments().length > 0) {
    throw new UsageError(
      `${ofProgram === undefined ? "a program" : `--${ofProgram}`} stands in ${file} already`,
    );
  }
  const raw = readJsonFile(file);
  if (!isObject(raw)) {
    throw new UsageError(`${file} must hold a JSON object`);
  }
  return raw;
}

function readProgramOptions(given: CommandArguments): Readonly<Record<string, unknown>> {
  const allowImages = given.texts("allow-image");
  const memoryMb = readCount(given, "memory-mb");
  const addressSpaceMb = readCount(given, "address-space-mb");
  const dockerArguments = given.texts("docker-argument");
  const inputs = given.text("inputs");
  const cwd = given.text("cwd");
  const graceMs = given.durationMs("grace");
  const common = {
    env: given.pairs("env"),
    passEnv: given.texts("pass-env"),
    ...(cwd !== undefined && { cwd }),
    ...(graceMs !== undefined && { graceMs }),
    ...(memoryMb !== undefined && { memoryMb }),
    ...(addressSpaceMb !== undefined && { addressSpaceMb }),
    ...(allowImages.length > 0 && { allowImages }),
    ...(dockerArguments.length > 0 && { dockerArguments }),
  };
  const flyte = readFlyteOptions(given, common);
  if (flyte !== undefined) {
    return { flyte };
  }
  const op = given.text("op");
  if (op === undefined) {
    throw new UsageError(
      "worker needs --op NAME with a program behind --, or --config FILE.json, or --flyte",
    );
  }
  const program = {
    ...(allowImages.length > 0 ? { kind: "docker" } : { cwd: "." }),
    ...common,
    argv: given.allArguments(),
    ...(inputs !== undefined && { inputs }),
    ...(given.flag("require-outputs") && { outputs: "required" }),
  };
  return { ops: { [op]: program } };
}

function readWorkerOptions(
  given: CommandArguments,
  raw: Readonly<Record<string, unknown>>,
  ofFlyte: readonly string[],
): Readonly<Record<string, unknown>> {
  const workerId = given.text("id");
  const concurrency = readCount(given, "concurrency");
  const folders = given.text("folders");
  const capacity = readCapacity(given);
  const labels = given.pairs("label");
  const taints = given.texts("taint").map((text) => {
    const [key = "", ...value] = text.split("=");
    return { key, value: value.join("=") };
  });
  const shared = [...ofFlyte, ...given.texts("share")];
  return {
    ...(workerId !== undefined && { workerId }),
    ...(concurrency !== undefined && { concurrency }),
    ...(folders !== undefined && { folders: resolve(folders) }),
    ...(given.flag("keep-folders") && { keepFolders: true }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(taints.length > 0 && { taints }),
    ...(shared.length > 0 && { sharedNamespaces: shared }),
    ...(Object.keys(capacity).length > 0 && {
      capacity: { ...(isObject(raw["capacity"]) && raw["capacity"]), ...capacity },
    }),
  };
}

function readCapacity(given: CommandArguments): Readonly<Record<string, unknown>> {
  const cpu = given.text("cpu");
  const ramMb = readCount(given, "ram-mb");
  const devices = given.texts("device").map((text) => {
    const [, index, vramMb, kind = ""] = /^(\d{1,7}):(\d{1,9})(?::(.*))?$/.exec(text) ?? [];
    if (index === undefined) {
      throw new UsageError(
        `--device is ${JSON.stringify(text)} and must be INDEX:VRAM_MB or INDEX:VRAM_MB:KIND`,
      );
    }
    return { index: Number(index), vramMb: Number(vramMb), kind };
  });
  if (cpu !== undefined && !/^\d+(\.\d+)?$/.test(cpu)) {
    throw new UsageError(`--cpu is ${JSON.stringify(cpu)} and must be a number of cores`);
  }
  return {
    ...(cpu !== undefined && { cpu: Number(cpu) }),
    ...(ramMb !== undefined && { ramMb }),
    ...(devices.length > 0 && { devices }),
  };
}

function readCount(given: CommandArguments, name: string): number | undefined {
  return given.integer(name, { min: 1, max: 1_000_000_000 });
}
