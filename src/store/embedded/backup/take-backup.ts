import { existsSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { databaseFile } from "../database.ts";
import { checkWhole, type DatabaseContents, readContents } from "./database-check.ts";
import { BackupError, createPrivateFile, publishFile, removeDatabase } from "./files.ts";

/** All pages in one step: a copy in several steps begins anew whenever somebody writes in between. */
export const pagesPerStep = 2 ** 31 - 1;

/** Which folder of an embedded store, and the file that its backup becomes. */
export interface BackupOptions {
  readonly folder: string;
  readonly file: string;
}

/**
 * Copies the database of a store's folder, whether a server has it open or not: one committed state, with
 * everything that was acknowledged before this was called. The file is on the disk, and was looked through,
 * when it gets its name. Throws BackupError if there is no store, or something has that name.
 */
export async function takeBackup({ folder, file }: BackupOptions): Promise<DatabaseContents> {
  const path = join(folder, databaseFile);
  if (!existsSync(path))
    throw new BackupError(`the folder ${folder} holds no store: there is no ${databaseFile}`);
  if (existsSync(file)) throw new BackupError(`${file} is there already: choose another name`);
  const partial = `${file}.${process.pid}.partial`;
  try {
    await copyDatabase(path, partial);
    const contents = checkCopy(partial);
    publishFile(partial, file);
    return contents;
  } finally {
    removeDatabase(partial);
  }
}

function checkCopy(path: string): DatabaseContents {
  const copy = new DatabaseSync(path);
  try {
    // One file that can be read anywhere, without the log that a server keeps beside its own.
    copy.exec("PRAGMA journal_mode = DELETE");
    checkWhole(copy, path, { isQuick: true });
    return readContents(copy, path);
  } finally {
    copy.close();
  }
}

/** Copies one committed state of a database into a file that only its owner can read. */
export async function copyDatabase(path: string, to: string): Promise<void> {
  let source: DatabaseSync | undefined;
  try {
    source = new DatabaseSync(path, { readOnly: true, timeout: lockTimeoutMs });
    // Read before a file is made: it says what is no database, and what cannot be read.
    source.prepare("SELECT count(*) FROM sqlite_schema").get();
    createPrivateFile(to);
    await backup(source, to, { rate: pagesPerStep });
  } catch (error) {
    const told = error instanceof Error ? error.message : String(error);
    throw new BackupError(`${path} cannot be copied to ${to}: ${told}`, { cause: error });
  } finally {
    source?.close();
  }
}

/** 5 s for a server that is starting or stopping to let go of its database. */
const lockTimeoutMs = 5_000;
