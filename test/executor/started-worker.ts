import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { temporaryFolder, until } from "./support.ts";

const command = join(import.meta.dirname, "../../bin/signalbox.js");

/** A `signalbox worker` in a process of its own, and what it says. */
export interface StartedWorker {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly said: { out: string; notes: string };
  /** Where it makes its folder. */
  readonly folders: string;
  readonly exited: Promise<number | null>;
}

/** Starts the command for a server, and waits until it is attached. */
export async function startWorkerOf(
  url: string,
  args: readonly string[],
  { cwd = temporaryFolder() }: { readonly cwd?: string } = {},
): Promise<StartedWorker> {
  const folders = temporaryFolder();
  const [options, program] = [args.slice(0, args.indexOf("--")), args.slice(args.indexOf("--"))];
  const all = args.includes("--")
    ? ["worker", ...options, "--folders", folders, ...program]
    : ["worker", ...args, "--folders", folders];
  const child = spawn(process.execPath, [command, ...all], {
    cwd,
    env: { ...process.env, SIGNALBOX_SERVER: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", notes: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.notes += text;
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await until(() => said.out.includes(" is attached to "), `the worker's attach; it said: ${said.notes}`);
  return { child, said, folders, exited };
}
