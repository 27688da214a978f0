import { createHash } from "node:crypto";
import { mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { dirname, relative, sep } from "node:path";
import type { HttpRequest } from "../../carrier/port.ts";
import { syncFolder } from "../blobs.ts";
import type { Place } from "./place.ts";

/** An upload that is not taken, with the status that says so. */
export class UploadRefused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "UploadRefused";
    this.status = status;
  }
}

/** Where an upload goes. */
export interface Target {
  /** The file that it becomes. */
  readonly file: string;
  /** What it is until it is whole. */
  readonly draft: string;
  /** The folder that it must stay in, wherever links lead. */
  readonly folder: string;
  readonly place: Place;
}

/**
 * Takes the body of a request as a file, which is there whole and for good when this resolves. Throws
 * UploadRefused for one that is too long or whose MD5 is another one than was said.
 */
export async function receiveFile(
  request: HttpRequest,
  { file, draft, folder, place }: Target,
): Promise<void> {
  const { sizeBytesMax } = place;
  const tooLong = () => new UploadRefused(413, `the file is longer than ${sizeBytesMax} bytes`);
  if (Number(request.headers["content-length"] ?? 0) > sizeBytesMax) throw tooLong();
  try {
    const digest = createHash("md5");
    let sizeBytes = 0;
    const output = await open(draft, "wx");
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        sizeBytes += chunk.byteLength;
        if (sizeBytes > sizeBytesMax) throw tooLong();
        digest.update(chunk);
        await output.writeFile(chunk);
      }
      await output.sync();
    } finally {
      await output.close();
    }
    checkMd5(digest.digest(), [place.md5, String(request.headers["content-md5"] ?? "")]);
    await mkdir(dirname(file), { recursive: true });
    await checkWithin(dirname(file), folder);
    await rename(draft, file);
    await syncFolder(dirname(file));
  } finally {
    await rm(draft, { force: true });
  }
}

function checkMd5(md5: Buffer, said: readonly string[]): void {
  for (const wanted of said) {
    if (wanted !== "" && !md5.equals(Buffer.from(wanted, "base64"))) {
      throw new UploadRefused(400, "the MD5 of the file is not the one that was said");
    }
  }
}

async function checkWithin(path: string, folder: string): Promise<void> {
  const way = relative(await realpath(folder), await realpath(path));
  if (way === ".." || way.startsWith(`..${sep}`)) throw new UploadRefused(403, "the address is not valid");
}
