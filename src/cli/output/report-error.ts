import { CallFailedError, RefusedError, UnavailableError } from "../../client/client.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { UsageError } from "../input/usage-error.ts";
import { oneLine, type Screen } from "./screen.ts";

/** Tells what went wrong on the screen's notes and returns the exit code for it. */
export function reportError(error: unknown, screen: Screen): ExitCode {
  if (screen.json) {
    screen.note(JSON.stringify({ error: describeForMachines(error) }));
  } else {
    for (const line of describeForPeople(error)) {
      screen.note(line);
    }
  }
  return exitCodeOf(error);
}

/** The exit code for an error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) {
    return exitCodes.usage;
  }
  if (error instanceof RefusedError) {
    return error.code === "NOT_FOUND" ? exitCodes.notFound : exitCodes.refused;
  }
  return error instanceof UnavailableError || error instanceof CallFailedError
    ? exitCodes.unavailable
    : exitCodes.broken;
}

/** What helps on the command line, by reason. */
const hints: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: "say who calls with --token or SIGNALBOX_TOKEN",
  NOT_ALLOWED: "who calls is whom the token (--token or SIGNALBOX_TOKEN) stands for, whatever --by says",
};

function describeForPeople(error: unknown): string[] {
  if (error instanceof RefusedError) {
    const { reason, metadata, violations } = error;
    // One bad field is told in the message already, and the facts of several only count them.
    const fields =
      violations.length < 2 ? [] : violations.map((one) => [one.field, one.description] as const);
    const facts = violations.length === 0 ? Object.entries(metadata) : fields;
    return [
      `signalbox: ${error.message}`,
      ...[["reason", reason] as const, ...facts].map(([name, fact]) => `  ${name}: ${oneLine(fact)}`),
      ...(hints[reason] === undefined ? [] : [`  ${hints[reason]}`]),
    ];
  }
  if (error instanceof UnavailableError) {
    return [
      `signalbox: ${error.message}`,
      "  start one with `signalbox serve`, or say where it is with --server",
    ];
  }
  if (error instanceof CallFailedError) {
    return [`signalbox: the server failed (${error.code}): ${error.message}`];
  }
  if (error instanceof UsageError) {
    return [`signalbox: ${error.message}`];
  }
  return [
    `signalbox: a mistake in signalbox itself: ${error instanceof Error ? error.stack : String(error)}`,
  ];
}

function describeForMachines(error: unknown): Record<string, unknown> {
  if (error instanceof RefusedError) {
    const { reason, code, message, metadata, violations } = error;
    return { kind: "refused", reason, code, message, metadata, violations };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UnavailableError) {
    return { kind: "unavailable", message };
  }
  if (error instanceof CallFailedError) {
    return { kind: "unavailable", code: error.code, message };
  }
  return { kind: error instanceof UsageError ? "usage" : "broken", message };
}
