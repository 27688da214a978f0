import type { SignalboxClient } from "../client/client.ts";
import type { Calls } from "../client/wire/calls.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { CommandArguments } from "./input/command-arguments.ts";
import type { Screen } from "./output/screen.ts";

/** One option of a command. */
export interface CommandOption {
  /** What stands for its value in help, such as `K=V`; a flag has none. */
  readonly value?: string;
  /** True if it may be said several times. */
  readonly multiple?: boolean;
  /** One letter that stands for it. */
  readonly short?: string;
  /** What it does, in a few words. */
  readonly sentence: string;
}

/** Options by their names, without the dashes. */
export type CommandOptions = Readonly<Record<string, CommandOption>>;

/** What a command is run with. */
export interface CommandContext {
  readonly given: CommandArguments;
  readonly screen: Screen;
  readonly client: SignalboxClient;
  readonly calls: Calls;
  /** Aborted when the command is to stop. */
  readonly signal: AbortSignal;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** One row of the table of commands. */
export interface Command {
  /** One word, or two. */
  readonly name: string;
  /**
   * Its positional arguments as help shows them; those in brackets may be left out, and a last one with `…`
   * may come any number of times.
   */
  readonly arguments: readonly string[];
  readonly options: CommandOptions;
  /** What it does, in one sentence. */
  readonly sentence: string;
  /** What else helps to use it, a line each. */
  readonly notes?: readonly string[];
  readonly examples?: readonly string[];
  /** Does it; without a code it is done. */
  readonly run: (context: CommandContext) => Promise<ExitCode | void>;
}

/** The options that every command has. */
export const globalOptions = {
  server: {
    value: "ADDRESS",
    sentence: "where the server is (SIGNALBOX_SERVER, else http://127.0.0.1:7233)",
  },
  namespace: { value: "NAME", short: "n", sentence: "the namespace (SIGNALBOX_NAMESPACE, else default)" },
  token: { value: "TOKEN", sentence: "who calls, if the server asks for it (SIGNALBOX_TOKEN)" },
  json: { sentence: "print one JSON object a line instead of what people read" },
  patience: { value: "DURATION", sentence: "how long to try while the server does not answer (5s)" },
  help: { short: "h", sentence: "say how the command is used" },
} as const satisfies CommandOptions;
