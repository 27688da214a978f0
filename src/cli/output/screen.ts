import { once } from "node:events";
import type { Writable } from "node:stream";
import { styleText } from "node:util";

/**
 * Where a command writes: results to `out`, everything else to `notes`. Terminals have a width and colours.
 */
export interface Surroundings {
  readonly out: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly notes: Writable & { readonly isTTY?: boolean };
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted when the command is to stop. */
  readonly signal: AbortSignal;
}

/** How a word stands out on a terminal. */
export type Emphasis = "good" | "bad" | "busy" | "waiting" | "quiet" | "strong";

const styles = {
  good: "green",
  bad: "red",
  busy: "cyan",
  waiting: "yellow",
  quiet: "dim",
  strong: "bold",
} as const satisfies Record<Emphasis, Parameters<typeof styleText>[0]>;

/** What a command writes with. Results are lines for people or, with `--json`, one JSON object a line. */
export interface Screen {
  readonly json: boolean;
  /** The width of the terminal; undefined where there is none. */
  readonly columns: number | undefined;
  /** Writes one line of the result. */
  line(text: string): void;
  /** Writes a line that is not part of the result. */
  note(text: string): void;
  /** The text with an emphasis if the result goes to a terminal that wants colours. */
  emphasize(text: string, emphasis: Emphasis | undefined): string;
  /** Waits until the reader of the result has caught up. Streams call it after each frame. */
  flushed(): Promise<void>;
}

/** Opens the screen for one command. */
export function openScreen({ out, notes, environment, signal }: Surroundings, json: boolean): Screen {
  const isColoured =
    out.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb" && !json;
  return {
    json,
    columns: (out.isTTY === true && out.columns) || undefined,
    line: (text) => void out.write(`${text}\n`),
    note: (text) => void notes.write(`${text}\n`),
    emphasize: (text, emphasis) =>
      isColoured && emphasis !== undefined
        ? styleText(styles[emphasis], text, { validateStream: false })
        : text,
    async flushed() {
      if (out.writableNeedDrain) {
        await once(out, "drain", { signal });
      }
    },
  };
}

/** Text of others on one line: control characters, which could steer a terminal, become spaces. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ").trim();
}
