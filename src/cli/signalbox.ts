import { Interrupted, OutputClosed, runCommandLine } from "./command-line.ts";
import { exitCodes } from "./exit-codes.ts";

/**
 * 500 ms: a terminal and a parent process such as npx may both pass on one Ctrl-C, which is not a second one.
 */
const secondInterruptMs = 500;

/**
 * The `signalbox` command in a process of its own: runs it and returns its exit code. Ctrl-C stops it with
 * 130, a second one at once; a reader of its output that goes away, such as `head`, ends it quietly.
 */
export async function main(args: readonly string[]): Promise<number> {
  const stop = new AbortController();
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") {
        throw error;
      }
      stop.abort(new OutputClosed());
    });
  }
  let interruptedAt = Infinity;
  process.on("SIGINT", () => {
    const now = performance.now();
    if (now - interruptedAt > secondInterruptMs) {
      process.exit(exitCodes.interrupted);
    }
    interruptedAt = Math.min(interruptedAt, now);
    stop.abort(new Interrupted());
  });
  return await runCommandLine(args, {
    out: process.stdout,
    notes: process.stderr,
    environment: process.env,
    signal: stop.signal,
  });
}

if (import.meta.main) {
  process.exitCode = await main(process.argv.slice(2));
}
