import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { EmbeddedStore } from "../../src/store/embedded/embedded-store.ts";
import { eventRow, runRow } from "../support/rows.ts";
import { scripted } from "../support/scripted-rules.ts";

/**
 * A process that writes to the store of a folder until it is killed or the disk fails, and says each
 * acknowledgement on stdout, at once: `node child-writer.ts <folder> <first number> <how many in flight>`.
 */
const [path = "", first = "0", width = "1"] = process.argv.slice(2);

function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`);
      return;
    } catch (error) {
      // The pipe is full until its reader comes to it.
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error;
      Atomics.wait(pause, 0, 0, 1);
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

const store = await EmbeddedStore.open({
  path,
  rules: new URL("../support/scripted-rules.ts", pathToFileURL(import.meta.filename)),
  onBroken: (error) => {
    say(`broken ${error.name}`);
  },
}).catch((error: unknown) => {
  say(`closed ${String(error)}`);
  process.exit(0);
});
say("open");
let next = Number(first);

async function write(): Promise<void> {
  for (;;) {
    const number = next;
    next += 1;
    const change = {
      runs: [runRow(`r${number}`, { labels: { text: "x".repeat(500) } })],
      events: [eventRow(`r${number}`)],
    };
    try {
      const outcome = await store.transact<"publishEvents">(scripted({ change }), { nowMs: 0, chance: 0 });
      say(`done ${number} ${outcome.ok ? outcome.position : "refused"}`);
    } catch (error) {
      say(`failed ${number} ${error instanceof Error ? error.name : ""}`);
      return;
    }
  }
}

await Promise.all(Array.from({ length: Number(width) }, write));
const again = store.transact<"publishEvents">(scripted({}), { nowMs: 0, chance: 0 });
say(`again ${await again.then(() => "done", String)}`);
say(`read ${await store.head().then(() => "done", String)}`);
await store.close();
