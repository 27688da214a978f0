import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import type {
  Assignment,
  Attached,
  AttachSchema,
  AttemptReference,
  AttemptReportSchema,
} from "../../gen/signalbox/v1/worker_service_pb.ts";
import { AttachRequestSchema, WorkerService } from "../../gen/signalbox/v1/worker_service_pb.ts";
import { type WorkerFrame, WorkerFrames } from "./worker-frames.ts";

/** A worker stream in the hands of a test: it sends what it is told, and keeps what comes. */
export class TestWorker extends WorkerFrames {
  readonly #waiting: WorkerFrame[] = [];
  readonly #cancel = new AbortController();
  #wake: (() => void) | undefined;
  #isClosed = false;

  /** Opens a stream on a connection of its own and sends nothing. */
  static open(url: string): TestWorker {
    const worker = new TestWorker();
    const client = createClient(WorkerService, createGrpcTransport({ baseUrl: url }));
    void worker.#receive(client.attach(worker.#requests(), { signal: worker.#cancel.signal }));
    return worker;
  }

  /** Opens a stream, attaches, and waits until the server says that it has. */
  static async attach(
    url: string,
    identity: MessageInitShape<typeof AttachSchema> = {},
  ): Promise<TestWorker> {
    const worker = TestWorker.open(url);
    await worker.sendAttach(identity);
    return worker;
  }

  /** Attaches as worker `w1`, which runs the op `count`, unless the test says otherwise. */
  async sendAttach(identity: MessageInitShape<typeof AttachSchema> = {}): Promise<Attached> {
    const value = { workerId: "w1", incarnation: "i1", ops: ["count"], ...identity };
    this.send({ case: "attach", value });
    return this.next("attached");
  }

  /** Sends a frame. */
  send(frame: WorkerFrame): void {
    this.#waiting.push(frame);
    this.#wake?.();
  }

  /** Permits assignments, takes the next one and accepts it. */
  async take(): Promise<Assignment> {
    this.send({ case: "credit", value: { amount: 1 } });
    const { assignments } = await this.next("assign");
    const [assignment] = assignments;
    if (assignment?.attempt === undefined || assignments.length > 1)
      throw new Error("one credit is one assignment");
    this.send({ case: "accept", value: { attempts: [assignment.attempt] } });
    return assignment;
  }

  /** Reports and waits until that is recorded, or refused. */
  async report(
    attempt: AttemptReference | undefined,
    sequence: bigint,
    content: NonNullable<MessageInitShape<typeof AttemptReportSchema>["content"]>,
  ) {
    this.send({ case: "report", value: { reports: [{ ...(attempt && { attempt }), sequence, content }] } });
    const { reports } = await this.next("recorded");
    const [recorded] = reports;
    if (recorded === undefined) throw new Error("one report is recorded once");
    return recorded;
  }

  /** Sends nothing more, and says so; the server may still send. */
  halfClose(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /** Gives the stream up, as a client that is interrupted does. */
  cancel(): void {
    this.#cancel.abort();
    this.halfClose();
  }

  async *#requests() {
    for (;;) {
      const frame = this.#waiting.shift();
      if (frame !== undefined) yield create(AttachRequestSchema, { frame });
      else if (this.#isClosed) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async #receive(responses: AsyncIterable<Parameters<WorkerFrames["push"]>[0]>): Promise<void> {
    try {
      for await (const response of responses) this.push(response);
      this.end();
    } catch (error) {
      this.end(error);
    }
    this.halfClose();
  }
}
