import { parentPort, workerData } from "node:worker_threads";
import { openGrpcStreams } from "./attach-stream.ts";
import { Session } from "./session.ts";
import type { SessionIdentity, SessionNotice, WorkerCommand } from "./thread-messages.ts";

/**
 * The thread that holds a worker's session. It has an event loop of its own, so that a task which keeps the
 * main one busy does not keep the worker from pulsing, and its leases do not run out under it.
 */
const port = parentPort;
if (port === null) {
  throw new Error("the connection thread is started by a worker and does not run by itself");
}
const identity = workerData as SessionIdentity;
const session = new Session({
  identity,
  open: openGrpcStreams(identity),
  notify: (notice: SessionNotice) => {
    port.postMessage(notice);
    if (notice.kind === "ended") {
      port.close();
    }
  },
});
port.on("message", (commands: readonly WorkerCommand[]) => session.apply(commands));
session.start();
