import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type {
  FromGenerator,
  FromReader,
  FromWorker,
  ToFleet,
  ToGenerator,
  ToReader,
  ToWorker,
} from "./messages.ts";

/** How long anything may take to say what is waited for, in milliseconds. */
const patienceMs = 600_000;

/** A clock tick of `/proc/PID/stat` on Linux, in microseconds: 100 a second. */
const tickUs = 10_000;

/** A process of the benchmark, by the part that it plays. */
export class Part {
  readonly name: string;
  readonly child: ChildProcess;
  #isEnding = false;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    // Whatever ends the benchmark leaves nothing running.
    const kill = (): void => void child.kill("SIGKILL");
    process.once("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    child.once("exit", (code, signal) => {
      if (this.#isEnding) return;
      process.stderr.write(`the ${name} ended by itself (${code ?? signal})\n`);
      process.exit(1);
    });
  }

  /** The CPU that all its threads have used since it started, in microseconds: user and system time. */
  cpuUs(): number {
    return readCpuUs(`/proc/${this.child.pid}/stat`);
  }

  /** The part of it that threads of a name have used. */
  threadCpuUs(name: string): number {
    const threads = readdirSync(`/proc/${this.child.pid}/task`).map(
      (id) => `/proc/${this.child.pid}/task/${id}`,
    );
    const named = threads.filter((thread) => readFileSync(`${thread}/comm`, "utf8").trim() === name);
    return named.reduce((sum, thread) => sum + readCpuUs(`${thread}/stat`), 0);
  }

  /** Asks it to end by what is called, and waits until it has. */
  async end(ask: () => void): Promise<void> {
    this.#isEnding = true;
    const exited = once(this.child, "exit");
    ask();
    await exited;
  }
}

function readCpuUs(path: string): number {
  const stat = readFileSync(path, "utf8");
  // The name of the process stands in brackets and may hold spaces; utime and stime are the 14th and 15th
  // field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickUs;
}

/** A process that is spoken to. */
export class Conversation<To extends object, From extends { readonly kind: string }> extends Part {
  readonly #heard: From[] = [];
  readonly #waiting: { readonly kind: string; readonly resolve: (message: From) => void }[] = [];

  constructor(name: string, child: ChildProcess) {
    super(name, child);
    child.on("message", (message) => {
      const heard = message as From;
      const index = this.#waiting.findIndex(({ kind }) => kind === heard.kind);
      if (index < 0) this.#heard.push(heard);
      else this.#waiting.splice(index, 1)[0]?.resolve(heard);
    });
  }

  /** Says something. */
  say(message: To): void {
    this.child.send(message);
  }

  /** Waits for the next message of a kind. */
  hear<K extends From["kind"]>(kind: K): Promise<Extract<From, { readonly kind: K }>> {
    type Wanted = Extract<From, { readonly kind: K }>;
    const index = this.#heard.findIndex((message) => message.kind === kind);
    if (index >= 0) return Promise.resolve(this.#heard.splice(index, 1)[0] as Wanted);
    const { promise, resolve, reject } = Promise.withResolvers<Wanted>();
    const timer = setTimeout(
      () => reject(new Error(`the ${this.name} did not say ${kind} in ${patienceMs} ms`)),
      patienceMs,
    );
    const settle = (message: From): void => {
      clearTimeout(timer);
      resolve(message as Wanted);
    };
    this.#waiting.push({ kind, resolve: settle });
    return promise;
  }

  /** Asks it to stop and waits until it has. */
  stop(): Promise<void> {
    return this.end(() => this.child.send({ kind: "stop" }));
  }
}

/** How a process is started. */
export interface StartOptions {
  readonly flags: readonly string[];
}

/** A server on a folder of its own, and where it listens. */
export async function startServer(
  data: string,
  { flags }: StartOptions,
): Promise<{ readonly part: Part; readonly address: string }> {
  const script = fileURLToPath(new URL("../src/main.ts", import.meta.url));
  const args = ["--data", data, "--port", "0", "--log-level", "warn"];
  const child = spawn(process.execPath, [...flags, script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const part = new Part("server", child);
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^signalbox listens on (\S+)$/.exec(line)?.[1];
    if (address === undefined) continue;
    child.stdout.resume();
    return { part, address };
  }
  throw new Error("the server ended before it listened");
}

/** The process that submits, ready to do so. */
export async function startGenerator(address: string, { flags }: StartOptions) {
  const child = forkPart("load-generator.ts", [address], flags);
  const generator = new Conversation<ToGenerator, FromGenerator>("generator", child);
  await generator.hear("ready");
  return generator;
}

/** The process that executes, not yet attached. */
export async function startWorker(
  address: string,
  { flags, op, concurrency }: StartOptions & { readonly op: string; readonly concurrency: number },
) {
  const child = forkPart("task-worker.ts", [address, op, String(concurrency)], flags);
  const worker = new Conversation<ToWorker, FromWorker>("worker", child);
  await worker.hear("ready");
  return worker;
}

/** The process that plays many workers, none of them attached yet. */
export async function startFleet(
  address: string,
  { flags, workers, credit }: StartOptions & { readonly workers: number; readonly credit: number },
) {
  const child = forkPart("placement/fleet.ts", [address, String(workers), String(credit)], flags);
  const fleet = new Conversation<ToFleet, FromWorker>("fleet", child);
  await fleet.hear("ready");
  return fleet;
}

/** The process that follows the feed, not yet following. */
export async function startReader(address: string, { flags }: StartOptions) {
  const child = forkPart("feed/feed-reader.ts", [address], flags);
  const reader = new Conversation<ToReader, FromReader>("reader", child);
  await reader.hear("ready");
  return reader;
}

function forkPart(file: string, args: readonly string[], flags: readonly string[]): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: [...flags],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
}
