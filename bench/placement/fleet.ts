import { create } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type Assignment,
  type AttachRequest,
  AttachRequestSchema,
  WorkerService,
} from "../../gen/signalbox/v1/worker_service_pb.ts";
import { type FromWorker, nowMs, type ToFleet } from "../messages.ts";
import { fleetWorker } from "./scenery.ts";

/**
 * The process that plays many workers, each with a stream of its own, whose tasks do nothing:
 * `node bench/placement/fleet.ts ADDRESS WORKERS CREDIT`.
 */
const [address = "", workerCount = "", credit = ""] = process.argv.slice(2);
/** Streams on one connection. */
const streamsPerConnection = 25;
const pulseIntervalMs = 5_000;
let executed = 0;
let wanted = Number.POSITIVE_INFINITY;
let incarnation = 0;

function say(message: FromWorker): void {
  process.send?.(message);
}

function lookAtCount(): void {
  if (executed < wanted) return;
  wanted = Number.POSITIVE_INFINITY;
  say({ kind: "reached", count: executed, atMs: nowMs() });
}

type Frame = Parameters<typeof create<typeof AttachRequestSchema>>[1] & object;

/** One worker: everything that it is assigned succeeds at once. */
class FleetWorker {
  readonly #waiting: AttachRequest[] = [];
  #wake: (() => void) | undefined;
  #hasLeft = false;

  async run(client: Client<typeof WorkerService>, attach: Frame["frame"], whenAttached: () => void) {
    this.#send(attach);
    this.#permit(Number(credit));
    const pulses = setInterval(() => this.#send({ case: "pulse", value: {} }), pulseIntervalMs);
    for await (const { frame } of client.attach(this.#requests())) {
      if (frame.case === "attached") whenAttached();
      else if (frame.case === "assign") this.#execute(frame.value.assignments);
    }
    clearInterval(pulses);
  }

  leave(): void {
    this.#send({ case: "leave", value: {} });
    this.#hasLeft = true;
    this.#wake?.();
  }

  #execute(assignments: readonly Assignment[]): void {
    const content = { case: "succeeded" as const, value: {} };
    const reports = assignments.map(({ attempt }) => ({
      ...(attempt && { attempt }),
      sequence: 1n,
      content,
    }));
    this.#send({ case: "report", value: { reports } });
    this.#permit(assignments.length);
    executed += assignments.length;
    lookAtCount();
  }

  #permit(amount: number): void {
    this.#send({ case: "credit", value: { amount } });
  }

  #send(frame: Frame["frame"]): void {
    if (this.#hasLeft || frame === undefined) return;
    this.#waiting.push(create(AttachRequestSchema, { frame }));
    this.#wake?.();
  }

  async *#requests() {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) yield next;
      else if (this.#hasLeft) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

const clients = Array.from({ length: Math.ceil(Number(workerCount) / streamsPerConnection) }, () =>
  createClient(WorkerService, createGrpcTransport({ baseUrl: address })),
);
let workers: readonly FleetWorker[] = [];
let streams: readonly Promise<void>[] = [];

async function attachAll(op: string): Promise<void> {
  incarnation += 1;
  const attached: Promise<void>[] = [];
  workers = Array.from({ length: Number(workerCount) }, () => new FleetWorker());
  streams = workers.map((worker, number) => {
    const { workerId, labels, taints, cpu, ramMb, vramMb } = fleetWorker(number);
    const devices = vramMb.map((one, index) => ({ index, kind: "bench", vramMb: BigInt(one) }));
    const capacity = { cpu, ramMb: BigInt(ramMb), devices };
    const value = { workerId, incarnation: String(incarnation), ops: [op], labels: { ...labels }, capacity };
    const { promise, resolve } = Promise.withResolvers<void>();
    attached.push(promise);
    const client = clients[Math.floor(number / streamsPerConnection)] as Client<typeof WorkerService>;
    return worker.run(client, { case: "attach", value: { ...value, taints: [...taints] } }, resolve);
  });
  await Promise.race([Promise.all(attached), Promise.all(streams)]);
  say({ kind: "attached", workerId: "fleet" });
}

async function leaveAll(): Promise<void> {
  for (const worker of workers) worker.leave();
  await Promise.all(streams);
  say({ kind: "left" });
}

process.on("message", (message: ToFleet) => {
  switch (message.kind) {
    case "attach":
      void attachAll(message.op);
      return;
    case "report":
      wanted = message.count;
      lookAtCount();
      return;
    case "leave":
      void leaveAll();
      return;
    case "stop":
      process.exit(0);
  }
});
say({ kind: "ready" });
