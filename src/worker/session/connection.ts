import { Worker as Thread } from "node:worker_threads";
import type { SessionFailure, SessionIdentity, SessionNotice, WorkerCommand } from "./thread-messages.ts";

/** What the main thread hears of its session. */
export interface ConnectionEvents {
  /** Called with each notice, in order; not with `ended`. */
  readonly notice: (notice: SessionNotice) => void;
  /** Called once, as the last: the session is over, or its thread broke. */
  readonly ended: (failure: SessionFailure | Error | undefined) => void;
}

/** The main thread's end of the line to the connection thread. */
export interface Connection {
  /** Sends a command with all others of this turn of the event loop, in order. */
  post(command: WorkerCommand): void;
  /** Sends what is posted at once: for what must be said before the event loop may be kept busy. */
  flush(): void;
}

/** Starts the connection thread. It lives until the session ends, and keeps the process alive for as long. */
export function openConnection(identity: SessionIdentity, events: ConnectionEvents): Connection {
  const ending = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const thread = new Thread(new URL(`./connection-thread${ending}`, import.meta.url), {
    name: "signalbox",
    workerData: identity,
  });
  let commands: WorkerCommand[] = [];
  let result: { failure: SessionFailure | Error | undefined } | undefined;
  thread.on("message", (notice: SessionNotice) => {
    if (notice.kind === "ended") {
      result = { failure: notice.failure };
    } else {
      events.notice(notice);
    }
  });
  thread.on("error", (error) => {
    result ??= { failure: error };
  });
  thread.on("exit", (code) => {
    events.ended(
      result === undefined ? new Error(`the connection thread ended with ${code}`) : result.failure,
    );
  });
  const flush = () => {
    if (commands.length > 0) {
      thread.postMessage(commands);
      commands = [];
    }
  };
  return {
    post(command) {
      if (commands.push(command) === 1) {
        setImmediate(flush);
      }
    },
    flush,
  };
}
