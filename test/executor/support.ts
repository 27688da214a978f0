import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { JsonObject } from "@bufbuild/protobuf";
import { onTestFinished } from "vitest";
import type { AttemptReport } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { fromValues, type JsValues } from "../../src/client/js-value.ts";
import { readConfig } from "../../src/executor/config/read-config.ts";
import { Executor } from "../../src/executor/executor.ts";
import { assignment, type ScriptedStream, startWorkerScript, within } from "../client/worker-script.ts";

/** 10 s for a condition to become true; what a test waits for takes a fraction of it. */
const patienceMs = 10_000;

/** A folder of a test's own, removed with it. */
export function temporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "signalbox-executor-test-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** How an executor is opened. */
export interface OpenOptions {
  /** Fields of the config beside the op. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly base?: string;
}

/** An executor of a scripted server, attached, whose op `work` is run as said. */
export async function openExecutor(op: Readonly<Record<string, unknown>>, options: OpenOptions = {}) {
  const server = await startWorkerScript();
  const folders = temporaryFolder();
  const environment = { PATH: process.env["PATH"], SECRET: "not to be seen", ...options.environment };
  const read = readConfig(
    { folders, ops: { work: op }, ...options.config },
    { base: options.base ?? folders, environment, place: "config" },
  );
  if (!read.ok) throw new Error(read.mistakes.join("\n"));
  const lines: string[] = [];
  const note = (facts: object, sentence: string) => void lines.push(`${sentence} ${JSON.stringify(facts)}`);
  const executor = await Executor.start({
    config: read.config,
    address: server.address,
    namespace: "default",
    token: "",
    environment,
    log: { debug: note, info: note, warn: note, error: note },
  });
  onTestFinished(async () => {
    await executor.stop({ graceMs: 0 }).catch(() => undefined);
    await server.stop();
  });
  const stream = await server.stream();
  stream.attached();
  await within(executor.attached, "answer to start");
  return { server, executor, stream, folders, lines };
}

/** What an attempt reported. */
export interface Story {
  readonly logs: { readonly level: number; readonly message: string }[];
  readonly progress: { readonly percent: number; readonly message: string }[];
  readonly events: { readonly type: string; readonly attributes: Readonly<Record<string, string>> }[];
  heartbeatCount: number;
  outputs?: JsValues;
  /** How it failed. */
  failed?: {
    readonly type: string;
    readonly message: string;
    readonly stack: string;
    readonly nonRetryable: boolean;
  };
  /** What it was doing when it stopped. */
  stopped?: string;
}

/** Reads and records what is reported until the attempt has ended. */
export async function readStory(stream: ScriptedStream): Promise<Story> {
  const story: Story = { logs: [], progress: [], events: [], heartbeatCount: 0 };
  while (!tell(story, await recordNext(stream)));
  return story;
}

/** Records the next report. */
export async function recordNext(stream: ScriptedStream): Promise<AttemptReport> {
  const report = await stream.report();
  stream.record(report);
  return report;
}

/** The next event of a program; what it reports before is recorded and left alone. */
export async function nextEvent(stream: ScriptedStream) {
  for (;;) {
    const { content } = await recordNext(stream);
    if (content.case === "event") return content.value;
    if (content.case === "failed" || content.case === "succeeded" || content.case === "stopped") {
      throw new Error(`the attempt ended before: ${JSON.stringify(content.value)}`);
    }
  }
}

/** Runs one attempt to its end. */
export async function runOnce(
  op: Readonly<Record<string, unknown>>,
  assigned: Parameters<typeof assignment>[1] = {},
  options: OpenOptions = {},
): Promise<Story> {
  const { stream } = await openExecutor(op, options);
  stream.assign(assignment("main", assigned));
  return await readStory(stream);
}

/** Cancels the attempt of an action. */
export function cancel(stream: ScriptedStream, action: string, graceMs = 60_000): void {
  const { attempt } = assignment(action);
  const grace = { seconds: BigInt(Math.floor(graceMs / 1_000)), nanos: 0 };
  stream.send({
    case: "cancel",
    value: { attempts: [{ ...(attempt && { attempt }), grace, cause: "enough" }] },
  });
}

/** A program of this very Node. */
export function node(script: string, ...args: string[]): { readonly argv: readonly string[] } {
  return { argv: [process.execPath, "-e", script.replaceAll("{", "{{").replaceAll("}", "}}"), ...args] };
}

/** A shell script. */
export function sh(script: string, ...args: string[]): { readonly argv: readonly string[] } {
  return { argv: ["sh", "-c", script.replaceAll("{", "{{").replaceAll("}", "}}"), "sh", ...args] };
}

/** A line of a program that is a directive. */
export function directive(json: JsonObject): string {
  return `::signalbox ${JSON.stringify(json)}`;
}

/** Resolves when the condition holds; fails with what was waited for if it does not in time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endsAt = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > endsAt) throw new Error(`not in time: ${what}`);
    await delay(10);
  }
}

/** True if a process runs; one that has ended and is not yet collected does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2)[0] !== "Z";
  } catch {
    return process.platform !== "linux";
  }
}

/** The names of what is in the worker's own folder; nothing if it has none any more. */
export function foldersOf(folders: string): string[] {
  return readdirSync(folders).flatMap((worker) =>
    readdirSync(join(folders, worker)).map((attempt) => join(folders, worker, attempt)),
  );
}

function tell(story: Story, { content }: AttemptReport): boolean {
  switch (content.case) {
    case "log":
      story.logs.push(content.value);
      return false;
    case "progress":
      story.progress.push(content.value);
      return false;
    case "event":
      story.events.push(content.value);
      return false;
    case "heartbeat":
      story.heartbeatCount += 1;
      return false;
    case "succeeded":
      story.outputs = fromValues(content.value.outputs);
      return true;
    case "failed":
      story.failed = content.value;
      return true;
    case "stopped":
      story.stopped = content.value.message;
      return true;
    default:
      throw new Error(`an unknown report: ${content.case}`);
  }
}
