import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Client } from "@connectrpc/connect";
import type {
  Close,
  EventDelivery,
  OpenSchema,
  SubscribeRequestSchema,
  SubscribeResponse,
  SubscriptionService,
} from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { ackAnswerTimeoutMs, acksPerFrameMax, beatIntervalMs, inFlightDefault } from "../client-limits.ts";
import { FrameQueue } from "./frame-queue.ts";
import { openStream } from "./stream.ts";

/** What a stream of a consumer is opened with. */
export interface ConsumerStreamOptions {
  readonly subscriptions: Client<typeof SubscriptionService>;
  readonly opening: MessageInitShape<typeof OpenSchema>;
  /** Aborting it ends the stream. */
  readonly ends: AbortSignal;
}

interface WaitingAck {
  readonly promise: Promise<boolean>;
  readonly resolve: (isDurable: boolean) => void;
  readonly sentAt: number;
}

/**
 * One stream of a consumer. It is read all the time, so that acknowledgements are answered while the consumer
 * works; what was delivered waits here until it is taken.
 *
 * As many events wait here as may be in flight. Only a consumer that lets their time run out is sent more:
 * then the oldest of them, and those behind it in its run, are dropped and come again.
 */
export class ConsumerStream {
  readonly #outgoing = new FrameQueue<MessageInitShape<typeof SubscribeRequestSchema>>();
  readonly #answers: AsyncIterable<SubscribeResponse>;
  readonly #stop = new AbortController();
  readonly #beats: NodeJS.Timeout;
  readonly #waitingMax: number;
  /** What was delivered and not taken, by the event's id, in its order. */
  readonly #arrived = new Map<string, EventDelivery>();
  readonly #acks = new Map<bigint, WaitingAck>();
  #unsentAcks: bigint[] = [];
  #wasHeard = false;
  #hasEnded = false;
  #failure: Error | undefined;
  #close: Close | undefined;
  #wake: () => void = () => undefined;

  constructor({ subscriptions, opening, ends }: ConsumerStreamOptions) {
    this.#waitingMax = opening.inFlightMax || inFlightDefault;
    this.#outgoing.push({ frame: { case: "open", value: opening } });
    this.#answers = openStream(
      (signal) => subscriptions.subscribe(this.#outgoing, { signal }),
      AbortSignal.any([ends, this.#stop.signal]),
    );
    this.#beats = setInterval(() => this.#beat(), beatIntervalMs);
  }

  /** True once anything came. */
  get wasHeard(): boolean {
    return this.#wasHeard;
  }

  /** How the server said goodbye; undefined if it did not. */
  get goodbye(): Close | undefined {
    return this.#close;
  }

  /** What is delivered, until the stream ends. Throws what cut it. */
  async *deliveries(): AsyncGenerator<EventDelivery, undefined> {
    void this.#read();
    for (;;) {
      // What the stream still had when it ended cannot be acknowledged any more.
      if (this.#hasEnded) {
        if (this.#failure !== undefined) throw this.#failure;
        return;
      }
      const [next] = this.#arrived;
      if (next === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else {
        this.#arrived.delete(next[0]);
        yield next[1];
      }
    }
  }

  /**
   * Acknowledges a delivery. Fulfilled with true when that is durable, with false when that cannot be known
   * any more: then its event may come again.
   */
  acknowledge({ deliveryId }: EventDelivery): Promise<boolean> {
    if (this.#hasEnded) return Promise.resolve(false);
    const known = this.#acks.get(deliveryId);
    if (known !== undefined) return known.promise;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#acks.set(deliveryId, { promise, resolve, sentAt: performance.now() });
    // What is acknowledged in one turn of the event loop travels together.
    if (this.#unsentAcks.push(deliveryId) === 1) setImmediate(() => this.#sendAcks());
    return promise;
  }

  /** Gives a delivery back. Those behind it in its run come again after it. */
  reject(delivery: EventDelivery, options: { readonly delay?: Duration; readonly cause: string }): void {
    const value = { deliveryIds: [delivery.deliveryId], ...options };
    this.#outgoing.push({ frame: { case: "reject", value } });
    this.#dropLane(delivery);
  }

  /** Ends the stream; whoever waits for an acknowledgement is told that it is not known to be durable. */
  close(): void {
    clearInterval(this.#beats);
    this.#end();
    this.#stop.abort();
  }

  async #read(): Promise<void> {
    try {
      for await (const { frame } of this.#answers) {
        this.#wasHeard = true;
        if (frame.case === "close") {
          this.#close = frame.value;
          break;
        }
        if (frame.case === "deliver") this.#arrive(frame.value.deliveries);
        if (frame.case === "acknowledged") this.#settle(frame.value.deliveryIds);
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#end();
  }

  #arrive(deliveries: readonly EventDelivery[]): void {
    for (const delivery of deliveries) {
      this.#arrived.set(delivery.event?.eventId ?? "", delivery);
      if (this.#arrived.size > this.#waitingMax) {
        const [oldest = delivery] = this.#arrived.values();
        this.#dropLane(oldest);
      }
    }
    this.#wake();
  }

  #dropLane({ event }: EventDelivery): void {
    for (const [eventId, { event: other }] of this.#arrived) {
      if (other?.runId === event?.runId && other?.namespace === event?.namespace) {
        this.#arrived.delete(eventId);
      }
    }
  }

  #sendAcks(): void {
    const deliveryIds = this.#unsentAcks;
    this.#unsentAcks = [];
    for (let from = 0; from < deliveryIds.length; from += acksPerFrameMax) {
      const value = { deliveryIds: deliveryIds.slice(from, from + acksPerFrameMax) };
      this.#outgoing.push({ frame: { case: "acknowledge", value } });
    }
  }

  #settle(deliveryIds: readonly bigint[]): void {
    for (const deliveryId of deliveryIds) {
      this.#acks.get(deliveryId)?.resolve(true);
      this.#acks.delete(deliveryId);
    }
  }

  /** A delivery that the server does not know any more is never answered for. */
  #beat(): void {
    this.#outgoing.push({ frame: { case: "beat", value: {} } });
    const before = performance.now() - ackAnswerTimeoutMs;
    for (const [deliveryId, { sentAt, resolve }] of this.#acks) {
      if (sentAt > before) break;
      resolve(false);
      this.#acks.delete(deliveryId);
    }
  }

  #end(): void {
    this.#hasEnded = true;
    this.#outgoing.end();
    for (const { resolve } of this.#acks.values()) resolve(false);
    this.#acks.clear();
    this.#wake();
  }
}
