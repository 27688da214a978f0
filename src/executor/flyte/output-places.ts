import { mkdir, rm, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { ProgramFailed, ProgramFailedForGood } from "../attempt-failure.ts";
import { toPlainPath } from "./plain-file.ts";

/** Where one attempt puts what it puts out. */
export interface OutputPlaces {
  /** The base of all attempts of the run. */
  readonly runBase: string;
  /** `<run base>/<action>/<attempt>`, which is there. */
  readonly prefix: string;
  readonly rawData: string;
  readonly checkpoint: string;
  /** The checkpoint of the last attempt that wrote one; empty if none did. */
  readonly prevCheckpoint: string;
  readonly errorFile: string;
  readonly outputsFile: string;
}

/** Whose places they are. */
export interface PlacesOf {
  readonly runOutputBase: string;
  /** Flyte's name of the action. */
  readonly action: string;
  readonly attempt: number;
  readonly runId: string;
  /** What the places of the run's own files begin with; empty for beside its outputs. */
  readonly rawDataPrefix: string;
}

/**
 * Makes the folder of an attempt. What an earlier process of this very attempt left there to say how it ended
 * is removed. Throws for a place that is no folder of this machine, for good.
 */
export async function openOutputPlaces(of: PlacesOf): Promise<OutputPlaces> {
  const { runOutputBase, action, attempt, runId, rawDataPrefix } = of;
  const runBase = toPlainPath(runOutputBase);
  if (runBase === undefined || action.split("/").includes("..")) {
    const needs = "this worker writes to folders of its machine";
    throw new ProgramFailedForGood("OutputUnsupported", `${runOutputBase}/${action} is none: ${needs}`);
  }
  const prefix = join(runBase, action, String(attempt));
  const rawBase = toPlainPath(rawDataPrefix) ?? rawDataPrefix;
  const rawData =
    rawBase === "" ? join(prefix, "raw") : `${rawBase.replace(/\/$/, "")}/${runId}/${action}/${attempt}`;
  const errorFile = join(prefix, "error.pb");
  const outputsFile = join(prefix, "outputs.pb");
  try {
    await mkdir(prefix, { recursive: true });
    if (isAbsolute(rawData)) await mkdir(rawData, { recursive: true });
    await rm(errorFile, { force: true });
    await rm(outputsFile, { force: true });
    const prevCheckpoint = await findCheckpoint(runBase, action, attempt);
    const checkpoint = checkpointIn(prefix);
    return { runBase, prefix, rawData, checkpoint, prevCheckpoint, errorFile, outputsFile };
  } catch (error) {
    throw new ProgramFailed("FolderFailed", `the attempt has no folder for its outputs: ${String(error)}`);
  }
}

function checkpointIn(prefix: string): string {
  return join(prefix, "checkpoint");
}

/** An attempt that was lost before it wrote one must not hide that of the attempt before it. */
async function findCheckpoint(runBase: string, action: string, attempt: number): Promise<string> {
  for (let earlier = attempt - 1; earlier > 0; earlier -= 1) {
    const path = checkpointIn(join(runBase, action, String(earlier)));
    if (await isThere(path)) return path;
  }
  return "";
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
