import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunKey } from "../../core/name.ts";
import { RecentSet } from "./recent-set.ts";

/** A file that was put. */
export interface Blob {
  /** Where it is, as a plain path: those who work on the same machine read it themselves. */
  readonly uri: string;
  /** Of its bytes, in hexadecimal digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** A file cannot be had: it is outside of the folder, it is not there, or it is too large. */
export class BlobUnreadable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BlobUnreadable";
  }
}

/** 10,000 digests known to be on disk: the specs of tasks that are asked for again and again. */
const knownDigestsMax = 10_000;
/** 24 hours: a file that is not whole by then is of a server that was killed. */
const draftLifetimeMs = 86_400_000;
/** 32 MiB read of one file into memory; what is larger is read by whoever needs it, by its path. */
const readBytesMax = 32 * 1024 * 1024;

/**
 * The files of the facade, in a folder that it shares with workers of this machine.
 *
 * ```
 * specs/<digest>              what was put without a name: specs of tasks and of runs
 * inputs/<digest>/<name>      what was put with one: inputs
 * uploads/<namespace>/...     what clients uploaded
 * runs/<namespace>/<run>/     what the tasks of a run put out, as workers write it
 * drafts/                     files that are not whole yet
 * ```
 *
 * What is put is named by its digest and never changes; it is there for good when `put` answers.
 */
export class Blobs {
  /** An absolute path. */
  readonly folder: string;
  readonly #drafts: string;
  readonly #known = new RecentSet(knownDigestsMax);

  constructor(folder: string) {
    this.folder = resolve(folder);
    this.#drafts = join(this.folder, "drafts");
  }

  /**
   * Keeps bytes, under a name of their own if one is given. The same bytes are kept once, however often they
   * are put. Throws what the file system says.
   */
  async put(bytes: Uint8Array, name = ""): Promise<Blob> {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const uri = this.uriOf(sha256, name);
    const blob = { uri, sha256, sizeBytes: bytes.byteLength };
    if (this.#known.has(uri) || (await hasSize(uri, bytes.byteLength))) {
      this.#known.add(uri);
      return blob;
    }
    const draft = await this.newDraft();
    try {
      await mkdir(dirname(uri), { recursive: true });
      const file = await open(draft, "wx");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, uri);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    await syncFolder(dirname(uri));
    this.#known.add(uri);
    return blob;
  }

  /** The path of a file that is to get its name when it is whole; whoever writes it removes it else. */
  async newDraft(): Promise<string> {
    await mkdir(this.#drafts, { recursive: true });
    return join(this.#drafts, randomUUID());
  }

  /** Removes drafts that nobody finishes any more. */
  async removeOldDrafts(nowMs: number): Promise<void> {
    const names = await readdir(this.#drafts).catch(() => []);
    for (const name of names) {
      const path = join(this.#drafts, name);
      const draft = await stat(path).catch(() => undefined);
      if (draft !== undefined && nowMs - draft.mtimeMs > draftLifetimeMs) await rm(path, { force: true });
    }
  }

  /** Where bytes of a digest are, once they were put. */
  uriOf(sha256: string, name = ""): string {
    return name === "" ? join(this.folder, "specs", sha256) : join(this.folder, "inputs", sha256, name);
  }

  /** The folder of what the tasks of a run put out. It need not be there yet. */
  runFolder(run: RunKey): string {
    return join(this.folder, "runs", run);
  }

  /** The bytes of a file inside the folder, wherever links lead. Throws BlobUnreadable. */
  async read(uri: string): Promise<Uint8Array> {
    const path = await this.pathOf(uri);
    const { size } = await stat(path);
    if (size > readBytesMax) {
      throw new BlobUnreadable(
        `${uri} has ${size} bytes, more than the ${readBytesMax} that are read at once`,
      );
    }
    return readFile(path);
  }

  /** The real path of a file inside the folder. Throws BlobUnreadable. */
  async pathOf(uri: string): Promise<string> {
    const path = plainPath(uri);
    // Said first, so that nobody learns which files there are elsewhere.
    if (path === undefined || !isWithin(path, this.folder)) throw outside(uri);
    try {
      const real = await realpath(path);
      if (!isWithin(real, await realpath(this.folder))) throw outside(uri);
      if (!(await stat(real)).isFile()) throw new BlobUnreadable(`${uri} is no file`);
      return real;
    } catch (error) {
      if (error instanceof BlobUnreadable) throw error;
      throw new BlobUnreadable(`there is no file ${uri}`, { cause: error });
    }
  }
}

function outside(uri: string): BlobUnreadable {
  return new BlobUnreadable(`${uri} is not in the folder that the server keeps files in`);
}

function plainPath(uri: string): string | undefined {
  if (uri === "" || uri.includes("\0")) return undefined;
  if (!/^file:\/\//i.test(uri)) return resolve(uri);
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`);
}

/** Whole files alone get their names, so that one of the right length is the right one. */
async function hasSize(path: string, sizeBytes: number): Promise<boolean> {
  return stat(path).then(
    ({ size }) => size === sizeBytes,
    () => false,
  );
}

/** A file's name is durable once its folder is. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
