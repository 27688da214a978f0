import { existsSync } from "node:fs";
import { createWorker } from "../../src/worker/worker.ts";

/** A worker whose task keeps the event loop busy until a file exists. Arguments: the server, and the file. */
const [address = "", signal = ""] = process.argv.slice(2);
const worker = createWorker({ address, workerId: "busy" });
worker.task("work", () => {
  while (!existsSync(signal)) {
    // Busy on purpose: nothing else runs on this thread.
  }
  return "done";
});
await worker.start();
await worker.closed;
