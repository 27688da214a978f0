import { tmpdir } from "node:os";
import { resolve } from "node:path";
import type { WorkerCapacity } from "../../worker/worker.ts";
import { concurrencyDefault, concurrencyMax, flyteConcurrencyDefault, opsMax } from "../executor-limits.ts";
import type { FlyteSettings } from "../flyte/flyte-settings.ts";
import { flyteOp } from "../flyte/flyte-task.ts";
import { readFlyteSettings } from "../flyte/read-flyte-settings.ts";
import { ConfigCheck, type Fields, isObject } from "./config-check.ts";
import type { ConfigSurroundings, ExecutorConfig, Program } from "./executor-config.ts";
import { readProgram } from "./read-program.ts";
import { isWritableFolder } from "./resolve-program.ts";

/** A config that can be run, or everything that is wrong with it. */
export type ReadConfig =
  | { readonly ok: true; readonly config: ExecutorConfig }
  | { readonly ok: false; readonly mistakes: readonly string[] };

const configFields = [
  "workerId",
  "labels",
  "taints",
  "sharedNamespaces",
  "capacity",
  "concurrency",
  "folders",
  "keepFolders",
  "ops",
  "flyte",
] as const;

/** Reads a config as JSON has it, and finds the programs that it names. Nothing is run. */
export function readConfig(raw: unknown, surroundings: ConfigSurroundings): ReadConfig {
  const { base, place } = surroundings;
  const check = new ConfigCheck();
  const fields = check.object(raw, place, configFields);
  const workerId = fields.text("workerId");
  const capacity = readCapacity(fields, check);
  const flyte = readFlyte(fields, check, surroundings);
  const concurrencyUnsaid = flyte === undefined ? concurrencyDefault : flyteConcurrencyDefault;
  const config = {
    ...(workerId !== undefined && { workerId }),
    labels: fields.pairs("labels"),
    taints: fields.objects("taints", ["key", "value"]).map((taint) => {
      if (!taint.has("key")) taint.mistake("key", "is missing");
      return { key: taint.text("key") ?? "", value: taint.text("value") ?? "" };
    }),
    sharedNamespaces: fields.texts("sharedNamespaces"),
    ...(capacity && { capacity }),
    concurrency: fields.number("concurrency", { min: 1, max: concurrencyMax }) ?? concurrencyUnsaid,
    folders: resolve(base, fields.text("folders") ?? tmpdir()),
    keepFolders: fields.flag("keepFolders") ?? false,
    programs: readPrograms(fields, check, surroundings),
    ...(flyte && { flyte }),
  };
  if (!isWritableFolder(config.folders)) {
    fields.mistake("folders", `is ${config.folders}, where there is no folder to write to`);
  }
  if (process.platform === "win32") {
    check.mistake(place, "cannot be run on Windows, which has no process groups");
  }
  return check.mistakes.length === 0 ? { ok: true, config } : { ok: false, mistakes: check.mistakes };
}

function readPrograms(fields: Fields, check: ConfigCheck, surroundings: ConfigSurroundings): Program[] {
  const ops = fields.raw("ops");
  if (ops === undefined && fields.has("flyte")) {
    return [];
  }
  if (!isObject(ops) || Object.keys(ops).length === 0 || Object.keys(ops).length > opsMax) {
    fields.mistake("ops", `must be an object with 1 to ${opsMax} ops by name`);
    return [];
  }
  return Object.entries(ops).flatMap(([op, raw]) => {
    const place = `${fields.place("ops")}.${op}`;
    if (!/^[A-Za-z0-9_][A-Za-z0-9._/-]{0,127}$/.test(op)) {
      check.mistake(place, "is no name of an op: 1 to 128 letters, digits, dots, dashes, slashes");
    }
    if (op === flyteOp && fields.has("flyte")) {
      check.mistake(place, "is the op of Flyte's tasks, which flyte runs");
    }
    const program = readProgram(op, raw, { check, place, surroundings });
    return program === undefined ? [] : [program];
  });
}

function readFlyte(
  fields: Fields,
  check: ConfigCheck,
  surroundings: ConfigSurroundings,
): FlyteSettings | undefined {
  return fields.has("flyte")
    ? readFlyteSettings(fields.raw("flyte"), { check, place: fields.place("flyte"), surroundings })
    : undefined;
}

function readCapacity(fields: Fields, check: ConfigCheck): WorkerCapacity | undefined {
  if (!fields.has("capacity")) {
    return undefined;
  }
  const capacity = check.object(fields.raw("capacity"), fields.place("capacity"), [
    "cpu",
    "ramMb",
    "devices",
  ]);
  const cpu = capacity.number("cpu", { min: 0, max: 100_000, fraction: true });
  const ramMb = capacity.number("ramMb", { min: 0, max: 1_000_000_000 });
  const devices = capacity.objects("devices", ["index", "vramMb", "kind"]).map((device) => {
    for (const name of ["index", "vramMb"]) {
      if (!device.has(name)) device.mistake(name, "is missing");
    }
    return {
      index: device.number("index", { min: 0, max: 1_000_000 }) ?? 0,
      vramMb: device.number("vramMb", { min: 0, max: 1_000_000_000 }) ?? 0,
      kind: device.text("kind") ?? "",
    };
  });
  if (new Set(devices.map(({ index }) => index)).size < devices.length) {
    capacity.mistake("devices", "has an index twice");
  }
  return { ...(cpu !== undefined && { cpu }), ...(ramMb !== undefined && { ramMb }), devices };
}
