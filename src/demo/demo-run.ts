import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasRunEnded, RefusedError, type SignalboxClient } from "../client/client.ts";
import { planDemo } from "./plan-demo.ts";

/** The run that the demo is about. */
export interface DemoRun {
  readonly runId: string;
  /** True if it was there before and had not ended: the demo goes on with it. */
  readonly isOld: boolean;
}

/** What a new run is about. */
export interface DemoRunOptions {
  /** The demo's folder, where the id of its last run is kept. */
  readonly data: string;
  readonly root: string;
  readonly paths: readonly string[];
}

/**
 * Goes on with the last run of this folder if it has not ended, else creates one. The id is written down
 * before the run is created under it: whenever the demo is killed, the next one finds the run.
 */
export async function openRun(client: SignalboxClient, options: DemoRunOptions): Promise<DemoRun> {
  const notes = join(options.data, "last-run.json");
  const last = await readLast(client, notes);
  if (last !== undefined) return { runId: last, isOld: true };
  const runId = `demo-${Date.now().toString(36)}`;
  mkdirSync(options.data, { recursive: true });
  writeFileSync(notes, `${JSON.stringify({ runId })}\n`);
  await client.runs.create({
    runId,
    labels: { demo: "manifest" },
    plan: planDemo(options.root, options.paths),
  });
  return { runId, isOld: false };
}

async function readLast(client: SignalboxClient, notes: string): Promise<string | undefined> {
  let runId: string;
  try {
    runId = (JSON.parse(readFileSync(notes, "utf8")) as { runId: string }).runId;
  } catch {
    return undefined;
  }
  try {
    return hasRunEnded((await client.runs.get(runId)).state) ? undefined : runId;
  } catch (error) {
    if (error instanceof RefusedError && error.reason === "RUN_NOT_FOUND") return undefined;
    throw error;
  }
}
