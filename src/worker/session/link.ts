import { create } from "@bufbuild/protobuf";
import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import {
  type Attach,
  type Attached,
  type AttachRequest,
  AttachRequestSchema,
  type AttachResponse,
  LeaveSchema,
  PulseSchema,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import {
  attachedTimeoutMs,
  pulseIntervalMsDefault,
  silentPulsesMax,
  stableStreamMs,
  timerMsMax,
} from "../worker-limits.ts";
import type { OpenAttachStream } from "./attach-stream.ts";
import type { OutgoingFrame } from "./outbox.ts";

/** A frame from the server other than the first. */
export type IncomingFrame = Exclude<AttachResponse["frame"], { case: "attached" | undefined }>;

/** Why and when a link closed. */
export interface Closing {
  /** What happened, for people. */
  readonly message: string;
  /** The reason of Signalbox's own, such as `SESSION_GONE`, if the server gave one. */
  readonly reason?: string;
  /** The facts the server gave with the reason. */
  readonly facts: Readonly<Record<string, string>>;
  /** True if the server had answered Attach. */
  readonly wasAttached: boolean;
  /** True if the stream stood long enough to count as a good one. */
  readonly wasStable: boolean;
}

/** What a link tells its session. After `closed` it tells nothing more. */
export interface LinkEvents {
  attached(link: Link, attached: Attached): void;
  received(link: Link, frame: IncomingFrame): void;
  closed(link: Link, closing: Closing): void;
}

/** How to open a link. */
export interface LinkOptions {
  readonly open: OpenAttachStream;
  readonly attach: Attach;
  /** Gives the next frame when the stream has room for one. */
  readonly takeFrame: () => OutgoingFrame | undefined;
  readonly events: LinkEvents;
}

/**
 * One stream to the server and its liveness.
 *
 * - `attaching`: Attach is sent. Becomes attached with the answer, or closes when none comes in time.
 * - `attached`: frames flow; the link pulses, and closes itself when three pulses in a row get no answer.
 * - `leaving`: Leave follows what is left to say, then the sending side ends.
 * - `closed`: the last state; the session decides what follows.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #abort = new AbortController();
  readonly #urgent: OutgoingFrame[] = [];
  #state: "attaching" | "attached" | "leaving" | "closed" = "attaching";
  #farewell: OutgoingFrame | undefined;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #attachedAt: number | undefined;
  /** Pulses since the last frame of the server's. */
  #unansweredPulses = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    const timesOut = () =>
      this.#close({ message: `the server did not answer Attach within ${attachedTimeoutMs} ms` });
    this.#timer = setTimeout(timesOut, attachedTimeoutMs);
    void this.#receive();
  }

  /** True while frames may be sent. */
  get isAttached(): boolean {
    return this.#state === "attached";
  }

  /** Says that there may be a frame to take. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Sends a frame ahead of all that waits. */
  say(frame: OutgoingFrame): void {
    this.#urgent.push(frame);
    this.wake();
  }

  /** Says goodbye after what waits, and ends the sending side. The server ends the stream then. */
  leave(cause: string): void {
    this.#state = "leaving";
    this.#farewell = { case: "leave", value: create(LeaveSchema, { cause }) };
    this.wake();
  }

  /** Cuts the stream without a word. `closed` is not told. */
  abort(): void {
    if (this.#state !== "closed") {
      this.#state = "closed";
      clearTimeout(this.#timer);
      this.#abort.abort();
    }
  }

  async #receive(): Promise<void> {
    const responses = this.#options.open(this.#requests(), this.#abort.signal)[Symbol.asyncIterator]();
    // What goes wrong while a frame is taken in is a fault of this program and not of the stream, so only
    // `next` is guarded.
    for (;;) {
      const next = await responses.next().catch((error: unknown) => this.#close(readClosing(error)));
      if (next === undefined || this.#state === "closed") {
        return;
      }
      if (next.done === true) {
        return this.#close({ message: "the server ended the stream" });
      }
      this.#unansweredPulses = 0;
      this.#take(next.value);
    }
  }

  #take({ frame }: AttachResponse): void {
    if (frame.case === "attached") {
      if (this.#state === "attaching") {
        this.#begin(frame.value);
      }
    } else if (frame.case !== undefined && this.#state !== "attaching") {
      this.#options.events.received(this, frame);
    }
  }

  #begin(attached: Attached): void {
    this.#state = "attached";
    this.#attachedAt = performance.now();
    clearTimeout(this.#timer);
    this.#timer = setInterval(() => this.#pulse(), readPulseInterval(attached));
    this.#options.events.attached(this, attached);
    this.wake();
  }

  /**
   * Pulses are counted and not time: after the whole process was halted, or had no processor, the server has
   * said nothing because it was asked nothing.
   */
  #pulse(): void {
    const isSilent = () => this.#unansweredPulses >= silentPulsesMax;
    if (!isSilent()) {
      this.#unansweredPulses += 1;
      return this.say({ case: "pulse", value: create(PulseSchema) });
    }
    // Frames that have come and are not yet read count first.
    setImmediate(() => {
      if (isSilent()) {
        this.#close({ message: `the server was silent for ${silentPulsesMax} pulse intervals` });
      }
    });
  }

  async *#requests(): AsyncGenerator<AttachRequest> {
    yield create(AttachRequestSchema, { frame: { case: "attach", value: this.#options.attach } });
    for (;;) {
      const frame = this.#next();
      if (frame !== undefined) {
        yield create(AttachRequestSchema, { frame });
      } else if (this.#state === "leaving") {
        return;
      } else {
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
      }
    }
  }

  #next(): OutgoingFrame | undefined {
    if (this.#state === "attaching" || this.#state === "closed") {
      return undefined;
    }
    const frame = this.#urgent.shift() ?? this.#options.takeFrame() ?? this.#farewell;
    if (frame === this.#farewell) {
      this.#farewell = undefined;
    }
    return frame;
  }

  #close({
    message,
    reason,
    facts = {},
  }: {
    message: string;
    reason?: string;
    facts?: Record<string, string>;
  }): undefined {
    if (this.#state === "closed") {
      return;
    }
    const wasAttached = this.#attachedAt !== undefined;
    const wasStable = performance.now() - (this.#attachedAt ?? performance.now()) > stableStreamMs;
    this.abort();
    const why = reason === undefined ? { message, facts } : { message, reason, facts };
    this.#options.events.closed(this, { ...why, wasAttached, wasStable });
  }
}

/** A duration of the contract in milliseconds, as a timer takes it; 0 if it is not set. */
export function readMs(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Math.min(durationMs(duration), timerMsMax);
}

function readPulseInterval({ pulseInterval }: Attached): number {
  const intervalMs = readMs(pulseInterval);
  return intervalMs > 0 ? intervalMs : pulseIntervalMsDefault;
}

function readClosing(error: unknown): { message: string; reason?: string; facts?: Record<string, string> } {
  const refused = ConnectError.from(error);
  const told = refused.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "signalbox");
  const message = `${Code[refused.code]}: ${refused.rawMessage}`;
  return told === undefined ? { message } : { message, reason: told.reason, facts: told.metadata };
}
