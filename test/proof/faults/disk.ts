import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "../../support/random.ts";
import { losePower } from "./power-loss.ts";

/** What a disk can be told to do, as numbers of `errno`. */
export const errorNumbers = { EIO: 5, ENOSPC: 28, EROFS: 30 } as const;

/** What is to fail, from the moment it is said. */
export interface DiskFault {
  /** fsync and fdatasync. */
  readonly sync?: keyof typeof errorNumbers;
  /** Only syncs of the database itself fail, not those of its log. */
  readonly sparesLog?: boolean;
  /** write, pwrite and ftruncate. */
  readonly write?: keyof typeof errorNumbers;
  /** Half of what is to be written is written before it fails. */
  readonly isTorn?: boolean;
  /** Opening a file for writing. */
  readonly open?: keyof typeof errorNumbers;
  /** So many calls that would fail work first. */
  readonly after?: number;
}

/** Compiles the library that makes disks fail; answers its path, or why it cannot be had here. */
export function buildDiskFaults(folder: string): { readonly library: string } | { readonly missing: string } {
  const library = join(folder, "disk-faults.so");
  const source = join(import.meta.dirname, "disk-faults.c");
  const flags = ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, source, "-ldl", "-lpthread"];
  if (process.platform !== "linux") return { missing: "it is made for Linux" };
  const built = spawnSync("gcc", flags, { encoding: "utf8" });
  if (built.error !== undefined) return { missing: `gcc cannot be run (${built.error.message})` };
  if (built.status !== 0) return { missing: `gcc failed: ${built.stderr}` };
  const probe = spawnSync(process.execPath, ["-e", ""], { env: { ...process.env, LD_PRELOAD: library } });
  if (probe.status !== 0) return { missing: `node does not run with it (${String(probe.stderr)})` };
  return { library };
}

/** A disk under one folder, which fails when it is told to, and whose power can be cut. */
export class FaultyDisk {
  /** The environment of a process that writes to it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #control: string;
  readonly #journal: string | undefined;
  readonly #folder: string;

  /** `scratch` is outside of the folder; `keepsJournal` makes `losePower` possible. */
  constructor(options: {
    readonly library: string;
    readonly folder: string;
    readonly scratch: string;
    readonly keepsJournal: boolean;
  }) {
    mkdirSync(options.folder, { recursive: true });
    this.#folder = realpathSync(options.folder);
    this.#control = join(options.scratch, "disk-control");
    this.#journal = options.keepsJournal ? join(options.scratch, "disk-journal") : undefined;
    writeFileSync(this.#control, Buffer.alloc(64));
    if (this.#journal !== undefined) writeFileSync(this.#journal, "");
    this.environment = {
      LD_PRELOAD: options.library,
      PROOF_DISK_CONTROL: this.#control,
      PROOF_DISK_FOLDER: this.#folder,
      ...(this.#journal === undefined ? {} : { PROOF_DISK_JOURNAL: this.#journal }),
    };
  }

  /** Lets it fail from here on. */
  arm({ sync, sparesLog = false, write, isTorn = false, open, after = 0 }: DiskFault): void {
    // What counts down goes first, so that nothing fails too early.
    this.#set(4, after);
    this.#set(8, sparesLog ? 1 : 0);
    this.#set(2, isTorn ? 1 : 0);
    this.#set(3, open === undefined ? 0 : errorNumbers[open]);
    this.#set(1, write === undefined ? 0 : errorNumbers[write]);
    this.#set(0, sync === undefined ? 0 : errorNumbers[sync]);
  }

  /** Lets everything work again. */
  disarm(): void {
    this.arm({});
  }

  /** How many calls have failed so far. */
  get injectedCount(): number {
    return this.#get(5);
  }

  /** How many syncs have worked so far. */
  get syncedCount(): number {
    return this.#get(6);
  }

  /** What a disk may hold after the power went; the process that writes must be gone. */
  losePower(random: Random): number {
    if (this.#journal === undefined) throw new Error("this disk keeps no journal");
    return losePower(this.#journal, this.#folder, random);
  }

  #get(index: number): number {
    return readFileSync(this.#control).readInt32LE(index * 4);
  }

  #set(index: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    const descriptor = openSync(this.#control, "r+");
    writeSync(descriptor, bytes, 0, 4, index * 4);
    closeSync(descriptor);
  }
}
