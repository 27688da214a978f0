import { parseArgs } from "node:util";
import { type Command, type CommandOption, type CommandOptions, globalOptions } from "../command.ts";
import { CommandArguments, type OptionValue } from "./command-arguments.ts";
import { didYouMean } from "./did-you-mean.ts";
import { UsageError } from "./usage-error.ts";

/** What a command line says. */
export type Parsed =
  | { readonly kind: "run"; readonly command: Command; readonly given: CommandArguments }
  | { readonly kind: "serve"; readonly args: readonly string[] }
  | { readonly kind: "help"; readonly command: Command | undefined };

/** Reads a command line. What makes no sense is a UsageError with what would. */
export function parseCommandLine(args: readonly string[], commands: readonly Command[]): Parsed {
  const first = tokenize(args, leadingOptions);
  const word = first.positionals[0];
  checkOptions(
    first.options.filter(({ index }) => index < (word?.index ?? Infinity)),
    leadingOptions,
  );
  if (word?.value === "serve") {
    return { kind: "serve", args: args.slice(word.index + 1) };
  }
  const names = first.positionals.map(({ value }) => value);
  if (word === undefined && first.options.some(({ name }) => name === "version")) {
    return parseCommandLine(["version", ...args.filter((arg) => arg !== "--version")], commands);
  }
  if (word === undefined) {
    return { kind: "help", command: undefined };
  }
  if (word.value === "help") {
    const about = names.slice(1);
    if (about[0] === "serve") {
      return { kind: "serve", args: ["--help"] };
    }
    return { kind: "help", command: about.length === 0 ? undefined : findCommand(about, commands) };
  }
  const command = findCommand(names, commands);
  const wordCount = command.name.split(" ").length;
  const wordIndexes = new Set(first.positionals.slice(0, wordCount).map(({ index }) => index));
  const rest = args.filter((_, index) => !wordIndexes.has(index));
  const options: CommandOptions = { ...globalOptions, ...command.options };
  const tokens = tokenize(rest, options);
  if (tokens.options.some(({ name }) => name === "help")) {
    return { kind: "help", command };
  }
  checkOptions(tokens.options, options);
  checkPositionals(
    tokens.positionals.map(({ value }) => value),
    command,
  );
  return { kind: "run", command, given: collect(tokens, options) };
}

/** What may stand before the command. */
const leadingOptions: CommandOptions = { ...globalOptions, version: { sentence: "say the version" } };

interface OptionToken {
  readonly index: number;
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly isInline: boolean;
}

interface Tokens {
  readonly options: readonly OptionToken[];
  readonly positionals: readonly { readonly index: number; readonly value: string }[];
}

/** parseArgs takes `-5` for an option: a mark before it keeps it a value. */
const mark = "\u0000";

function tokenize(args: readonly string[], options: CommandOptions): Tokens {
  const { tokens } = parseArgs({
    args: args.map((arg) => (/^-\.?\d/.test(arg) ? mark + arg : arg)),
    options: Object.fromEntries(
      Object.entries(options).map(([name, option]) => [name, toParseArgsOption(option)]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const unmark = (text: string) => text.replace(mark, "");
  const named: OptionToken[] = [];
  const positionals: { index: number; value: string }[] = [];
  for (const token of tokens) {
    if (token.kind === "option") {
      const { index, name, rawName, value, inlineValue } = token;
      named.push({ index, name, rawName, value: value && unmark(value), isInline: inlineValue === true });
    } else if (token.kind === "positional") {
      positionals.push({ index: token.index, value: unmark(token.value) });
    }
  }
  return { options: named, positionals };
}

function toParseArgsOption({ value, short }: CommandOption): { type: "string" | "boolean"; short?: string } {
  return { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) };
}

function checkOptions(tokens: readonly OptionToken[], options: CommandOptions): void {
  for (const { name, rawName, value, isInline } of tokens) {
    const option = options[name];
    if (option === undefined) {
      throw new UsageError(
        `there is no option ${rawName} here${didYouMean(name, Object.keys(options), "--")}`,
      );
    }
    if (option.value === undefined && value !== undefined) {
      throw new UsageError(`${rawName} takes no value`);
    }
    if (option.value !== undefined && (value === undefined || (!isInline && /^--?[a-z]/i.test(value)))) {
      throw new UsageError(`${rawName} needs a value: ${rawName} ${option.value}`);
    }
  }
}

function checkPositionals(positionals: readonly string[], command: Command): void {
  const needed = command.arguments.filter((argument) => !argument.startsWith("["));
  const missing = needed[positionals.length];
  if (missing !== undefined) {
    throw new UsageError(`${command.name} needs ${missing}`);
  }
  const extra = positionals[command.arguments.length];
  const takesMore = command.arguments.at(-1)?.includes("…") === true;
  if (extra !== undefined && !takesMore) {
    throw new UsageError(`${command.name} does not know what to do with ${JSON.stringify(extra)}`);
  }
}

function collect({ options: tokens, positionals }: Tokens, options: CommandOptions): CommandArguments {
  const values = new Map<string, OptionValue>();
  for (const { name, rawName, value = true } of tokens) {
    if (options[name]?.multiple === true) {
      const before = values.get(name);
      values.set(name, [...(Array.isArray(before) ? (before as string[]) : []), String(value)]);
    } else if (typeof value === "string" && values.has(name)) {
      throw new UsageError(`${rawName} can be said only once`);
    } else {
      values.set(name, value);
    }
  }
  return new CommandArguments(
    positionals.map(({ value }) => value),
    values,
  );
}

function findCommand(words: readonly string[], commands: readonly Command[]): Command {
  const [first = "", second] = words;
  const found =
    commands.find(({ name }) => name === `${first} ${second}`) ?? commands.find(({ name }) => name === first);
  if (found !== undefined) {
    return found;
  }
  const names = ["serve", "help", ...commands.map(({ name }) => name)];
  const longer = names.filter((name) => name.startsWith(`${first} `));
  if (longer.length > 0) {
    throw new UsageError(`there is no command ${words.slice(0, 2).join(" ")}: say ${longer.join(" or ")}`);
  }
  throw new UsageError(`there is no command ${first}${didYouMean(first, names)}`);
}
