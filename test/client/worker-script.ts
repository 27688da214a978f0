import { once } from "node:events";
import { createServer, type Http2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  type Assignment,
  AssignmentSchema,
  type Attach,
  type AttachRequest,
  type AttachResponse,
  AttachResponseSchema,
  type AttemptReference,
  AttemptReferenceSchema,
  type AttemptReport,
  WorkerService,
} from "../../gen/signalbox/v1/worker_service_pb.ts";
import type { OpenAttachStream } from "../../src/worker/session/attach-stream.ts";

type RequestFrame = Exclude<AttachRequest["frame"], { case: undefined }>;
type RequestCase = RequestFrame["case"];
type RequestOf<C extends RequestCase> = Extract<RequestFrame, { case: C }>["value"];
type ResponseInit = NonNullable<MessageInitShape<typeof AttachResponseSchema>["frame"]>;
type AssignmentInit = MessageInitShape<typeof AssignmentSchema>;
type AssignmentOptions = Partial<Omit<Assignment, "$typeName" | "$unknown" | "attempt">> & { epoch?: bigint };

/** How long a test waits for a frame or a stream before it fails. */
const patienceMs = 8_000;

/** Values that come one by one, and those who wait for them. */
export class Arrivals<T> {
  readonly #arrived: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  add(value: T): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#arrived.push(value);
    else next(value);
  }

  /** How many have come and are not taken. */
  get count(): number {
    return this.#arrived.length;
  }

  /** The next one, however long it takes. */
  next(): Promise<T> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift() as T);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next one, or a failure that says what did not come. */
  take(what: string): Promise<T> {
    return within(this.next(), what);
  }
}

/** The promise, or a failure that says what did not come in time. */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timesOut = setTimeout(() => late.reject(new Error(`no ${what} came in time`)), patienceMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timesOut);
  }
}

/** One Attach stream, as the test that scripts its server's side sees it. */
export class ScriptedStream {
  /** The frame it began with. */
  readonly attach: Attach;
  /** The header that says who opened it. */
  readonly authorization: string | null;
  /** True for a server that does not pulse back. */
  isSilent = false;
  /** How many pulses have come. */
  pulseCount = 0;
  /** Resolves once the worker has ended its side. */
  readonly halfClosed: Promise<void>;
  readonly #frames = new Map<RequestCase, Arrivals<unknown>>();
  readonly #reports: AttemptReport[] = [];
  readonly #outgoing = new Arrivals<AttachResponse | "end" | ConnectError>();
  readonly #pulsed = new Arrivals<void>();
  readonly #halfClose = Promise.withResolvers<void>();

  constructor(attach: Attach, authorization: string | null = null) {
    this.attach = attach;
    this.authorization = authorization;
    this.halfClosed = this.#halfClose.promise;
  }

