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
  options: { label: { value: "K=V", multiple: true, sentence: "only with this label" }, limit: limitOption },
  async run({ given, screen, calls, signal }) {
    const { namespace } = calls;
    const labels = given.pairs("label");
    const list = listPages(async ({ size, token }) => {
      const { workers, nextPageToken } = await calls.raw.workers.listWorkers(
        { namespace, labels, pageSize: size, pageToken: token },
        { signal },
      );
      return { items: workers, nextPageToken, last: nextPageToken === "" };
    });
    const headings = ["WORKER", "STATE", "RUNNING>", "CREDIT>", "CPU>", "RAM MB>", "DEVICES>", "AGE>", "OPS"];
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
          printUse(worker.reserved.cpu, worker.capacity.cpu),
          printUse(worker.reserved.ramMb, worker.capacity.ramMb),
          printUse(worker.reserved.devices.length, worker.capacity.devices.length || undefined),
          printAge(worker.attachTime, new Date()),
          worker.ops.join(", "),
        ];
        return namespace === "-" ? [worker.namespace, ...row] : row;
      },
      nothing: "no workers",
    });
  },
};

function printUse(reserved: number, capacity: number | undefined): string {
  return capacity === undefined ? "" : `${reserved}/${capacity}`;
}

/** `evict`: takes everything from a worker. */
export const evictCommand: Command = {
  name: "evict",
  arguments: ["WORKER"],
  sentence: "takes everything from a worker at once: what runs has failed, and is tried again as it may",
  options: { cause: { value: "TEXT", sentence: "why; kept and shown" } },
  async run({ given, screen, calls, signal }) {
    const named = { namespace: calls.namespace, workerId: given.argument(0) };
    const request = { ...named, cause: given.text("cause") ?? "" };
    const { releasedCount } = await calls.raw.workers.evictWorker(request, { signal });
    const told = `${named.workerId} is evicted, attempts that it held: ${releasedCount}`;
    screen.line(screen.json ? JSON.stringify({ releasedCount }) : told);
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
