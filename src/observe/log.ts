import { type DestinationStream, type Logger, pino } from "pino";

/** The levels a log can be set to, from the most to the least talkative; `silent` writes nothing. */
export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** How a line looks: one JSON object for machines, or one sentence with facts for a person at a terminal. */
export const logFormats = ["json", "pretty"] as const;
export type LogFormat = (typeof logFormats)[number];

/** A structured logger: facts first, then a sentence. Children carry facts that all their lines share. */
export type Log = Logger;

/** Where finished lines go; each call gets one whole line with its line end. */
export type LogSink = DestinationStream;

/** How to open a log. */
export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Standard error unless given, so that standard output stays free for results. */
  readonly sink?: LogSink;
}

/** Opens a log. Lines are written at once, so that the last line before a crash is not lost. */
export function openLog({ level, format, sink }: LogOptions): Log {
  const out = sink ?? pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === "json" ? out : { write: (line) => out.write(describeLine(line)) },
  );
}

/** A log that writes nothing, for tests and tools that need none. */
export function silentLog(): Log {
  return pino({ level: "silent" });
}

/**
 * Turns one JSON log line into one for people: time, level, sentence, then the facts as `name=value`. A
 * stack, where there is one, follows on lines of its own. A line that is not a JSON object comes back as it
 * is.
 */
export function describeLine(line: string): string {
  const fields = parseObject(line);
  if (fields === undefined) {
    return line;
  }
  const { time, level, msg, err, ...facts } = fields;
  const clock = textOr(time, "").slice(11, 23);
  const told = Object.entries(facts).map(([name, value]) => `${name}=${describeFact(value)}`);
  const words = [clock, textOr(level, "").padEnd(5), textOr(msg, ""), ...told];
  return `${words.filter((word) => word !== "").join(" ")}${describeError(err)}\n`;
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

function describeFact(value: unknown): string {
  return typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
}

function describeError(error: unknown): string {
  if (typeof error !== "object" || error === null) {
    return "";
  }
  const { stack, message } = error as { stack?: unknown; message?: unknown };
  return `\n  ${textOr(stack, textOr(message, "")).replaceAll("\n", "\n  ")}`;
}
