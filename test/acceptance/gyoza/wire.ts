import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { EventService } from "../../../gen/signalbox/v1/event_service_pb.ts";
import { OpService } from "../../../gen/signalbox/v1/op_service_pb.ts";
import { RunService } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { StartedServer } from "../../support/started-server.ts";
import { TestWorker } from "../../support/test-worker.ts";

/** A started server with stock gRPC clients of it. */
export class Wire {
  readonly server: StartedServer;
  readonly runs: Client<typeof RunService>;
  readonly ops: Client<typeof OpService>;
  readonly events: Client<typeof EventService>;
  #workerCount = 0;

  private constructor(server: StartedServer) {
    const transport = createGrpcTransport({ baseUrl: server.url });
    this.server = server;
    this.runs = createClient(RunService, transport);
    this.ops = createClient(OpService, transport);
    this.events = createClient(EventService, transport);
  }

  static async start(): Promise<Wire> {
    return new Wire(await StartedServer.start());
  }

  /** One call in JSON, as curl would make it. */
  async json(method: string, request: object): Promise<Readonly<Record<string, unknown>>> {
    const response = await fetch(`${this.server.url}/signalbox.v1.${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    return (await response.json()) as Readonly<Record<string, unknown>>;
  }

  /** Attaches a worker of its own that runs an op, and has processors to give. */
  worker(op: string): Promise<TestWorker> {
    this.#workerCount += 1;
    const workerId = `w${this.#workerCount}`;
    return TestWorker.attach(this.server.url, { workerId, ops: [op], capacity: { cpu: 8 } });
  }

  remove(): Promise<void> {
    return this.server.remove();
  }
}
