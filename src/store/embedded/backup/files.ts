import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";

/** A backup cannot be taken or put back; the message says why, and where possible what to do. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

/** Makes an empty file that only its owner can read: a backup has the secrets of webhooks. */
export function createPrivateFile(path: string): void {
  closeSync(openSync(path, "w", 0o600));
}

/** Removes a database that is not finished, with what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const ending of ["", "-journal", "-wal", "-shm"]) rmSync(`${path}${ending}`, { force: true });
}

/** Gives a finished file its name: it is there whole or not at all. BackupError if the name is taken. */
export function publishFile(path: string, name: string): void {
  sync(path, "r+");
  try {
    linkSync(path, name);
    rmSync(path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new BackupError(`${name} is there already: choose another name`);
    // A file system without links: who else would take the name now does not heed that it was free.
    renameSync(path, name);
  }
  // Folders cannot be opened on Windows.
  if (process.platform !== "win32") sync(dirname(name), "r");
}

/** The code of a system error, such as `ENOENT`. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function sync(path: string, flags: "r" | "r+"): void {
  const descriptor = openSync(path, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
