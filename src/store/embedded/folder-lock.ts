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

  /** Takes the lock, or throws StoreUnavailable naming the folder if somebody has it. */
  static take(folder: string): FolderLock {
    const database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
    try {
      database.exec("BEGIN EXCLUSIVE");
      return new FolderLock(database);
    } catch (error) {
      database.close();
      throw new StoreUnavailable(
        `another server has the folder ${folder} open: stop it, or choose another folder`,
        {
          cause: error,
        },
      );
    }
  }

  release(): void {
    this.#database.close();
  }
}
