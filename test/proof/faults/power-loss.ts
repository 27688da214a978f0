import { closeSync, ftruncateSync, openSync, readFileSync, rmSync, truncateSync, writeSync } from "node:fs";
import type { Random } from "../../support/random.ts";

/** A write, or the cutting off of a file's end, that no sync has followed. */
interface Unsynced {
  readonly kind: "W" | "T";
  readonly path: string;
  readonly offset: number;
  readonly sizeBefore: number;
  readonly before: Buffer;
  readonly after: Buffer;
}

/** 40 bytes before each record; see `struct head` in disk-faults.c. */
const headLength = 40;
/** 512 bytes: what a disk writes whole or not at all. */
const sectorLength = 512;

/**
 * Makes the files of a folder what a disk may hold after the power went: of what was written since each file
 * was last synced, nothing, the first part, or any choice of writes and sectors survives. The process that
 * wrote must be gone. Answers how many writes were not synced.
 */
export function losePower(journal: string, folder: string, random: Random): number {
  const unsynced = readUnsynced(journal);
  for (const entry of unsynced.toReversed()) undo(entry);
  const mode = random.pick(["nothing", "the first part", "any choice"] as const);
  const first = random.below(unsynced.length + 1);
  for (const [index, entry] of unsynced.entries()) {
    if (mode === "the first part" && index < first) redo(entry, () => true);
    if (mode === "any choice" && random.percent(60)) redo(entry, () => random.percent(80));
  }
  truncateSync(journal);
  // What is shared in memory has no file behind it when the power is back.
  rmSync(`${folder}/signalbox.db-shm`, { force: true });
  return unsynced.length;
}

function readUnsynced(journal: string): readonly Unsynced[] {
  const bytes = readFileSync(journal);
  let unsynced: Unsynced[] = [];
  for (let at = 0; at + headLength <= bytes.length; ) {
    const kind = String.fromCharCode(bytes.readUInt8(at));
    const pathLength = bytes.readUInt32LE(at + 4);
    const offset = Number(bytes.readBigUInt64LE(at + 8));
    const sizeBefore = Number(bytes.readBigUInt64LE(at + 16));
    const beforeLength = Number(bytes.readBigUInt64LE(at + 24));
    const afterLength = Number(bytes.readBigUInt64LE(at + 32));
    const end = at + headLength + pathLength + beforeLength + afterLength;
    // The process was killed while it wrote this record, and so before the write itself.
    if (end > bytes.length) break;
    const pathEnd = at + headLength + pathLength;
    const path = bytes.toString("utf8", at + headLength, pathEnd);
    const before = bytes.subarray(pathEnd, pathEnd + beforeLength);
    const after = bytes.subarray(pathEnd + beforeLength, end);
    at = end;
    if (kind === "S") unsynced = unsynced.filter((entry) => entry.path !== path);
    else unsynced.push({ kind: kind as "W" | "T", path, offset, sizeBefore, before, after });
  }
  return unsynced;
}

function undo({ path, offset, sizeBefore, before }: Unsynced): void {
  change(path, (descriptor) => {
    writeSync(descriptor, before, 0, before.length, offset);
    ftruncateSync(descriptor, sizeBefore);
  });
}

function redo({ kind, path, offset, after }: Unsynced, survives: () => boolean): void {
  change(path, (descriptor) => {
    if (kind === "T") {
      if (survives()) ftruncateSync(descriptor, offset);
      return;
    }
    for (let at = 0; at < after.length; ) {
      // Sectors lie where the disk has them, not where the write began.
      const length = Math.min(sectorLength - ((offset + at) % sectorLength), after.length - at);
      if (survives()) writeSync(descriptor, after, at, length, offset + at);
      at += length;
    }
  });
}

function change(path: string, act: (descriptor: number) => void): void {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r+");
  } catch {
    // It was removed since.
    return;
  }
  try {
    act(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
