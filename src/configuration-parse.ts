import type { Configuration } from "./configuration.ts";
import { agreements, options } from "./configuration.ts";
import { boundsOf, environmentNameOf, flagOf, type Option } from "./configuration-option.ts";

/** Where options are read from, the strongest first: flags, environment, the file that one of them names. */
export interface Sources {
  /** The command line after the command: `--port 7233` or `--port=7233`. */
  readonly flags: readonly string[];
  /** An empty variable counts as one that is not set. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /**
   * Returns the text of the file that `--config` or `SIGNALBOX_CONFIG` names; throws when it cannot be read.
   */
  readonly readFile: (path: string) => string;
}

/**
 * The configuration, or everything that is wrong with it: each mistake is a sentence that names its source.
 */
export type Parsed =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** One option as one source gives it. The same shape serves flags, environment and file. */
interface Given {
  /** The flag, variable or key as it was written, for the sentence about a mistake. */
  readonly from: string;
  readonly value: unknown;
}

/** What one source gives, by the option's key, and what was wrong with the source itself. */
interface Reading {
  readonly givenByKey: Map<string, Given>;
  readonly mistakes: string[];
}

const configFlag = "--config";
const configVariable = "SIGNALBOX_CONFIG";

/**
 * Reads the configuration: flags win over the environment, the environment over the file, the file over the
 * defaults. A value is checked wherever it stands, even where a stronger source outvotes it, and all mistakes
 * come back at once.
 */
export function parseConfiguration({ flags, environment, readFile }: Sources): Parsed {
  const fromFlags = readFlags(flags);
  const fromEnvironment = readEnvironment(environment);
  const named = fromFlags.givenByKey.get("config") ?? fromEnvironment.givenByKey.get("config");
  const fromFile = named === undefined ? nothing() : readConfigurationFile(named, readFile);
  const readings = [fromFlags, fromEnvironment, fromFile];
  const mistakes = readings.flatMap((reading) => reading.mistakes);
  const values: Record<string, unknown> = {};
  for (const option of options) {
    const given = readings.flatMap(({ givenByKey }) => givenByKey.get(option.key) ?? []);
    const checked = given.map((one) => ({ from: one.from, ...check(option, one) }));
    mistakes.push(...checked.flatMap((one) => (one.ok ? [] : [one.mistake])));
    const strongest = checked.find((one) => one.ok);
    values[option.key] = strongest?.ok === true ? strongest.value : option.default;
  }
  // Checked against its row above, key by key: the table and the interface name the same keys.
  const configuration = values as unknown as Configuration;
  if (mistakes.length === 0) {
    for (const { holds, keys, sentence } of agreements) {
      if (!holds(configuration)) {
        const values = keys.map((key) => `${key} is ${String(configuration[key]) || "not set"}`);
        mistakes.push(`${sentence}: ${values.join(", ")}`);
      }
    }
  }
  return mistakes.length === 0 ? { ok: true, configuration } : { ok: false, mistakes };
}

function nothing(): Reading {
  return { givenByKey: new Map(), mistakes: [] };
}

function readFlags(flags: readonly string[]): Reading {
  const { givenByKey, mistakes } = nothing();
  const keyByFlag = new Map([
    [configFlag, "config"],
    ...options.map(({ key }) => [flagOf(key), key] as const),
  ]);
  for (let index = 0; index < flags.length; index += 1) {
    const word = flags[index] as string;
    const [flag, inline] = splitOnce(word, "=");
    const key = keyByFlag.get(flag);
    const next = flags[index + 1];
    if (key === undefined) {
      mistakes.push(unknownFlag(flag, [...keyByFlag.keys()]));
      // The value of an unknown flag is passed over, so that one slip is not told twice.
      index += flag.startsWith("--") && inline === undefined && next?.startsWith("--") === false ? 1 : 0;
      continue;
    }
    if (inline === undefined && (next === undefined || next.startsWith("--"))) {
      mistakes.push(`flag ${flag} needs a value`);
      continue;
    }
    index += inline === undefined ? 1 : 0;
    if (givenByKey.has(key)) {
      mistakes.push(`flag ${flag} is given twice`);
    }
    givenByKey.set(key, { from: `flag ${flag}`, value: inline ?? next });
  }
  return { givenByKey, mistakes };
}

