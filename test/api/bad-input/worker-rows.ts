import type { TestServer } from "../../support/test-server.ts";
import { TestWorker } from "../../support/test-worker.ts";
import { filterChanged, invalid, noWorker, type Row, reused, task, token, tokenInvalid } from "./row.ts";

/** What a worker stream ends with after these frames, the first of which attaches. */
async function afterFrames(
  server: TestServer,
  ...frames: readonly Parameters<TestWorker["send"]>[0][]
): Promise<void> {
  const worker = await server.attach({ workerId: "bad" });
  for (const frame of frames) worker.send(frame);
  throw await worker.ended;
}

/** What a worker stream ends with that begins with this frame. */
async function firstFrame(server: TestServer, frame: Parameters<TestWorker["send"]>[0]): Promise<void> {
  const worker = TestWorker.open(server.url);
  worker.send(frame);
  throw await worker.ended;
}

const attempt = { runId: "open", action: "t", attempt: 1, epoch: 1n };
const report = (epoch: bigint, sequence: bigint) => ({
  case: "report" as const,
  value: {
    reports: [
      { attempt: { ...attempt, epoch }, sequence, content: { case: "heartbeat" as const, value: {} } },
    ],
  },
});

/** What workers send, and what is asked about them, that cannot be. */
export const workerRows: readonly Row[] = [
  {
    rpc: "Attach",
    given: "another first frame",
    call: (server) => firstFrame(server, { case: "drain", value: {} }),
    code: "InvalidArgument",
    reason: "ATTACH_EXPECTED",
    metadata: { found: "drain" },
  },
  {
    rpc: "Attach",
    given: "an attach that says nothing",
    call: (server) => firstFrame(server, { case: "attach", value: {} }),
    ...invalid,
    fields: ["attach.worker_id", "attach.incarnation", "attach.ops"],
  },
  {
    rpc: "Attach",
    given: "an attempt with an epoch that nobody gave out",
    call: (server) => {
      const running = [{ ...attempt, epoch: 2n ** 60n }];
      return firstFrame(server, {
        case: "attach",
        value: { workerId: "bad", incarnation: "i", ops: ["x"], running },
      });
    },
    ...invalid,
    fields: ["attach.running[0].epoch"],
  },
  {
    rpc: "Attach",
    given: "devices and taints that are there twice, and too many queues",
    call: (server) => {
      const devices = [{ index: 1 }, { index: 1 }];
      const taints = [{ key: "spot" }, { key: "spot" }];
      const ops = Array.from({ length: 1_000 }, (_, index) => `op${index}`);
      const sharedNamespaces = ["a", "b", "c", "d", "e"];
      const value = {
        workerId: "bad",
        incarnation: "i",
        ops,
        capacity: { devices },
        taints,
        sharedNamespaces,
      };
      return firstFrame(server, { case: "attach", value });
    },
    ...invalid,
    fields: ["attach.capacity.devices[1].index", "attach.taints[1]", "attach.shared_namespaces"],
  },
  {
    rpc: "Attach",
    given: "a capacity out of its bounds",
    call: (server) => {
      const capacity = { cpu: Number.NaN, ramMb: -1n, devices: [{ index: -1, vramMb: -1n }] };
      const taints = [{ key: "" }];
      const value = { workerId: "bad", incarnation: "i", ops: ["x"], capacity, taints };
      return firstFrame(server, { case: "attach", value });
    },
    ...invalid,
    fields: [
      "attach.capacity.cpu",
      "attach.capacity.ram_mb",
      "attach.capacity.devices[0].index",
      "attach.capacity.devices[0].vram_mb",
      "attach.taints[0].key",
    ],
  },
  {
    rpc: "Attach",
    given: "a second attach",
    call: (server) =>
      afterFrames(server, { case: "attach", value: { workerId: "bad", incarnation: "i1", ops: ["x"] } }),
    code: "InvalidArgument",
    reason: "ATTACH_EXPECTED",
    metadata: { found: "a second attach" },
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "no credit",
    call: (server) => afterFrames(server, { case: "credit", value: { amount: 0 } }),
    ...invalid,
    fields: ["credit.amount"],
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "an accept with an epoch that nobody gave out",
    call: (server) => {
      const attempts = [{ ...attempt, epoch: 2n ** 63n }];
      return afterFrames(server, { case: "accept", value: { attempts } });
    },
    ...invalid,
    fields: ["accept.attempts[0].epoch"],
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "a report without a number",
    call: (server) => afterFrames(server, report(0n, 0n)),
    ...invalid,
    fields: ["report.reports[0].attempt.epoch", "report.reports[0].sequence"],
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "children without names",
    call: (server) =>
      afterFrames(server, { case: "addActions", value: { attempt, callId: 1n, actions: [{ kind: task }] } }),
    ...invalid,
    fields: ["add_actions.actions[0].name"],
    attaches: true,
  },
  {
    rpc: "ListWorkers",
    given: "a token that is none",
    call: (server) => server.workers.listWorkers({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListWorkers",
    given: "a token of another namespace",
    call: (server) => server.workers.listWorkers({ pageToken: token(server, "workers", {}, "a/b") }),
    ...filterChanged,
  },
  {
    rpc: "ListWorkers",
    given: "a token of other labels",
    call: (server) => {
      const pageToken = token(
        server,
        "workers",
        { namespace: "default", labels: { zone: "a" } },
        "default/w",
      );
      return server.workers.listWorkers({ pageToken });
    },
    ...filterChanged,
  },
  {
    rpc: "GetWorker",
    given: "an unknown worker",
    call: (server) => server.workers.getWorker({ workerId: "none" }),
    ...noWorker,
  },
  {
    rpc: "DrainWorker",
    given: "an unknown worker",
    call: (server) => server.workers.drainWorker({ workerId: "none" }),
    ...noWorker,
  },
  {
    rpc: "DrainWorker",
    given: "other content under a used request_id",
    call: (server) => server.workers.drainWorker({ workerId: "other", requestId: "used" }),
    ...reused,
  },
  {
    rpc: "EvictWorker",
    given: "an unknown worker",
    call: (server) => server.workers.evictWorker({ workerId: "none" }),
    ...noWorker,
  },
  {
    rpc: "EvictWorker",
    given: "other content under a used request_id",
    call: (server) => server.workers.evictWorker({ workerId: "other", requestId: "used" }),
    ...reused,
  },
];
