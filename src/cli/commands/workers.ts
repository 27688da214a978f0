import { messageJson } from "../../client/message-json.ts";
import { toWorker } from "../../client/views/worker.ts";
import { required } from "../../client/wire/calls.ts";
import { listPages } from "../../client/wire/pages.ts";
import type { Command } from "../command.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge } from "../output/print-duration.ts";
import { stateCell } from "../output/state-cell.ts";

/** `workers`: lists workers. */
export const workersCommand: Command = {
  name: "workers",
  arguments: [],
  sentence: "lists the workers that are attached or whose leases run",
  options: { limit: limitOption },
  async run({ given, screen, calls, signal }) {
    const { namespace } = calls;
    const list = listPages(async ({ size, token }) => {
      const { workers, nextPageToken } = await calls.raw.workers.listWorkers(
        { namespace, pageSize: size, pageToken: token },
        { signal },
      );
      return { items: workers, nextPageToken, last: nextPageToken === "" };
    });
    const headings = ["WORKER", "STATE", "RUNNING>", "CREDIT>", "AGE>", "OPS"];
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.worker,
      headings: namespace === "-" ? ["NAMESPACE", ...headings] : headings,
      toRow: (message) => {
        const worker = toWorker(message);
        const row = [
          worker.workerId,
          stateCell(worker.state),
          String(worker.runningCount),
          String(worker.credit),
          printAge(worker.attachTime, new Date()),
          worker.ops.join(", "),
        ];
        return namespace === "-" ? [worker.namespace, ...row] : row;
      },
      nothing: "no workers",
    });
  },
};

/** `drain`: asks a worker to take no more work. */
export const drainCommand: Command = {
  name: "drain",
  arguments: ["WORKER"],
  sentence: "asks a worker to take no more work and to leave when it has none",
  options: {},
  async run({ given, screen, calls, signal }) {
    const request = { namespace: calls.namespace, workerId: given.argument(0) };
    const answer = await calls.raw.workers.drainWorker(request, { signal });
    const worker = required(answer.worker);
    if (screen.json) {
      screen.line(messageJson.worker(worker));
    } else {
      screen.line(`${worker.workerId} is draining, attempts still on it: ${worker.runningCount}`);
    }
  },
};
