import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const mainPath = join(import.meta.dirname, "../../src/main.ts");
/** 20 s: how long a start may take; a cold one on a busy machine takes a fraction of it. */
export const startTimeoutMs = 20_000;
/** 64 KiB of what the process wrote to standard error, for the message when it fails. */
const keptLogLength = 64 * 1024;

/** How to start a server. */
export interface StartedServerOptions {
  /** Flags beside host, port and data, such as `["--lease-ms", "2000"]`. */
  readonly flags?: readonly string[];
  /** A folder that is there already, instead of one of its own; it is removed with the server too. */
  readonly data?: string;
  /** Instead of a free port: that of a server which is there no more. */
  readonly port?: number;
  /** Another script in place of the real one, such as a server with a bug planted in it. */
  readonly script?: string;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * A real server in a process of its own, on a free port of this machine, with its data in a temporary folder.
 * It can be killed and started again over the same data on the same port, as often as a test wants. Whoever
 * starts one removes it.
 */
export class StartedServer {
  readonly data: string;
  readonly #flags: readonly string[];
  readonly #script: string;
  readonly #environment: Readonly<Record<string, string>>;
  #port: number;
  #child: ChildProcess | undefined;
  #log = "";

  private constructor({ flags = [], script = mainPath, environment = {}, ...own }: StartedServerOptions) {
    this.data = own.data ?? mkdtempSync(join(tmpdir(), "signalbox-test-"));
    this.#port = own.port ?? 0;
    this.#flags = flags;
    this.#script = script;
    this.#environment = environment;
  }

  /** Starts a server and waits until it says where it listens. Rejects with its log if it never does. */
  static async start(options: StartedServerOptions = {}): Promise<StartedServer> {
    const server = new StartedServer(options);
    await server.#spawn();
    return server;
  }

  /** Where it listens, as `127.0.0.1:PORT`; the same after a restart. */
  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  /** Where it listens, as `http://127.0.0.1:PORT`. */
  get url(): string {
    return `http://${this.address}`;
  }

  /** The process that runs now. */
  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("the server does not run");
    return pid;
  }

  /** The end of what it has written to standard error, over all its processes. */
  get log(): string {
    return this.#log;
  }

  /** Kills the process without warning, as a loss of power would. Nothing happens if none runs. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Asks the process to stop and waits for it; gives its exit code, null if a signal ended it. */
  async stop(): Promise<number | null> {
    return this.#end("SIGTERM");
  }

  /** Starts over the same data on the same port; kills the process that runs, if one does. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#spawn();
  }

  /** Kills the process and deletes its data. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }

  async #spawn(): Promise<void> {
    const address = ["--host", "127.0.0.1", "--port", String(this.#port), "--data", this.data];
    const child = spawn(process.execPath, [this.#script, ...address, ...this.#flags], {
      env: { ...process.env, ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    const killWithUs = () => child.kill("SIGKILL");
    process.once("exit", killWithUs);
    child.once("exit", () => process.off("exit", killWithUs));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-keptLogLength);
    });
    const line = await firstLine(child);
    const port = /^signalbox listens on http:\/\/127\.0\.0\.1:(\d+)$/.exec(line ?? "")?.[1];
    if (port === undefined) {
      await this.kill();
      throw new Error(`the server did not start; it said ${JSON.stringify(line)} and logged:\n${this.#log}`);
    }
    this.#port = Number(port);
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = once(child, "exit");
    child.kill(signal);
    const [code] = (await exited) as [number | null];
    return code;
  }
}

/** The first line of standard output; undefined if the process ends, or is silent for too long, before it. */
function firstLine(child: ChildProcess): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const timer = setTimeout(() => resolve(undefined), startTimeoutMs);
  let text = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const end = text.indexOf("\n");
    if (end >= 0) resolve(text.slice(0, end));
  });
  child.once("close", () => resolve(undefined));
  return promise.finally(() => clearTimeout(timer));
}
