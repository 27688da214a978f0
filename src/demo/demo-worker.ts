import { join } from "node:path";
import { createWorker } from "../worker/worker.ts";
import { leaveWithParent } from "./supervise.ts";
import { type Measured, measure, publish, writeManifest } from "./tasks.ts";

/**
 * The demo's worker process. Arguments: the server's address, and the folder where drafts and manifests go.
 * It keeps its name across restarts, so that a new one takes the place of one that was killed at once.
 */
const [address = "http://127.0.0.1:7233", folder = "."] = process.argv.slice(2);

const worker = createWorker({ address, workerId: "demo-worker", concurrency: 4 });

worker.task<{ root: string; path: string }>("demo.measure", async (ctx, { root, path }) => {
  return await measure(root, path, {
    signal: ctx.signal,
    onProgress: (percent) => ctx.progress(percent, path),
  });
});

worker.task<Record<string, Measured>>("demo.manifest", async (ctx, measured) => {
  const draft = join(folder, "drafts", `${ctx.runId}.json`);
  const files = await writeManifest(draft, Object.values(measured));
  return { draft, files };
});

worker.task<{ draft: string }>("demo.publish", async (ctx, { draft }) => {
  const manifest = join(folder, "published", `${ctx.runId}.json`);
  await publish(draft, manifest);
  return { manifest };
});

leaveWithParent();
process.once("SIGTERM", () => void worker.stop({ graceMs: 1_000 }));
await worker.start();
await worker.closed;
