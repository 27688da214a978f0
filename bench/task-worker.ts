import { createWorker } from "../src/worker/worker.ts";
import { type FromWorker, nowMs, type ToWorker } from "./messages.ts";

/** The process that executes tasks which do nothing: `node bench/task-worker.ts ADDRESS OP CONCURRENCY`. */
const [address = "", op = "", concurrency = ""] = process.argv.slice(2);
const silent = { debug() {}, info() {}, warn() {}, error: console.error };
const worker = createWorker({ address, workerId: "bench", concurrency: Number(concurrency), log: silent });
let runCount = 0;
let wanted = Number.POSITIVE_INFINITY;
let startMs: number[] | undefined;
let traced = 0;

function say(message: FromWorker): void {
  process.send?.(message);
}

function lookAtCount(): void {
  if (runCount < wanted) return;
  wanted = Number.POSITIVE_INFINITY;
  say({ kind: "reached", count: runCount, atMs: nowMs() });
}

worker.task<{ readonly number: number }>(op, (_, { number }) => {
  runCount += 1;
  if (runCount >= wanted) lookAtCount();
  if (startMs === undefined) return;
  startMs[number] = nowMs();
  traced -= 1;
  if (traced === 0) say({ kind: "traced", startMs });
});

process.on("message", (message: ToWorker) => {
  switch (message.kind) {
    case "attach":
      void worker.start().then(() => say({ kind: "attached", workerId: worker.workerId }));
      return;
    case "report":
      wanted = message.count;
      lookAtCount();
      return;
    case "trace":
      traced = message.samples;
      startMs = [];
      return;
    case "stop":
      void worker.stop({ graceMs: 1_000 }).finally(() => process.disconnect());
  }
});
say({ kind: "ready" });
