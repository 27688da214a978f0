import { readFileSync } from "node:fs";
import type { Configuration } from "./configuration.ts";
import { parseConfiguration } from "./configuration-parse.ts";
import { printHelp } from "./configuration-print.ts";
import { openLog } from "./observe/log.ts";
import { startServer } from "./server.ts";

/** Exit codes of `serve`: stopped as asked, could not start, wrong configuration. */
const exitCodes = { stopped: 0, failed: 1, misconfigured: 2 } as const;

/**
 * Runs the server until it is asked to stop by SIGTERM or SIGINT, and returns its exit code: 0 after a clean
 * stop, 1 if it could not start or lost its store, 2 if the configuration is wrong.
 */
export async function serve(args: readonly string[]): Promise<number> {
  if (args.includes("--help")) {
    process.stdout.write(`signalbox serve: starts the server.\n\n${printHelp()}`);
    return exitCodes.stopped;
  }
  const parsed = parseConfiguration({
    flags: args,
    environment: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
  });
  if (!parsed.ok) {
    process.stderr.write(
      `signalbox: the configuration is wrong:\n${parsed.mistakes.map((m) => `  ${m}\n`).join("")}`,
    );
    return exitCodes.misconfigured;
  }
  const { configuration } = parsed;
  const log = openLog({ level: configuration.logLevel, format: configuration.logFormat });
  const stop = Promise.withResolvers<number>();
  try {
    const server = await startServer({
      configuration,
      log,
      // What was acknowledged is on disk; what is not can no longer get there. Going on would be lying.
      onStoreLost: () => stop.resolve(exitCodes.failed),
    });
    // Not once: Ctrl-C under npm brings the signal twice, from the terminal and from npm, and the second one
    // must not cut the drain, which has a bound of its own.
    process.on("SIGTERM", () => stop.resolve(exitCodes.stopped));
    process.on("SIGINT", () => stop.resolve(exitCodes.stopped));
    process.stdout.write(`signalbox listens on ${server.url}\n`);
    const exitCode = await stop.promise;
    await server.stop(configuration.drainTimeoutMs);
    return exitCode;
  } catch (error) {
    process.stderr.write(`signalbox: cannot start: ${describeFailure(error, configuration)}\n`);
    log.debug({ error }, "cannot start");
    return exitCodes.failed;
  }
}

function describeFailure(error: unknown, { host, port }: Configuration): string {
  if (!(error instanceof Error)) return String(error);
  if ("code" in error && error.code === "EADDRINUSE") {
    return `port ${port} of ${host} is taken: stop what listens there, or choose another one with --port`;
  }
  return error.message;
}

if (import.meta.main) {
  process.exitCode = await serve(process.argv.slice(2));
}
