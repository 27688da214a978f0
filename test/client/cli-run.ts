import { Writable } from "node:stream";
import { runCommandLine } from "../../src/cli/command-line.ts";

/** What a command did. */
export interface Ran {
  readonly code: number;
  /** Its result. */
  readonly out: string;
  /** What it wrote beside its result. */
  readonly notes: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** A terminal of that width instead of a file. */
  readonly columns?: number;
  /** Called with each piece of the result as it is written. */
  readonly onOut?: (text: string) => void;
}

/** Runs a command line in this process, against nothing or the server it names. */
export async function runCli(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const {
    environment = {},
    signal = new AbortController().signal,
    columns,
    onOut = () => undefined,
  } = options;
  const written = { out: "", notes: "" };
  const sink = (name: "out" | "notes") =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        if (name === "out") {
          onOut(String(chunk));
        }
        done();
      },
    });
  const out = columns === undefined ? sink("out") : Object.assign(sink("out"), { isTTY: true, columns });
  const code = await runCommandLine(args, { out, notes: sink("notes"), environment, signal });
  return { code, ...written };
}
