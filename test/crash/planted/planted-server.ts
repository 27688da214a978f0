import { parseConfiguration } from "../../../src/configuration-parse.ts";
import { openLog } from "../../../src/observe/log.ts";
import { startServer } from "../../../src/server.ts";
import { EmbeddedStore } from "../../../src/store/embedded/embedded-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { dropOnResume } from "./drop-on-resume.ts";

/**
 * The server with one bug planted in it, as a process: `planted-server.ts --host … --port … --data …`, with
 * the bug's name in SIGNALBOX_TEST_PLANT. It is otherwise put together as the real one is.
 */
const plants: Readonly<Record<string, (path: string) => Promise<Store>>> = {
  "skip the fence": (path) => EmbeddedStore.open({ path, rules: here("./rules-without-fence.ts") }),
  "answer before the commit": (path) =>
    EmbeddedStore.open({ path, rules: here("./rules-answering-early.ts") }),
  "drop one event on resume": (path) => {
    dropOnResume();
    return EmbeddedStore.open({ path });
  },
};

function here(module: string): URL {
  return new URL(module, import.meta.url);
}

const parsed = parseConfiguration({ flags: process.argv.slice(2), environment: {}, readFile: () => "{}" });
if (!parsed.ok) throw new Error(parsed.mistakes.join("; "));
const { configuration } = parsed;
const plant = plants[process.env["SIGNALBOX_TEST_PLANT"] ?? ""];
if (plant === undefined) throw new Error("SIGNALBOX_TEST_PLANT names no bug");
const log = openLog({ level: "warn", format: "json" });
const server = await startServer({ configuration, log, store: await plant(configuration.data) });
process.stdout.write(`signalbox listens on ${server.url}\n`);
