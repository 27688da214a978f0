/**
 * The TypeScript worker of the run that three languages share: it counts words and publishes the score.
 *
 * Usage: node worker.ts ADDRESS. Ends with SIGTERM.
 */
import { createWorker } from "../../../src/worker/worker.ts";

const worker = createWorker({ address: process.argv[2] ?? "", workerId: "typescript" });

worker.task("words.count", async (ctx, input) => {
  const text = typeof input["text"] === "string" ? input["text"] : "";
  const words = text.split(/\s+/).filter(Boolean);
  ctx.progress(100, `${words.length} words`);
  return { count: words.length };
});

worker.task("score.publish", async (ctx, input) => {
  const score = Number(input["score"]);
  await ctx.event({ type: "score.published", payload: { score } });
  return { line: `published ${score}` };
});

await worker.start();
process.once("SIGTERM", () => void worker.stop());
