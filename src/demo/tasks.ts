import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** What one file comes to in the manifest. `lines` counts line ends, as `wc -l` does. */
export interface Measured {
  readonly path: string;
  readonly bytes: number;
  readonly lines: number;
  readonly sha256: string;
}

/** Reads a file once, piece by piece, and says each whole percent that it comes to. */
export async function measure(
  root: string,
  path: string,
  { signal, onProgress }: { readonly signal: AbortSignal; onProgress(percent: number): void },
): Promise<Measured> {
  const file = join(root, path);
  const { size } = await stat(file);
  const hash = createHash("sha256");
  let bytes = 0;
  let lines = 0;
  let told = 0;
  for await (const piece of createReadStream(file, { signal }) as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
    for (const byte of piece) if (byte === 0x0a) lines += 1;
    const percent = Math.min(100, Math.floor((100 * bytes) / size));
    if (size > piece.length && percent > told) {
      told = percent;
      onProgress(percent);
    }
  }
  return { path, bytes, lines, sha256: hash.digest("hex") };
}

/** Writes the manifest of what was measured, in order of path, and returns how many files it lists. */
export async function writeManifest(file: string, measured: readonly Measured[]): Promise<number> {
  const rows = measured
    .map(({ path, bytes, lines, sha256 }) => ({ path, bytes, lines, sha256 }))
    .sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(`${file}.part`, `${JSON.stringify(rows, undefined, 2)}\n`);
  await rename(`${file}.part`, file);
  return rows.length;
}

/** Puts a draft in its public place; doing it twice is the same as once. */
export async function publish(draft: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await copyFile(draft, `${file}.part`);
  await rename(`${file}.part`, file);
}
