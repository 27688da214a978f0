import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { fileURLToPath } from "node:url";
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Reference } from "../../worker/worker.ts";
import { ProgramFailed, ProgramFailedForGood } from "../attempt-failure.ts";
import { specBytesMax } from "../executor-limits.ts";

/** The path of a plain path or of a `file://` URI; undefined for what is kept elsewhere. */
export function toPlainPath(uri: string): string | undefined {
  if (uri.includes("\0")) return undefined;
  if (!/^file:\/\//i.test(uri)) return isAbsolute(uri) ? uri : undefined;
  try {
    return fileURLToPath(uri);
  } catch {
    return undefined;
  }
}

/** The bytes of a file; undefined if there is none. Throws a RangeError for one of more than `bytesMax`. */
export async function readPlainFile(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    if (size > bytesMax) {
      throw new RangeError(`${path} has ${size} bytes, and at most ${bytesMax} may be`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * The message that a reference leads to. Throws SpecMissing if the file cannot be read, which another worker
 * may be able to, and SpecInvalid, for good, if it is not what was meant.
 */
export async function readReferred<Desc extends DescMessage>(
  schema: Desc,
  { uri, sha256 }: Reference,
): Promise<MessageShape<Desc>> {
  const bytes = await readSpecFile(uri);
  if (sha256 !== "" && createHash("sha256").update(bytes).digest("hex") !== sha256) {
    throw new ProgramFailedForGood("SpecInvalid", `${uri} is not what it was when it was referred to`);
  }
  try {
    return fromBinary(schema, bytes);
  } catch (error) {
    throw new ProgramFailedForGood("SpecInvalid", `${uri} is no ${schema.typeName}: ${String(error)}`);
  }
}

async function readSpecFile(uri: string): Promise<Uint8Array> {
  const path = toPlainPath(uri);
  if (path === undefined) {
    throw new ProgramFailedForGood("SpecInvalid", `${uri} is no file of a machine`);
  }
  const shares = "a worker for Flyte shares the server's folder";
  const bytes = await readPlainFile(path, specBytesMax).catch((error: unknown) => {
    throw new ProgramFailed("SpecMissing", `${uri} cannot be read: ${String(error)}; ${shares}`);
  });
  if (bytes !== undefined) return bytes;
  throw new ProgramFailed("SpecMissing", `there is no file ${uri}; ${shares}`);
}
