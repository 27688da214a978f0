import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { createClient } from "../client/client.ts";
import { type DemoArguments, readArguments, usage } from "./arguments.ts";
import { openRun } from "./demo-run.ts";
import { startDemoServer } from "./demo-server.ts";
import { filesMax, findFiles } from "./find-files.ts";
import { followRun } from "./follow-run.ts";
import { supervise } from "./supervise.ts";

/**
 * The first run of Signalbox: a server, a worker, a pipeline over the files of a folder, and a condition that
 * waits for somebody. Exit code 0 if the run ended as it was answered, 1 if it failed, 2 for wrong arguments.
 */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(usage);
    return 0;
  }
  const read = readArguments(args);
  const mistakes = "mistakes" in read ? read.mistakes : inputMistakes(read.demo);
  if ("mistakes" in read || mistakes.length > 0) {
    process.stderr.write(`${mistakes.map((mistake) => `demo: ${mistake}\n`).join("")}\n${usage}`);
    return 2;
  }
  return await runDemo(read.demo);
}

function inputMistakes({ input }: DemoArguments): readonly string[] {
  if (!existsSync(input) || !statSync(input).isDirectory()) return [`--input ${input} is not a folder`];
  try {
    const { length } = findFiles(resolve(input));
    if (length === 0) return [`--input ${input} has no files`];
    return length > filesMax ? [`--input ${input} has ${length} files, more than ${filesMax}`] : [];
  } catch (error) {
    return [`--input ${input} cannot be read: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function runDemo(demo: DemoArguments): Promise<number> {
  const data = resolve(demo.data);
  const root = resolve(demo.input);
  const paths = findFiles(root);
  const interrupted = new AbortController();
  const lost = (how: string) => interrupted.abort(new Error(`a process died too often (${how})`));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => interrupted.abort(new Error(`interrupted; go on with the same --data`)));
  }
  const server = await startDemoServer({
    data: join(data, "store"),
    port: demo.port,
    onRestart: (how) => say(`the server died (${how}) and is started again`),
    onLost: lost,
  });
  const worker = supervise({
    script: fileURLToPath(new URL("./demo-worker.ts", import.meta.url)),
    args: () => [server.address, data],
    onLine: say,
    onRestart: (how) => say(`the worker died (${how}) and is started again`),
    onLost: lost,
  });
  const client = createClient({ address: server.address });
  try {
    say(`server  ${server.address}, pid ${server.process.pid}`);
    say(`worker  pid ${worker.pid}; kill -9 either of them: the run goes on`);
    const { runId, isOld } = await openRun(client, { data, root, paths });
    say(
      isOld ? `run     ${runId} goes on where it was` : `run     ${runId}: ${paths.length} files of ${root}`,
    );
    const end = await followRun(client, {
      runId,
      address: server.address,
      answer: demo.answer,
      signal: interrupted.signal,
    });
    await Promise.all([worker.stop(), server.process.stop()]);
    say(end.line);
    return end.exitCode;
  } catch (error) {
    await Promise.all([worker.stop(), server.process.stop()]);
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    return interrupted.signal.aborted ? 130 : 1;
  } finally {
    client.close();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