  /** The next frame of a kind that the worker sends; frames of other kinds are kept for later. */
  async next<C extends RequestCase>(kind: C): Promise<RequestOf<C>> {
    return (await this.#arrivals(kind).take(`${kind} frame`)) as RequestOf<C>;
  }

  /** How many frames of a kind have come and are not taken. */
  count(kind: RequestCase): number {
    return this.#arrivals(kind).count;
  }

  /** The next report of any frame. */
  async report(): Promise<AttemptReport> {
    while (this.#reports.length === 0) this.#reports.push(...(await this.next("report")).reports);
    return this.#reports.shift() as AttemptReport;
  }

  /** Resolves when so many pulses have come from here on. */
  async pulses(count: number): Promise<void> {
    while (this.#pulsed.count > 0) await this.#pulsed.next();
    for (let taken = 0; taken < count; taken += 1) await this.#pulsed.take("pulse");
  }

  send(frame: ResponseInit): void {
    this.#outgoing.add(create(AttachResponseSchema, { frame }));
  }

  /** Answers Attach; leases and pulses are short, so that tests are. */
  attached({ pulseMs = 200, drop = [] }: { pulseMs?: number; drop?: AttemptReference[] } = {}): void {
    const lease = durationFromMs(3 * pulseMs);
    const value = { sessionId: "s", lease, pulseInterval: durationFromMs(pulseMs), keep: [], drop };
    this.send({ case: "attached", value });
  }

  assign(...assignments: AssignmentInit[]): void {
    this.send({ case: "assign", value: { assignments } });
  }

  record(...reports: AttemptReport[]): void {
    const recorded = reports.map(({ attempt, sequence }) => (attempt ? { attempt, sequence } : { sequence }));
    this.send({ case: "recorded", value: { reports: recorded } });
  }

  /** Ends the stream without an error. */
  end(): void {
    this.#outgoing.add("end");
  }

  /** Ends the stream with an error. */
  fail(error: ConnectError): void {
    this.#outgoing.add(error);
  }

  /** Takes a frame of the worker in. */
  received(frame: RequestFrame): void {
    if (frame.case === "pulse") {
      this.pulseCount += 1;
      this.#pulsed.add();
      if (!this.isSilent) this.send({ case: "pulse", value: {} });
    } else {
      this.#arrivals(frame.case).add(frame.value);
    }
  }

  /** The worker's side has ended. */
  ended(): void {
    this.#halfClose.resolve();
    this.end();
  }

  async *responses(): AsyncGenerator<AttachResponse> {
    for (;;) {
      const next = await this.#outgoing.next();
      if (next === "end") return;
      if (next instanceof Error) throw next;
      yield next;
    }
  }

  #arrivals(kind: RequestCase): Arrivals<unknown> {
    const arrivals = this.#frames.get(kind) ?? new Arrivals<unknown>();
    this.#frames.set(kind, arrivals);
    return arrivals;
  }
}

/** Accepts one stream: waits for Attach, hands the stream to the test, and sends what the test says. */
async function* accept(
  requests: AsyncIterable<AttachRequest>,
  streams: Arrivals<ScriptedStream>,
  headers?: Headers,
): AsyncGenerator<AttachResponse> {
  const frames = requests[Symbol.asyncIterator]();
  const first: IteratorResult<AttachRequest> = await frames.next();
  if (first.done === true || first.value.frame.case !== "attach") throw new Error("the first frame attaches");
  const stream = new ScriptedStream(first.value.frame.value, headers?.get("authorization") ?? null);
  const read = async () => {
    for (let next = await frames.next(); next.done !== true; next = await frames.next()) {
      if (next.value.frame.case !== undefined) stream.received(next.value.frame);
    }
    stream.ended();
  };
  // A stream that was cut has nothing more to say.
  read().catch(() => stream.end());
  streams.add(stream);
  yield* stream.responses();
}

/** Streams without a network, for tests of the session alone. */
export function scriptStreams(): { open: OpenAttachStream; stream: () => Promise<ScriptedStream> } {
  const streams = new Arrivals<ScriptedStream>();
  return { open: (requests) => accept(requests, streams), stream: () => streams.take("stream") };
}

/** A WorkerService on a port of its own that does what its test says. */
export interface WorkerScript {
  readonly address: string;
  /** The next stream that a worker opens. */
  readonly stream: () => Promise<ScriptedStream>;
  /** Cuts all connections. */
  readonly cut: () => void;
  /** Cuts all connections and listens no more. */
  readonly stop: () => Promise<void>;
  /** Listens again where it did before. */
  readonly start: () => Promise<void>;
}

/** Starts a server whose worker streams the test scripts. */
export async function startWorkerScript(): Promise<WorkerScript> {
  const streams = new Arrivals<ScriptedStream>();
  const connections = new Set<Http2Session>();
  const adapter = connectNodeAdapter({
    routes: ({ service }) =>
      service(WorkerService, {
        attach: (requests, { requestHeader }) => accept(requests, streams, requestHeader),
      }),
  });
  const listen = async (port: number) => {
    const listening = createServer(adapter);
    listening.on("session", (connection) => {
      connections.add(connection);
      connection.on("error", () => undefined);
      connection.on("close", () => connections.delete(connection));
    });
    listening.listen(port, "127.0.0.1");
    await once(listening, "listening");
    return listening;
  };
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const connection of connections) connection.destroy();
  };
  return {
    address: `127.0.0.1:${port}`,
    stream: () => streams.take("stream"),
    cut,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
    async start() {
      server = await listen(port);
    },
  };
}

/** An assignment of the first attempt of an action in run `r`, unless it is told otherwise. */
export function assignment(action: string, options: AssignmentOptions = {}): Assignment {
  const { epoch = 1n, ...rest } = options;
  const attempt = create(AttemptReferenceSchema, { runId: "r", action, attempt: 1, epoch });
  return create(AssignmentSchema, { attempt, op: "work", ...rest });
}
