import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** 30 s: how long a program may take to say that it is ready, and to end when it is asked to. */
const patienceMs = 30_000;
/** 64 KiB of what the program wrote, for messages. */
const keptLogLength = 64 * 1024;

/** How a program ended: with an exit code, or by a signal. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A script of ours in a process of its own. */
export class Program {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  #isOver = false;
  #log = "";
  #output = "";

  private constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.pid = child.pid ?? 0;
    const killWithUs = () => child.kill("SIGKILL");
    process.once("exit", killWithUs);
    this.ended = once(child, "close").then(([code, signal]) => {
      this.#isOver = true;
      process.off("exit", killWithUs);
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#log = (this.#log + text).slice(-keptLogLength);
    });
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#output = (this.#output + text).slice(-keptLogLength);
    });
  }

  /** Starts a script; it is not ready yet. */
  static spawn(options: {
    readonly name: string;
    readonly script: string;
    readonly args: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
  }): Program {
    const { name, script, args, environment = {} } = options;
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.on("error", () => undefined);
    return new Program(name, child);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** The end of what it wrote to standard error. */
  get log(): string {
    return this.#log;
  }

  /** Waits until it says what matches; rejects with its log when it ends, or is silent for too long. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = (): void => {
      const match = pattern.exec(this.#output);
      if (match !== null) resolve(match);
    };
    const fail = (why: string): void =>
      reject(new Error(`the ${this.name} ${why}; it logged:\n${this.#log}`));
    const timer = setTimeout(() => fail(`did not say ${String(pattern)}`), patienceMs);
    this.#child.stdout?.on("data", look);
    void this.ended.then(({ code, signal }) => fail(`ended (${code ?? signal})`));
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#child.stdout?.off("data", look);
    }
  }

  /** Sends it a signal; nothing happens if it is gone. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** Kills it without warning and waits until it is gone. */
  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /** Waits for its end; kills it and rejects if that takes too long. */
  async endedInTime(withinMs = patienceMs): Promise<Ending> {
    const late = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => late.resolve(undefined), withinMs);
    const ending = await Promise.race([this.ended, late.promise]);
    clearTimeout(timer);
    if (ending !== undefined) return ending;
    await this.kill();
    throw new Error(`the ${this.name} did not end within ${withinMs} ms; it logged:\n${this.#log}`);
  }
}
