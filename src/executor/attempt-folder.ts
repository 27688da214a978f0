import { constants } from "node:fs";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ProgramFailed, ProgramFailedForGood } from "./attempt-failure.ts";
import { outputsFileBytesMax } from "./executor-limits.ts";
import { fromJsonObjectText } from "./json-values.ts";

/**
 * The folder of one attempt, for nobody but the worker's user: `inputs.json`, what the program writes to
 * `outputs.json`, and `work`, where it runs unless it has a folder of its own.
 */
export interface AttemptFolder {
  readonly path: string;
  readonly inputsFile: string;
  readonly outputsFile: string;
  readonly workFolder: string;
}

/** Makes the folder of an attempt inside of `root`, with its inputs. */
export async function openAttemptFolder(
  root: string,
  { name, inputsText }: { readonly name: string; readonly inputsText: string },
): Promise<AttemptFolder> {
  try {
    const path = await mkdtemp(join(root, `${name.replace(/[^A-Za-z0-9._-]/g, "-").slice(0, 150)}-`));
    const folder = placesIn(path);
    await mkdir(folder.workFolder);
    await writeFile(folder.inputsFile, inputsText);
    return folder;
  } catch (error) {
    throw new ProgramFailed("FolderFailed", `the attempt has no folder: ${messageOf(error)}`);
  }
}

/** The paths in an attempt's folder, which may be known by another path inside of a container. */
export function placesIn(path: string): AttemptFolder {
  return {
    path,
    inputsFile: join(path, "inputs.json"),
    outputsFile: join(path, "outputs.json"),
    workFolder: join(path, "work"),
  };
}

/**
 * The outputs that the program wrote, by name; undefined if it wrote none. Throws OutputInvalid or
 * OutputTooLarge, for good. What is not a plain file is never waited for, and links are not followed.
 */
export async function readOutputs({
  outputsFile,
}: AttemptFolder): Promise<Record<string, unknown> | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(outputsFile, flags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new ProgramFailedForGood("OutputInvalid", `the outputs file cannot be read: ${error.message}`);
  });
  if (file === undefined) {
    return undefined;
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) {
      throw new ProgramFailedForGood("OutputInvalid", "the outputs file is no plain file");
    }
    if (stat.size > outputsFileBytesMax) {
      const size = `the outputs file has ${stat.size} bytes, and at most ${outputsFileBytesMax} may be`;
      throw new ProgramFailedForGood("OutputTooLarge", `${size}; keep it elsewhere and put out a $reference`);
    }
    return parseOutputs(await file.readFile());
  } finally {
    await file.close();
  }
}

/** Removes an attempt's folder with all that is in it. Resolves to why that failed, or undefined. */
export async function removeAttemptFolder({ path }: AttemptFolder): Promise<string | undefined> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function parseOutputs(bytes: Buffer): Record<string, unknown> {
  try {
    return fromJsonObjectText(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ProgramFailedForGood("OutputInvalid", `the outputs file is wrong: ${messageOf(error)}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
