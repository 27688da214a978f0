import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DatabaseContents } from "./store/embedded/backup/database-check.ts";
import { BackupError } from "./store/embedded/backup/files.ts";
import { type Restored, restoreBackup } from "./store/embedded/backup/restore-backup.ts";
import { takeBackup } from "./store/embedded/backup/take-backup.ts";
import { StoreUnavailable } from "./store/store.ts";

/** A backup that was taken. */
export interface TakenBackup extends DatabaseContents {
  readonly file: string;
  readonly sizeBytes: number;
}

/**
 * Takes a backup of a data folder, while a server runs on it or not. `to` is the file, or a folder in which
 * one is made that is named by the time. See `takeBackup`.
 */
export async function backUp(data: string, to: string, nowMs: number): Promise<TakenBackup> {
  const target = resolve(to);
  const isFolder = existsSync(target) && statSync(target).isDirectory();
  const file = isFolder ? join(target, `signalbox-${fileTimeOf(nowMs)}.db`) : target;
  const contents = await takeBackup({ folder: resolve(data), file });
  return { ...contents, file, sizeBytes: statSync(file).size };
}

/** Puts a backup into a data folder that holds nothing. See `restoreBackup`. */
export async function restore(from: string, data: string, nowMs: number): Promise<Restored> {
  return await restoreBackup({ from: resolve(from), folder: resolve(data), nowMs });
}

/** True for what is for whoever gave the order to mend. */
export function isBackupFault(error: unknown): error is Error {
  return error instanceof BackupError || error instanceof StoreUnavailable || hasCode(error);
}

/** Errors of the file system, such as a folder that is not there or may not be written to. */
function hasCode(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/** A time that may stand in the name of a file: `20250131T120000Z`. */
function fileTimeOf(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d+/g, "");
}
