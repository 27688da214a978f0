import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { applySchema } from "./schema.ts";

/** The file that holds everything, in the store's folder; SQLite keeps `-wal` and `-shm` beside it. */
export const databaseFile = "signalbox.db";

/**
 * Opens the database for the one who writes, and creates it if it is not there. A commit returns when the
 * operating system has said that it is on the disk: WAL with `synchronous=FULL` syncs at every commit.
 */
export function openForWriting(folder: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, databaseFile), { timeout: 0 });
  const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
  if (mode !== "wal") throw new Error(`the file system cannot hold a write-ahead log (${String(mode)})`);
  database.exec("PRAGMA synchronous = FULL");
  // On macOS a plain sync stops at the disk's cache; elsewhere this changes nothing.
  database.exec("PRAGMA fullfsync = ON");
  // Small and frequent checkpoints: the stalls of larger ones are longer, and none at all lets the log grow.
  database.exec("PRAGMA wal_autocheckpoint = 1000");
  database.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
  // What a sync that failed left of the log can be read, and may still be lost with the power: it is not
  // built upon before it is in the database, and synced there.
  database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  applySchema(database);
  return database;
}

/** Opens a database that somebody has open for writing, to read from it beside them. */
export function openForReading(folder: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, databaseFile), { readOnly: true, timeout: 1_000 });
  database.exec(`PRAGMA cache_size = -${cacheKibibytes}`);
  return database;
}

/** 16 MiB of pages for each connection: what is in use. A larger cache costs each commit more time. */
const cacheKibibytes = 16 * 1024;
