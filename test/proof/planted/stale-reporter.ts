import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient as createRawClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  AttachRequestSchema,
  type AttachResponse,
  type AttemptReference,
  WorkerService,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { SignalboxClient } from "../../../src/client/client.ts";
import type { RecordedReport } from "../../guarantees/acknowledged.ts";

type Frame = NonNullable<MessageInitShape<typeof AttachRequestSchema>["frame"]>;

/**
 * Takes a task, goes away without a word, waits until somebody else has it under a higher epoch, and then
 * reports success after all: what every fence is for. The task is of an op that only this worker runs.
 */
export async function reportStale(client: SignalboxClient, address: string): Promise<RecordedReport> {
  const op = "crash.stale";
  const { runId } = await client.runs.create({ op, retry: { maxAttempts: 3, initialBackoffMs: 1 } });
  const lost = await takeOne(address, { workerId: "stale", incarnation: "lost" });
  // Another process of the same name: the first one's lease is over at once.
  const later = await takeOne(address, { workerId: "stale", incarnation: "later" });
  const wasTaken = await later.report(lost.attempt);
  await later.report(later.attempt);
  await later.leave();
  lost.cut();
  const { action, epoch } = lost.attempt;
  return { runId, action, epoch: Number(epoch), currentEpoch: Number(later.attempt.epoch), wasTaken };
}

/** A worker stream, frame by frame, that holds one attempt. */
interface Holder {
  readonly attempt: AttemptReference;
  /** Reports success of an attempt; true if the server took it. */
  report(attempt: AttemptReference): Promise<boolean>;
  leave(): Promise<void>;
  cut(): void;
}

async function takeOne(
  address: string,
  identity: { readonly workerId: string; readonly incarnation: string },
): Promise<Holder> {
  const outgoing = new Outgoing();
  const cut = new AbortController();
  const transport = createGrpcTransport({ baseUrl: address });
  const incoming = createRawClient(WorkerService, transport)
    .attach(outgoing, { signal: cut.signal })
    [Symbol.asyncIterator]();
  outgoing.send({ case: "attach", value: { ...identity, ops: ["crash.stale"] } });
  await next(incoming, "attached");
  outgoing.send({ case: "credit", value: { amount: 1 } });
  const attempt = (await next(incoming, "assign")).assignments[0]?.attempt;
  if (attempt === undefined) throw new Error("an assignment without an attempt");
  outgoing.send({ case: "accept", value: { attempts: [attempt] } });
  return {
    attempt,
    async report(reported) {
      const content = { case: "succeeded" as const, value: { outputs: {} } };
      outgoing.send({ case: "report", value: { reports: [{ attempt: reported, sequence: 1n, content }] } });
      const recorded = await next(incoming, "recorded");
      return recorded.reports[0]?.refusal === undefined;
    },
    async leave() {
      outgoing.send({ case: "leave", value: { cause: "done" } });
      outgoing.end();
      while ((await incoming.next()).done !== true);
    },
    cut: () => cut.abort(),
  };
}

type Case = NonNullable<AttachResponse["frame"]["case"]>;

async function next<C extends Case>(
  incoming: AsyncIterator<AttachResponse>,
  kind: C,
): Promise<Extract<AttachResponse["frame"], { case: C }>["value"]> {
  for (;;) {
    const { value, done } = await incoming.next();
    if (done === true) throw new Error(`the stream ended before ${kind}`);
    if (value.frame.case === kind) return value.frame.value as never;
  }
}

/** The frames to send, as the iterable that a stream takes. */
class Outgoing implements AsyncIterable<MessageInitShape<typeof AttachRequestSchema>> {
  readonly #frames: Frame[] = [];
  #isEnded = false;
  #look: (() => void) | undefined;

  send(frame: Frame): void {
    this.#frames.push(frame);
    this.#look?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#look?.();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) yield create(AttachRequestSchema, { frame });
      else if (this.#isEnded) return;
      else await new Promise<void>((resolve) => (this.#look = resolve));
    }
  }
}
