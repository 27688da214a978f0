import { didYouMean } from "./did-you-mean.ts";
import { parseDurationMs } from "./parse-duration.ts";
import { UsageError } from "./usage-error.ts";

/** A value of an option as it was typed. */
export type OptionValue = string | boolean | readonly string[];

/**
 * What was typed behind a command, read as what the command expects; what is wrong is thrown as a UsageError.
 */
export class CommandArguments {
  readonly #positionals: readonly string[];
  readonly #values: ReadonlyMap<string, OptionValue>;

  constructor(positionals: readonly string[], values: ReadonlyMap<string, OptionValue>) {
    this.#positionals = positionals;
    this.#values = values;
  }

  /** A positional argument that is always there. */
  argument(index: number): string {
    return this.#positionals[index] ?? "";
  }

  /** A positional argument that may be left out. */
  argumentIfGiven(index: number): string | undefined {
    return this.#positionals[index];
  }

  /** All positional arguments, of a command that takes any number of them. */
  allArguments(): readonly string[] {
    return this.#positionals;
  }

  flag(name: string): boolean {
    return this.#values.get(name) === true;
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name);
    return typeof value === "string" ? value : undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.#values.get(name);
    return Array.isArray(value) ? (value as readonly string[]) : [];
  }

  /** A whole number between two bounds, both allowed. */
  integer(name: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) {
      return undefined;
    }
    const number = Number(text);
    if (!/^-?\d+$/.test(text) || number < min || number > max) {
      throw new UsageError(
        `--${name} is ${JSON.stringify(text)} and must be a whole number from ${min} to ${max}`,
      );
    }
    return number;
  }

  /** A number between two bounds, both allowed. */
  decimal(name: string, { min, max }: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) {
      return undefined;
    }
    const number = Number(text);
    if (!/^\d+(\.\d+)?$/.test(text) || number < min || number > max) {
      throw new UsageError(`--${name} is ${JSON.stringify(text)} and must be a number from ${min} to ${max}`);
    }
    return number;
  }

  durationMs(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parseDurationMs(text, `--${name}`);
  }

  /**
   * Words out of a few, of an option that may be said once or several times, in any case and with dashes or
   * underscores; returned as they are listed.
   */
  choices<W extends string>(name: string, words: readonly W[]): W[] {
    const one = this.text(name);
    return (one === undefined ? this.texts(name) : [one])
      .flatMap((text) => text.split(","))
      .map((text) => {
        const word = words.find(
          (one) => one.toUpperCase() === text.trim().replaceAll("-", "_").toUpperCase(),
        );
        if (word === undefined) {
          const known = words.map((one) => one.toLowerCase());
          throw new UsageError(
            `--${name} is ${JSON.stringify(text)} and must be one of ${known.join(", ")}` +
              didYouMean(text.trim().replaceAll("-", "_").toLowerCase(), known),
          );
        }
        return word;
      });
  }

  /** `k=v` pairs; a name may come once. */
  pairs(name: string): Record<string, string> {
    const pairs = new Map<string, string>();
    for (const text of this.texts(name)) {
      const at = text.indexOf("=");
      const key = text.slice(0, at);
      if (at < 1) {
        throw new UsageError(`--${name} is ${JSON.stringify(text)} and must be NAME=VALUE`);
      }
      if (pairs.has(key)) {
        throw new UsageError(`--${name} says ${key} twice`);
      }
      pairs.set(key, text.slice(at + 1));
    }
    return Object.fromEntries(pairs);
  }
}
