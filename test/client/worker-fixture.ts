import { onTestFinished } from "vitest";
import { createWorker, type TaskFunction, type WorkerOptions } from "../../src/worker/worker.ts";
import { type ScriptedStream, startWorkerScript, within } from "./worker-script.ts";

/** A worker of a scripted server, attached, with one task. */
export async function openWorker(work: TaskFunction, options: Partial<WorkerOptions> = {}) {
  const server = await startWorkerScript();
  const { stream: nextStream } = server;
  const lines: string[] = [];
  const note = (facts: object, sentence: string) => void lines.push(`${sentence} ${JSON.stringify(facts)}`);
  const log = { debug: note, info: note, warn: note, error: note };
  const worker = createWorker({ address: server.address, log, ...options });
  worker.task("work", work);
  const started = worker.start();
  onTestFinished(async () => {
    await worker.stop({ graceMs: 0 }).catch(() => undefined);
    await server.stop();
  });
  const stream = await nextStream();
  stream.attached();
  await within(started, "answer to start");
  return { server, worker, stream, nextStream, lines };
}

/** Takes the end that an attempt reports, and records all that it reports. */
export async function recordUntilEnd(stream: ScriptedStream) {
  for (;;) {
    const report = await stream.report();
    stream.record(report);
    const { content } = report;
    if (content.case === "succeeded" || content.case === "failed" || content.case === "stopped")
      return content;
  }
}
