import { connectClient } from "../client/client.ts";
import { defaultAddress } from "../client/wire/transport.ts";
import type { Command } from "./command.ts";
import { commands } from "./commands.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import type { CommandArguments } from "./input/command-arguments.ts";
import { type Parsed, parseCommandLine } from "./input/parse-command-line.ts";
import { UsageError } from "./input/usage-error.ts";
import { printCommandHelp, printHelp, printUsage } from "./output/help.ts";
import { reportError } from "./output/report-error.ts";
import { openScreen, type Surroundings } from "./output/screen.ts";

/** 5 s of patience with a server that does not answer: a person waits for the answer. */
const patienceMs = 5_000;

/** The reason with which a command is stopped by Ctrl-C. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
}

/** The reason with which a command is stopped when nobody reads its output any more. */
export class OutputClosed extends Error {
  override readonly name = "OutputClosed";
}

/** Runs a command line and returns its exit code; see `exitCodes`. It throws nothing. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const screen = openScreen(surroundings, args.includes("--json"));
  try {
    const parsed = parseCommandLine(args, commands);
    return parsed.kind === "run"
      ? await runCommand(parsed, surroundings)
      : await runBuiltIn(parsed, surroundings);
  } catch (error) {
    const { signal } = surroundings;
    if (signal.aborted) {
      return signal.reason instanceof Interrupted ? exitCodes.interrupted : exitCodes.ok;
    }
    const code = reportError(error, screen);
    const isLong = error instanceof Error && error.message.includes("\n");
    if (code === exitCodes.usage && !screen.json && !isLong) {
      screen.note(`  ${suggestHelp(args)}`);
    }
    return code;
  }
}

async function runCommand(
  { command, given }: { readonly command: Command; readonly given: CommandArguments },
  surroundings: Surroundings,
): Promise<ExitCode> {
  const { environment, signal } = surroundings;
  const { client, calls } = connect(given, environment);
  const screen = openScreen(surroundings, given.flag("json"));
  try {
    return (await command.run({ given, screen, client, calls, signal, environment })) ?? exitCodes.ok;
  } finally {
    client.close();
  }
}

function connect(given: CommandArguments, environment: Surroundings["environment"]) {
  const forMs = given.durationMs("patience") ?? patienceMs;
  const address = given.text("server") ?? (environment["SIGNALBOX_SERVER"] || defaultAddress);
  const namespace = given.text("namespace") ?? (environment["SIGNALBOX_NAMESPACE"] || "default");
  const token = given.text("token") ?? environment["SIGNALBOX_TOKEN"] ?? "";
  try {
    return connectClient({ address, namespace, token, retry: { forMs } });
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
}

async function runBuiltIn(parsed: Exclude<Parsed, { kind: "run" }>, { out }: Surroundings): Promise<number> {
  switch (parsed.kind) {
    case "serve": {
      const { serve } = await import("../main.ts");
      return await serve(parsed.args);
    }
    case "help":
      out.write(`${parsed.command === undefined ? printHelp(commands) : printCommandHelp(parsed.command)}\n`);
      return exitCodes.ok;
  }
}

function suggestHelp(args: readonly string[]): string {
  const words = args.filter((arg) => !arg.startsWith("-")).join(" ");
  const command = commands.find(({ name }) => `${words} `.startsWith(`${name} `));
  return command === undefined ? "see signalbox help" : `usage: signalbox ${printUsage(command)}`;
}
