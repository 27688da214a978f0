import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

/** 20 s: how long a process may take to say that it is ready. */
const readyTimeoutMs = 20_000;

/** A process that can be killed without warning and started again, any number of times. */
export class Killable {
  readonly #command: string;
  readonly #args: (port: number) => readonly string[];
  readonly #ready: RegExp;
  #child: ChildProcess | undefined;
  #port = 0;
  /** How often it was killed. */
  kills = 0;

  /** It is ready when it says `ready`; a number in it is the port to be told when it is started again. */
  constructor(command: string, args: (port: number) => readonly string[], ready = /^ready (\d+)$/m) {
    this.#command = command;
    this.#args = args;
    this.#ready = ready;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<this> {
    const child = spawn(this.#command, this.#args(this.#port), { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const killWithUs = () => child.kill("SIGKILL");
    process.once("exit", killWithUs);
    child.once("exit", () => process.off("exit", killWithUs));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let said = "";
    const timer = setTimeout(() => reject(new Error(`not ready: ${said}`)), readyTimeoutMs);
    for (const output of [child.stdout, child.stderr]) {
      output?.setEncoding("utf8").on("data", (text: string) => {
        said = (said + text).slice(-10_000);
        const match = this.#ready.exec(said);
        if (match === null) return;
        this.#port = Number(match[1] ?? 0) || this.#port;
        resolve();
      });
    }
    child.once("exit", () => reject(new Error(`ended: ${said}`)));
    await promise.finally(() => clearTimeout(timer));
    return this;
  }

  /** Kills it and starts it again. */
  async restart(): Promise<void> {
    await this.kill();
    this.kills += 1;
    await this.start();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
}

/** A script of this folder. */
export function script(name: string, args: (port: number) => readonly string[]): Killable {
  const path = `${import.meta.dirname}/${name}`;
  return new Killable(process.execPath, (port) => [path, ...args(port)]);
}

/** A NATS server with JetStream over a folder, on a port of its own. */
export function natsServer(port: number, folder: string, more: readonly string[] = []): Killable {
  const args = ["-a", "127.0.0.1", "-p", String(port), "--jetstream", "-sd", folder, ...more];
  return new Killable("nats-server", () => args, /Server is ready/);
}

/** True if there is a NATS server on this machine. */
export function hasNatsServer(): boolean {
  return spawnSync("nats-server", ["--version"]).status === 0;
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
