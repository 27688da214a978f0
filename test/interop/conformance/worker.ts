/**
 * The TypeScript worker that the conformance kit is run against; docs/conformance.md has its contract.
 *
 * Usage: signalbox conformance worker -- node worker.ts
 */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createWorker, NonRetryableError } from "../../../src/worker/worker.ts";

interface Failure {
  readonly type: string;
  readonly message: string;
  readonly non_retryable: boolean;
}

const worker = createWorker({
  address: process.env["SIGNALBOX_SERVER"] ?? "",
  namespace: process.env["SIGNALBOX_NAMESPACE"] ?? "default",
  token: process.env["SIGNALBOX_TOKEN"] ?? "",
  concurrency: 4,
});

worker.task("conformance/echo", (_, input) => input);

worker.task("conformance/sleep", async (ctx, { ms }) => {
  await sleep(Number(ms), undefined, { signal: ctx.signal });
  return { ms };
});

worker.task<Failure>("conformance/fail", (_, { type, message, non_retryable: nonRetryable }) => {
  const error = nonRetryable ? new NonRetryableError(message) : new Error(message);
  throw Object.assign(error, { type });
});

worker.task("conformance/progress", async (ctx, { steps }) => {
  const execution = randomUUID();
  for (let step = 1; step <= Number(steps); step += 1) {
    ctx.progress((100 * step) / Number(steps), `step ${step}`);
    ctx.log(`step ${step}`);
    await ctx.event({ type: "conformance.step", payload: { step, execution } });
  }
  return { steps };
});

worker.task<{ prompt: string }>("conformance/ask", async (ctx, { prompt }) => {
  return { answer: await ctx.condition("answer", { type: "bool", prompt }) };
});

process.on("SIGTERM", () => void worker.drain().catch(() => undefined));
void worker.start();
try {
  await worker.closed;
} catch {
  // It has said why in its log.
  process.exitCode = 1;
}
