import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import {
  type Assignment,
  type Attach,
  type AttachRequest,
  type AttachResponse,
  AttachResponseSchema,
  type AttemptReference,
  type AttemptReport,
  type RecordedReportSchema,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { within } from "../breach.ts";
import { leaseMs, patienceMs, pulseIntervalMs } from "../conformance-limits.ts";
import type { Transcript } from "../transcript.ts";
import { referenceKey, type Said, type SaidOf, saidBy } from "./said.ts";

/** A frame of the server, as it is made. */
export type ResponseFrame = NonNullable<MessageInitShape<typeof AttachResponseSchema>["frame"]>;

/** What the server answers Attach with. */
export interface AttachedOptions {
  readonly keep?: readonly AttemptReference[];
  readonly drop?: readonly AttemptReference[];
  /** Undefined leaves it out. */
  readonly pulseIntervalMs?: number | undefined;
  readonly leaseMs?: number | undefined;
}

/** Who watches what goes over a stream. */
export interface StreamWatch {
  received(stream: ServerStream, request: AttachRequest): void;
  sent(stream: ServerStream, response: AttachResponse): void;
}

interface Waiter {
  readonly matches: (said: Said) => boolean;
  readonly resolve: (said: Said) => void;
}

/**
 * One Attach stream from the server's side. It pulses back and records reports by itself, unless it is told
 * not to; all else it sends only as its scenario says.
 */
export class ServerStream {
  /** Its number in the scenario, from 1. */
  readonly number: number;
  /** The frame it began with. */
  readonly attach: Attach;
  /** The `authorization` header it came with. */
  readonly authorization: string;
  /** When its first frame came, by `performance.now`. */
  readonly openedAtMs = performance.now();
  /** False for a server that does not pulse back. */
  answersPulses = true;
  /** False for a server that answers no report. */
  records = true;
  /** Resolves when nothing more comes from the worker: it ended its side, or the stream is gone. */
  readonly over: Promise<void>;
  readonly #watch: StreamWatch;
  readonly #transcript: Transcript;
  readonly #over = Promise.withResolvers<void>();
  readonly #said: Said[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #lookers = new Set<() => void>();
  readonly #outgoing: (AttachResponse | ConnectError | "end")[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;
  #pulseAtMs: number[] = [];

  constructor(options: {
    readonly number: number;
    readonly attach: Attach;
    readonly authorization: string;
    readonly watch: StreamWatch;
    readonly transcript: Transcript;
  }) {
    this.number = options.number;
    this.attach = options.attach;
    this.authorization = options.authorization;
    this.#watch = options.watch;
    this.#transcript = options.transcript;
    this.over = this.#over.promise;
  }

  /** True once nothing more comes from the worker. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** When each pulse came, by `performance.now`. */
  get pulsesAtMs(): readonly number[] {
    return this.#pulseAtMs;
  }

  /** Sends a frame. */
  send(frame: ResponseFrame): void {
    this.sendWhole(create(AttachResponseSchema, { frame }));
  }

  /** Sends a frame that may hold what no version of the contract has. */
  sendWhole(response: AttachResponse): void {
    this.#watch.sent(this, response);
    this.#push(response);
  }

  /** Answers Attach. */
  attached(options: AttachedOptions = {}): void {
    const { keep = this.attach.running, drop = [] } = options;
    const intervalMs = "pulseIntervalMs" in options ? options.pulseIntervalMs : pulseIntervalMs;
    const leaseLengthMs = "leaseMs" in options ? options.leaseMs : leaseMs;
    this.send({
      case: "attached",
      value: {
        sessionId: `conformance-${this.number}`,
        ...(leaseLengthMs !== undefined && { lease: durationFromMs(leaseLengthMs) }),
        ...(intervalMs !== undefined && { pulseInterval: durationFromMs(intervalMs) }),
        keep: keep.filter((one) => !drop.some((other) => referenceKey(other) === referenceKey(one))),
        drop: [...drop],
      },
    });
  }

  /** Sends work. */
  assign(...assignments: Assignment[]): void {
    this.send({ case: "assign", value: { assignments } });
  }

  /** Says of reports that they are durable. */
  record(...reports: AttemptReport[]): void {
    this.answer(reports.map(({ attempt, sequence }) => ({ ...(attempt && { attempt }), sequence })));
  }

  /** Answers reports, be it with refusals. */
  answer(reports: MessageInitShape<typeof RecordedReportSchema>[]): void {
    this.send({ case: "recorded", value: { reports } });
  }

  /** Says goodbye, and when to attach again if that is said. */
  leave(cause: string, reconnectAfterMs?: number): void {
    const when = reconnectAfterMs === undefined ? {} : { reconnectAfter: durationFromMs(reconnectAfterMs) };
    this.send({ case: "leave", value: { cause, ...when } });
  }

  /** Ends the stream well. */
  end(): void {
    this.#transcript.note(`server ${this.number}`, "ends the stream");
    this.#push("end");
  }

  /** Ends the stream with an error. */
  fail(error: ConnectError): void {
    this.#transcript.note(`server ${this.number}`, `ends the stream with ${error.message}`);
    this.#push(error);
  }

  /** The next thing of a kind that the worker says or has said and nobody took; others wait. */
  async next<K extends Said["kind"]>(
    kind: K,
    missing: string,
    isMeant: (said: SaidOf<K>) => boolean = () => true,
  ): Promise<SaidOf<K>> {
    const matches = (said: Said): boolean => said.kind === kind && isMeant(said as SaidOf<K>);
    const index = this.#said.findIndex(matches);
    if (index >= 0) return this.#said.splice(index, 1)[0] as SaidOf<K>;
    const { promise, resolve } = Promise.withResolvers<Said>();
    this.#waiters.push({ matches, resolve });
    return (await within(promise, patienceMs, missing)) as SaidOf<K>;
  }

  /** Waits until something holds, which is looked at with each frame that comes; takes nothing. */
  async until(holds: () => boolean, missing: string): Promise<void> {
    if (holds()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (holds()) resolve();
    };
    this.#lookers.add(look);
    try {
      await within(promise, patienceMs, missing);
    } finally {
      this.#lookers.delete(look);
    }
  }

  /** What the worker has said and nobody took. */
  get untaken(): readonly Said[] {
    return this.#said;
  }

  /** Takes in a frame of the worker's. */
  received(request: AttachRequest): void {
    this.#watch.received(this, request);
    for (const said of saidBy(request)) {
      if (said.kind === "pulse") {
        this.#pulseAtMs.push(performance.now());
        if (this.answersPulses) this.send({ case: "pulse", value: {} });
        continue;
      }
      const index = this.#waiters.findIndex(({ matches }) => matches(said));
      if (index >= 0) this.#waiters.splice(index, 1)[0]?.resolve(said);
      else this.#said.push(said);
      if (said.kind === "report" && this.records) this.record(said.report);
    }
    for (const look of this.#lookers) look();
  }

  /** Nothing more comes from the worker. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#over.resolve();
    this.#push("end");
  }

  /** What goes to the worker. */
  async *responses(): AsyncGenerator<AttachResponse> {
    for (;;) {
      const next = this.#outgoing.shift();
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (next === "end") {
        return;
      } else if (next instanceof Error) {
        throw next;
      } else {
        yield next;
      }
    }
  }

  #push(next: AttachResponse | ConnectError | "end"): void {
    this.#outgoing.push(next);
    this.#wake();
  }
}
