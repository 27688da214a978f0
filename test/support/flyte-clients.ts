import { gzipSync } from "node:zlib";
import { create, type DescService, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport } from "@connectrpc/connect-node";
import { type ActionSchema, ActionsService } from "../../gen/flyteidl2/actions/actions_service_pb.ts";
import { SimpleType } from "../../gen/flyteidl2/core/types_pb.ts";
import { DataProxyService } from "../../gen/flyteidl2/dataproxy/dataproxy_service_pb.ts";
import { type TaskSpec, TaskSpecSchema } from "../../gen/flyteidl2/task/task_definition_pb.ts";
import { TaskService } from "../../gen/flyteidl2/task/task_service_pb.ts";
import { RunService } from "../../gen/flyteidl2/workflow/run_service_pb.ts";
import type { Assignment } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { TestServer, type TestServerOptions } from "./test-server.ts";
import type { TestWorker } from "./test-worker.ts";

/** A run of Flyte whose first action a worker holds, so that it can have children. */
export interface HeldRun {
  readonly name: string;
  readonly worker: TestWorker;
  readonly assignment: Assignment;
}

/** A server with clients as Flyte's are: Connect over HTTP/1.1 with compressed requests. */
export class FlyteServer {
  readonly server: TestServer;
  readonly runs: Client<typeof RunService>;
  readonly actions: Client<typeof ActionsService>;
  readonly data: Client<typeof DataProxyService>;
  readonly tasks: Client<typeof TaskService>;

  private constructor(server: TestServer) {
    this.server = server;
    this.runs = this.client(RunService);
    this.actions = this.client(ActionsService);
    this.data = this.client(DataProxyService);
    this.tasks = this.client(TaskService);
  }

  /** Starts one; whoever does closes it. */
  static async start(options: TestServerOptions = {}): Promise<FlyteServer> {
    return new FlyteServer(await TestServer.start({ flyte: {}, ...options }));
  }

  /** A client of another service. */
  client<S extends DescService>(service: S): Client<S> {
    const transport = createConnectTransport({
      baseUrl: this.server.url,
      httpVersion: "1.1",
      useBinaryFormat: true,
      sendCompression: compressionGzip,
      compressMinBytes: 1,
    });
    return createClient(service, transport);
  }

  /** Creates a run and has a worker take its first action. */
  async holdRun(name: string, spec: TaskSpec = taskSpec("main")): Promise<HeldRun> {
    await this.runs.createRun({
      id: { case: "runId", value: runId(name) },
      task: { case: "taskSpec", value: spec },
      inputWrapper: { case: "inputs", value: {} },
    });
    const identity = { workerId: `w-${name}`, ops: ["flyte"], namespace: namespaceOfRun(name) };
    const worker = await this.server.attach(identity);
    return { name, worker, assignment: await worker.take() };
  }

  /** Adds a child to `a0`. */
  async enqueue(
    run: string,
    name: string,
    spec: MessageInitShape<typeof ActionSchema>["spec"],
  ): Promise<void> {
    await this.actions.enqueue({
      action: {
        actionId: actionId(run, name),
        parentActionName: "a0",
        ...(spec === undefined ? {} : { spec }),
      },
    });
  }

  /** Sends bytes as they were recorded, or any others, to a method. */
  async post(
    path: string,
    body: Uint8Array,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return fetch(`${this.server.url}${path}`, {
      method: "POST",
      body: Buffer.from(body),
      headers: { "content-type": "application/proto", "connect-protocol-version": "1", ...headers },
    });
  }
}

/** The identifier of a run. Each has a domain of its own, so that workers of one get nothing of another. */
export function runId(name: string) {
  return { org: "", project: "testing", domain: name, name };
}

/** The namespace of such a run. */
export function namespaceOfRun(name: string): string {
  return `testing--${name}`;
}

/** The identifier of an action. */
export function actionId(run: string, name: string) {
  return { run: runId(run), name };
}

/** A task as an SDK states one. */
export function taskSpec(name: string, retries = 0): TaskSpec {
  return create(TaskSpecSchema, {
    shortName: name,
    taskTemplate: {
      id: { project: "testing", domain: "development", name: `env.${name}`, version: "v1" },
      type: "python",
      metadata: { retries: { retries } },
      target: { case: "container", value: { args: ["a0", "--inputs", "{{.input}}"] } },
    },
  });
}

/** A condition as an SDK states one. */
export function condition(name: string, simple: SimpleType = SimpleType.BOOLEAN, more: object = {}) {
  const type = { type: { case: "simple", value: simple } } as const;
  return { case: "condition", value: { name, prompt: "Go on?", type, ...more } } as const;
}

/** A task as a child. */
export function task(name: string) {
  return { case: "task", value: { spec: taskSpec(name) } } as const;
}

/** A message as a body with `content-encoding: gzip`. */
export function gzipped(...message: Parameters<typeof toBinary>): Uint8Array {
  return gzipSync(toBinary(...message));
}

/** The code and the message that a call ends with; fails if it ends well. */
export async function faultIn(
  call: Promise<unknown>,
): Promise<{ readonly code: string; readonly message: string }> {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );
  if (outcome === undefined) throw new Error("the call was not refused");
  return { code: Code[outcome.code] ?? "", message: outcome.rawMessage };
}
