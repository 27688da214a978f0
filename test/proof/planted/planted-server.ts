import { parseConfiguration } from "../../../src/configuration-parse.ts";
import type { Run } from "../../../src/core/run.ts";
import { openLog } from "../../../src/observe/log.ts";
import { startServer } from "../../../src/server.ts";
import { EmbeddedStore } from "../../../src/store/embedded/embedded-store.ts";
import { feedBugs, plantInFeeds } from "./planted-feeds.ts";

/**
 * The server with one bug planted in it, as a process: `planted-server.ts --host … --port … --data …`, with
 * the bug's name in SIGNALBOX_TEST_PLANT. It is otherwise put together as the real one is.
 */
const bug = process.env["SIGNALBOX_TEST_PLANT"] ?? "";
const parsed = parseConfiguration({ flags: process.argv.slice(2), environment: {}, readFile: () => "{}" });
if (!parsed.ok) throw new Error(parsed.mistakes.join("; "));
const { configuration } = parsed;

const mangle = feedBugs[bug];
if (mangle !== undefined) plantInFeeds(mangle);
if (bug === "read from a stale copy") readStale();
const rules = new URL(`./planted-rules.ts?bug=${encodeURIComponent(bug)}`, import.meta.url);
const store = await EmbeddedStore.open({ path: configuration.data, rules });
// Every feed passes for the same one, so that a cursor of another is served.
if (bug === "serve the cursor of another feed") Object.assign(store, { feedId: "the only one" });
const log = openLog({ level: "warn", format: "json" });
const server = await startServer({ configuration, log, store });
process.stdout.write(`signalbox listens on ${server.url}\n`);

/** A run is read once, and what was read then is what everybody is told. */
function readStale(): void {
  const rightly = EmbeddedStore.prototype.run;
  const copies = new Map<string, Run>();
  EmbeddedStore.prototype.run = async function run(this: EmbeddedStore, key) {
    const copy = copies.get(key) ?? (await rightly.call(this, key));
    if (copy !== undefined) copies.set(key, copy);
    return copy;
  };
}
