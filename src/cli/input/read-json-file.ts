import { readFileSync } from "node:fs";
import { didYouMean } from "./did-you-mean.ts";
import { parseJson } from "./parse-value.ts";
import { UsageError } from "./usage-error.ts";

/** Reads and parses a JSON file; `-` is standard input. */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseJson(text, `${nameFile(path)} must hold JSON`);
}

/** A file as people know it. */
function nameFile(path: string): string {
  return path === "-" ? "standard input" : path;
}

/** What a field of a JSON object must be, and how that is said. */
const kinds = {
  text: ["text", (value: unknown) => typeof value === "string"],
  number: ["a number", (value: unknown) => typeof value === "number"],
  integer: ["a whole number", (value: unknown) => Number.isSafeInteger(value)],
  flag: ["true or false", (value: unknown) => typeof value === "boolean"],
  texts: ["a list of texts", (value: unknown) => isArrayOf(value, "string")],
  list: ["a list", (value: unknown) => Array.isArray(value)],
  object: ["an object", isObject],
  labels: [
    "an object of texts",
    (value: unknown) => isObject(value) && isArrayOf(Object.values(value), "string"),
  ],
  any: ["a value", () => true],
} as const satisfies Record<string, readonly [string, (value: unknown) => boolean]>;

/** The fields that an object may have; those that end in `!` it must have. */
export type Fields = Readonly<Record<string, keyof typeof kinds>>;

/** Collects everything that is wrong with the content of a file, to say all of it at once. */
export class JsonCheck {
  readonly mistakes: string[] = [];

  /** The object at a place if it is one with these fields; what is wrong with it is noted. */
  object(value: unknown, place: string, fields: Fields): Readonly<Record<string, unknown>> | undefined {
    if (!isObject(value)) {
      this.mistakes.push(`${place} must be an object`);
      return undefined;
    }
    const names = Object.keys(fields).map((name) => name.replace(/!$/, ""));
    for (const name of Object.keys(value)) {
      if (!names.includes(name)) {
        this.mistakes.push(`${place} has no field ${JSON.stringify(name)}${didYouMean(name, names)}`);
      }
    }
    for (const [field, kind] of Object.entries(fields)) {
      const name = field.replace(/!$/, "");
      const [words, isKind] = kinds[kind];
      if (value[name] === undefined) {
        if (field.endsWith("!")) {
          this.mistakes.push(`${place} needs ${name}, ${words}`);
        }
      } else if (!isKind(value[name])) {
        this.mistakes.push(`${place}.${name} must be ${words}`);
      }
    }
    return value;
  }

  /** Throws a UsageError with every mistake, if there is one. */
  finish(path: string): void {
    if (this.mistakes.length > 0) {
      throw new UsageError(
        `${nameFile(path)} is wrong:\n${this.mistakes.map((mistake) => `  ${mistake}`).join("\n")}`,
      );
    }
  }
}

/** True for a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isArrayOf(value: unknown, type: string): boolean {
  return Array.isArray(value) && value.every((one) => typeof one === type);
}
