import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreUnavailable } from "../store.ts";

/**
 * Keeps a second server out of a folder, in this process or another one. It is the lock that SQLite holds on
 * a file of its own, which the operating system gives back when the process ends, however it ends. It needs
 * a file system with working locks: a local one, not every network share.
 */
export class FolderLock {
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Takes the lock, or throws StoreUnavailable that names the folder and what is wrong with it. */
  static take(folder: string): FolderLock {
    let database: DatabaseSync | undefined;
    try {
      // SQLite would open a lock that is there already for reading only, and lock that.
      accessSync(folder, constants.W_OK);
      database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
      database.exec("BEGIN EXCLUSIVE");
      return new FolderLock(database);
    } catch (error) {
      database?.close();
      throw new StoreUnavailable(whyNot(folder, error), { cause: error });
    }
  }

  release(): void {
    this.#database.close();
  }
}

function whyNot(folder: string, error: unknown): string {
  const isHeld = error instanceof Error && "errcode" in error && error.errcode === busyCode;
  if (isHeld) return `another server has the folder ${folder} open: stop it, or choose another folder`;
  const told = error instanceof Error ? error.message : String(error);
  return `the folder ${folder} cannot be written to (${told}): make it writable, or choose another folder`;
}

/** SQLITE_BUSY: somebody else has the lock. */
const busyCode = 5;