function unknownFlag(flag: string, known: readonly string[]): string {
  return flag.startsWith("--")
    ? `flag ${flag} is unknown${didYouMean(flag, known)}`
    : `"${flag}" stands on the command line without a flag before it`;
}

function readEnvironment(environment: Sources["environment"]): Reading {
  const { givenByKey, mistakes } = nothing();
  const keyByName = new Map([
    [configVariable, "config"],
    ...options.map(({ key }) => [environmentNameOf(key), key] as const),
  ]);
  for (const [name, value] of Object.entries(environment)) {
    const key = keyByName.get(name);
    if (value === undefined || value === "") {
      continue;
    }
    if (key !== undefined) {
      givenByKey.set(key, { from: `environment variable ${name}`, value });
    } else if (name.startsWith("SIGNALBOX_")) {
      // Other programs have variables of this prefix too, so only what looks like a slip is one.
      const guess = didYouMean(name, [...keyByName.keys()]);
      mistakes.push(...(guess === "" ? [] : [`environment variable ${name} is unknown${guess}`]));
    }
  }
  return { givenByKey, mistakes };
}

function readConfigurationFile(named: Given, readFile: Sources["readFile"]): Reading {
  const path = String(named.value);
  const { givenByKey, mistakes } = nothing();
  let content: unknown;
  try {
    content = JSON.parse(readFile(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    mistakes.push(`configuration file ${path} (named by ${named.from}) cannot be read as JSON: ${why}`);
    return { givenByKey, mistakes };
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    mistakes.push(`configuration file ${path} must hold one JSON object`);
    return { givenByKey, mistakes };
  }
  const known = options.map(({ key }) => key);
  for (const [key, value] of Object.entries(content)) {
    if (known.some((one) => one === key)) {
      givenByKey.set(key, { from: `configuration file ${path}, key ${key}`, value });
    } else {
      mistakes.push(`configuration file ${path}, key ${key} is unknown${didYouMean(key, known)}`);
    }
  }
  return { givenByKey, mistakes };
}

type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly mistake: string };

function check(option: Option, { from, value }: Given): Checked {
  const accepted = accept(option, value);
  return accepted === undefined
    ? { ok: false, mistake: `${from} must be ${boundsOf(option)}, not ${JSON.stringify(value)}` }
    : { ok: true, value: accepted };
}

/** The value as the option wants it, or undefined when it is not one. Files give numbers, the others text. */
function accept(option: Option, value: unknown): unknown {
  switch (option.type) {
    case "integer": {
      const number = typeof value === "string" && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
      const fits = Number.isInteger(number) && Number(number) >= option.min && Number(number) <= option.max;
      return fits ? number : undefined;
    }
    case "text":
      // A text that may be missing is missing too if it is empty.
      return isText(value, option.lengthMax) || value === option.default ? value : undefined;
    case "choice":
      return option.choices.find((choice) => choice === value);
    case "list": {
      const items = typeof value === "string" ? value.split(",").map((item) => item.trim()) : value;
      const fits = Array.isArray(items) && items.length <= option.itemsMax;
      return fits && items.every((item) => isText(item, option.lengthMax)) ? items : undefined;
    }
  }
}

function isText(value: unknown, lengthMax: number): boolean {
  return typeof value === "string" && value.length >= 1 && value.length <= lengthMax;
}

function splitOnce(word: string, separator: string): [string, string | undefined] {
  const at = word.indexOf(separator);
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + separator.length)];
}

/** The closest known name, where it is close enough to be what was meant. */
function didYouMean(name: string, known: readonly string[]): string {
  const ranked = known
    .map((one) => ({ one, edits: editDistance(name.toLowerCase(), one.toLowerCase()) }))
    .sort((left, right) => left.edits - right.edits);
  const best = ranked[0];
  return best !== undefined && best.edits <= 2 ? `; did you mean ${best.one}?` : "";
}

/**
 * How many letters must be added, dropped, changed or swapped with their neighbour to make `left` into
 * `right`.
 */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current.push(
        Math.min(
          at(previous, column) + 1,
          at(current, column - 1) + 1,
          at(previous, column - 1) + (same ? 0 : 1),
          swapped ? at(before, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = previous;
    previous = current;
  }
  return at(previous, right.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
