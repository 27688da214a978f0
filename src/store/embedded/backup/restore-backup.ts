import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { databaseFile } from "../database.ts";
import { FolderLock } from "../folder-lock.ts";
import { beginEpoch } from "../meta.ts";
import { applySchema } from "../schema.ts";
import { makeFolder } from "../start-thread.ts";
import { checkFacts, checkWhole, type DatabaseContents, readContents } from "./database-check.ts";
import { BackupError, publishFile, removeDatabase } from "./files.ts";
import { copyDatabase } from "./take-backup.ts";

/** Which backup, and the folder that is to hold the store. */
export interface RestoreOptions {
  /** A file that `takeBackup` made, or the folder of a store. */
  readonly from: string;
  /** Made if it is not there; it must hold nothing. */
  readonly folder: string;
  readonly nowMs: number;
}

/** What was put back. */
export interface Restored extends DatabaseContents {
  /** The epoch of the feed that begins with it; `feedId` is the one that the backup is of. */
  readonly newFeedId: string;
}

/**
 * Makes the store of a folder from a backup: looked through, with the newest schema, and as a new epoch of
 * the feed. It is there whole or not at all. Throws BackupError if the folder holds something or the backup
 * is not whole, StoreUnavailable if a server has the folder open.
 */
export async function restoreBackup({ from, folder, nowMs }: RestoreOptions): Promise<Restored> {
  if (!existsSync(from)) throw new BackupError(`${from} is not there`);
  const source = statSync(from).isDirectory() ? join(from, databaseFile) : from;
  if (!existsSync(source))
    throw new BackupError(`the folder ${from} holds no store: there is no ${databaseFile}`);
  makeFolder(folder);
  // Before anything is put into a folder of somebody else's, and again below.
  checkEmpty(folder);
  const lock = FolderLock.take(folder);
  const partial = join(folder, partialFile);
  try {
    checkEmpty(folder);
    removeDatabase(partial);
    await copyDatabase(source, partial);
    const restored = prepare(partial, { source, nowMs });
    publishFile(partial, join(folder, databaseFile));
    return restored;
  } finally {
    removeDatabase(partial);
    lock.release();
  }
}

/** What a restore that was cut off leaves behind. */
const partialFile = `${databaseFile}.partial`;

/** The lock is held while this looks, so that nobody else begins to fill the folder. */
function checkEmpty(folder: string): void {
  const others = readdirSync(folder).filter(
    (name) => !/^lock(-journal)?$/.test(name) && !name.startsWith(partialFile),
  );
  if (others.length === 0) return;
  throw new BackupError(
    `the folder ${folder} is not empty (${others.slice(0, 3).join(", ")}): choose another one`,
  );
}

/** Looks a copied database through, and has it begin a new epoch. */
function prepare(
  path: string,
  { source, nowMs }: { readonly source: string; readonly nowMs: number },
): Restored {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA journal_mode = DELETE");
    checkWhole(database, source, { isQuick: false });
    const contents = readContents(database, source);
    upgrade(database, source);
    checkFacts(database, source);
    database.exec("BEGIN IMMEDIATE");
    const { feedId } = beginEpoch(database, contents.head, nowMs);
    database.exec("COMMIT");
    return { ...contents, newFeedId: feedId };
  } finally {
    database.close();
  }
}

function upgrade(database: DatabaseSync, source: string): void {
  try {
    applySchema(database);
  } catch (error) {
    throw new BackupError(
      `${source} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
