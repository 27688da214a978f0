import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** 20 restarts of one process: what dies more often than that will not get better by starting it again. */
const restartsMax = 20;

/** A process of the demo that is started again when it dies, until it is stopped. */
export interface Supervised {
  readonly pid: number | undefined;
  /** Ends it with SIGTERM and waits until it is gone. */
  stop(): Promise<void>;
}

/** What to run, and what to say about it. */
export interface SupervisedOptions {
  readonly script: string;
  /** The arguments, asked for at each start. */
  args(): readonly string[];
  /** Each line that it prints on standard output. */
  onLine(line: string): void;
  /** It has died by itself and is started again. */
  onRestart(how: string): void;
  /** It has died too often. */
  onLost(how: string): void;
}

/** Starts a process of the demo under the Node that runs this one. */
export function supervise(options: SupervisedOptions): Supervised {
  let child: ChildProcess | undefined;
  let isStopping = false;
  let restarts = 0;
  const start = (): void => {
    const process_ = spawn(process.execPath, [options.script, ...options.args()], {
      // The channel says when this process is gone; see `leaveWithParent`.
      stdio: ["ignore", "pipe", "inherit", "ipc"],
      // Of a group of its own: an interrupt from the terminal is for the demo, which stops its processes in
      // order.
      detached: true,
    });
    child = process_;
    readLines(process_, options.onLine);
    process_.once("exit", (code, signal) => {
      const how = signal ?? `exit code ${code}`;
      if (isStopping) return;
      restarts += 1;
      if (restarts > restartsMax) options.onLost(how);
      else {
        options.onRestart(how);
        start();
      }
    });
  };
  start();
  return {
    get pid() {
      return child?.pid;
    },
    async stop() {
      isStopping = true;
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
    },
  };
}

function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
}

/** Lets a process that `supervise` started stop as if asked to when the demo is gone, however it went. */
export function leaveWithParent(): void {
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel?.unref();
}
