import { setTimeout as delay } from "node:timers/promises";
import { createWorker } from "../../../src/worker/worker.ts";

/**
 * A worker of the load, as a process: `worker-process.ts ADDRESS WORKER-ID`. It says `ready` and works until
 * SIGTERM.
 */
const [address = "", workerId = ""] = process.argv.slice(2);
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const worker = createWorker({ address, workerId, concurrency: 12, log: silent });

worker.task<{ ms: number }>("proof.gate", async (_ctx, { ms }) => {
  await delay(ms);
  return {};
});
worker.task<{ ms: number; failures: number }>("proof.task", async (ctx, { ms, failures }) => {
  ctx.progress(10, "begun");
  await delay(ms, undefined, { signal: ctx.signal });
  if (ctx.attempt <= failures) throw new Error(`attempt ${ctx.attempt} of this task fails`);
  return { value: ctx.attempt };
});
worker.task<{ number: number }>("proof.first", async (ctx, { number }) => {
  ctx.progress(50, "half");
  if (number % 5 === 0 && ctx.attempt === 1) throw new Error("the first attempt of every fifth plan fails");
  return { number: number + 1 };
});
worker.task<{ from: number }>("proof.second", async (ctx, { from }) => {
  const kept = await ctx.step("add", () => from + 1);
  return { number: kept };
});
worker.task<{ from: number }>("proof.last", async (_ctx, { from }) => ({ number: from + 1 }));

process.once("SIGTERM", () => {
  void worker.stop({ graceMs: 2_000 }).finally(() => process.exit(0));
});
void worker.start();
process.stdout.write("ready\n");
