import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { StoreUnavailable } from "../store.ts";
import type { FromThread, ThreadStart } from "./messages.ts";

/** A thread that runs, and what it found. */
export interface StartedThread {
  readonly thread: Worker;
  readonly opened: Extract<FromThread, { readonly kind: "opened" }>;
}

/** Modules are `.ts` as they are written and `.js` as they are published. */
export const moduleEnding = import.meta.url.endsWith(".ts") ? "ts" : "js";

/** 64 MiB for what is young: what a batch leaves behind is garbage before it would be moved and kept. */
const youngMebibytes = 64;

/** Starts the thread of a store, which opens the database. Throws StoreUnavailable if it cannot. */
export async function startThread(start: ThreadStart): Promise<StartedThread> {
  const thread = new Worker(new URL(`./write/thread.${moduleEnding}`, import.meta.url), {
    name: "signalbox-store",
    workerData: start,
    resourceLimits: { maxYoungGenerationSizeMb: youngMebibytes },
  });
  const { promise, resolve, reject } = Promise.withResolvers<FromThread>();
  const noteExit = (): void => {
    reject(new Error("the thread of the store ended before it had opened"));
  };
  thread.once("message", resolve).once("error", reject).once("exit", noteExit);
  try {
    const opened = await promise;
    if (opened.kind !== "opened") throw new Error(`the thread said ${opened.kind} first`);
    return { thread, opened };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new StoreUnavailable(`the store in ${start.folder} cannot be opened: ${message}`, { cause: error });
  } finally {
    thread.off("error", reject).off("exit", noteExit);
  }
}

/** Makes a folder if it is not there, so that it is still there after a power failure. */
export function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined || process.platform === "win32") return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) syncFolder(dirname(made));
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
