import { type Command, type CommandOptions, globalOptions } from "../command.ts";
import { exitCodeMeanings } from "../exit-codes.ts";

/** What `signalbox help` prints. */
export function printHelp(commands: readonly Command[]): string {
  const rows = [
    ["serve [OPTIONS]", "starts a server; see signalbox serve --help"],
    ...commands.map((command) => [printHead(command), command.sentence] as const),
    ["help [COMMAND]", "says how a command is used, and what its options are"],
  ] as const;
  return [
    "signalbox: runs, the decisions they wait for, and everything that happens",
    "",
    "Usage: signalbox COMMAND [ARGUMENTS] [OPTIONS]",
    "",
    "Commands:",
    ...align(rows),
    "",
    "Options of every command:",
    ...printOptions(globalOptions),
    "",
    "Exit codes:",
    ...align(exitCodeMeanings.map(({ code, meaning }) => [String(code), meaning])),
  ].join("\n");
}

/** What `signalbox help COMMAND` prints. */
export function printCommandHelp(command: Command): string {
  const { sentence, options, notes = [], examples = [] } = command;
  return [
    `signalbox ${printUsage(command)}`,
    "",
    `  ${sentence}`,
    ...notes.map((note) => `  ${note}`),
    ...(Object.keys(options).length === 0 ? [] : ["", "Options:", ...printOptions(options)]),
    "",
    "Options of every command:",
    ...printOptions(globalOptions),
    ...(examples.length === 0 ? [] : ["", "Examples:", ...examples.map((example) => `  ${example}`)]),
  ].join("\n");
}

/** A command with its arguments and that it has options: `signal RUN NAME VALUE [OPTIONS]`. */
export function printUsage(command: Command): string {
  return `${printHead(command)}${Object.keys(command.options).length === 0 ? "" : " [OPTIONS]"}`;
}

function printHead(command: Command): string {
  return [command.name, ...command.arguments].join(" ");
}

function printOptions(options: CommandOptions): string[] {
  return align(
    Object.entries(options).map(([name, { value, short, sentence, multiple }]) => [
      `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`,
      multiple === true ? `${sentence}; may be said several times` : sentence,
    ]),
  );
}

function align(rows: readonly (readonly [string, string] | readonly string[])[]): string[] {
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return rows.map(([name = "", text = ""]) => `  ${name.padEnd(width)}  ${text}`);
}
