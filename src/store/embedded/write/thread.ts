import { parentPort, workerData } from "node:worker_threads";
import { openForWriting } from "../database.ts";
import type { FromThread, ThreadStart, ToThread } from "../messages.ts";
import { ensureLinkKey, feedIdentityOf } from "../meta.ts";
import { Committer, type Decide } from "./committer.ts";

/**
 * The thread of the embedded store: it alone writes to the database, and it alone waits for the disk. It
 * answers each batch with one message once the batch is durable, and says `broken` at the first failure of
 * the disk; after that it commits nothing.
 */
const port = parentPort;
if (port === null) throw new Error("this module is the embedded store's thread; open the store instead");
const start = workerData as ThreadStart;

function say(message: FromThread): void {
  port?.postMessage(message);
}

const rules = (await import(start.rules)) as { readonly decide: Decide };
const database = openForWriting(start.folder);
ensureLinkKey(database);
const committer = new Committer(database, rules.decide);
let isBroken = false;

port.on("message", (message: ToThread) => {
  if (message.kind === "close") {
    close();
    return;
  }
  if (isBroken) return;
  try {
    const replies = JSON.stringify(committer.commit(message.commands));
    say({ kind: "committed", replies, head: committer.head });
  } catch (error) {
    isBroken = true;
    say({ kind: "broken", message: error instanceof Error ? error.message : String(error) });
  }
});
say({ kind: "opened", feed: feedIdentityOf(database, Date.now()), head: committer.head });

/** Moves the log into the database, so that a stopped store is one file, and lets the thread end. */
function close(): void {
  if (!isBroken) database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  database.close();
  port?.close();
}
