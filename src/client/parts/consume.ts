import { setTimeout as delay } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Event as EventMessage } from "../../../gen/signalbox/v1/event_pb.ts";
import type {
  EventDelivery,
  SubscribeRequestSchema,
  SubscribeResponse,
} from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { beatIntervalMs } from "../client-limits.ts";
import { toDuration } from "../spec/plan.ts";
import { UnavailableError } from "../refused-error.ts";
import { type Event, toEvent } from "../views/event.ts";
import type { Calls } from "../wire/calls.ts";
import { FrameQueue } from "../wire/frame-queue.ts";
import { backoffMs, describeUnavailable, isTransient } from "../wire/retry.ts";

/** How a subscription is consumed. */
export interface ConsumeOptions {
  readonly namespace?: string | undefined;
  /** For people: who consumes. */
  readonly consumerId?: string;
  /** How many events are taken at once without an acknowledgement; 100 unless said. */
  readonly inFlightMax?: number;
  /**
   * Takes further events of a run before earlier ones of it are acknowledged, still in order; for those who work
   * through them one after the other.
   */
  readonly pipelined?: boolean;
  /** Aborting it ends the stream: what is not acknowledged goes to another consumer. */
  readonly signal?: AbortSignal;
}

/** One event on its way to this consumer. */
export interface ConsumedEvent {
  readonly event: Event;
  /** The event as it came, over messages. */
  readonly message: EventMessage;
  /** How often it has been delivered, this time included, as far as the server knows. */
  readonly deliveryCount: number;
  /**
   * Says that it was dealt with. Fulfilled when that is durable; rejected with an UnavailableError when the
   * stream was cut before, after which the event comes again.
   */
  ack(): Promise<void>;
  /** Gives it back, to be delivered again, after the subscription's backoff unless a delay is said. */
  reject(options?: { readonly delayMs?: number; readonly cause?: string }): void;
}

type Frame = MessageInitShape<typeof SubscribeRequestSchema>;

/** Consumes a subscription, over one stream after another. */
export async function* consume(
  calls: Calls,
  name: string,
  options: ConsumeOptions,
): AsyncGenerator<ConsumedEvent, undefined> {
  const { policy, address } = calls;
  const stop = new AbortController();
  const ends = options.signal === undefined ? stop.signal : AbortSignal.any([stop.signal, options.signal]);
  let failures = 0;
  let lastHeardAt = performance.now();
  try {
    while (!ends.aborted) {
      const stream = new ConsumerStream(calls, name, { ...options, signal: ends });
      let failure: unknown;
      try {
        for await (const event of stream.events()) {
          failures = 0;
          yield event;
          lastHeardAt = performance.now();
        }
      } catch (error) {
        if (!ends.aborted && !isTransient(error)) throw error;
        failure = error;
      } finally {
        stream.close();
      }
      failures += 1;
      if (stream.wasOpened) lastHeardAt = performance.now();
      const waitMs = stream.reconnectAfterMs ?? backoffMs(policy, failures, failure);
      if (!ends.aborted && performance.now() + waitMs - lastHeardAt > policy.resumeForMs) {
        const reason = failure ?? "the stream ended";
        const text = describeUnavailable(address, reason);
        throw new UnavailableError(text, { attempts: failures, cause: failure });
      }
      await delay(waitMs, undefined, { signal: ends }).catch(() => undefined);
    }
    options.signal?.throwIfAborted();
  } finally {
    stop.abort();
  }
}

/** How many events are taken at once by a consumer that does not say. */
const defaultInFlightMax = 100;

/**
 * One stream of a consumer. It is read whether events are taken or not, since whoever waits for an
 * acknowledgement takes none; so what was delivered waits here, `inFlightMax` of them and what came again.
 */
class ConsumerStream {
  wasOpened = false;
  /** When to open again, if the server said it. */
  reconnectAfterMs: number | undefined;
  readonly #calls: Calls;
  readonly #signal: AbortSignal;
  readonly #outgoing = new FrameQueue<Frame>();
  readonly #waiting = new Map<bigint, PromiseWithResolvers<void>>();
  readonly #delivered: ConsumedEvent[] = [];
  readonly #deliveredMax: number;
  readonly #beat: NodeJS.Timeout;
  #end: { readonly failure: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(calls: Calls, name: string, options: ConsumeOptions & { readonly signal: AbortSignal }) {
    this.#calls = calls;
    this.#signal = options.signal;
    const { namespace = calls.namespace, consumerId = "", inFlightMax = defaultInFlightMax } = options;
    const { pipelined = false } = options;
    this.#deliveredMax = 2 * inFlightMax;
    this.#send({ frame: { case: "open", value: { namespace, name, consumerId, inFlightMax, pipelined } } });
    this.#beat = setInterval(() => this.#send({ frame: { case: "beat", value: {} } }), beatIntervalMs);
  }

  async *events(): AsyncGenerator<ConsumedEvent, undefined> {
    void this.#receive();
    for (;;) {
      const next = this.#delivered.shift();
      if (next !== undefined) yield next;
      else if (this.#end === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (this.#end.failure === undefined) return;
      else throw this.#end.failure;
    }
  }

  async #receive(): Promise<void> {
    let failure: unknown;
    try {
      const answers = this.#calls.raw.subscriptions.subscribe(this.#outgoing, { signal: this.#signal });
      for await (const { frame } of answers) {
        if (!this.#take(frame)) break;
        this.#wake?.();
      }
    } catch (error) {
      failure = error;
    }
    this.#end = { failure };
    // What was not taken by now comes again, and it cannot be acknowledged any more.
    this.#delivered.length = 0;
    this.close();
    this.#wake?.();
  }

  /** Takes a frame; false if the stream is over with it. */
  #take(frame: SubscribeResponse["frame"]): boolean {
    switch (frame.case) {
      case "opened":
        this.wasOpened = true;
        return true;
      case "deliver":
        for (const delivery of frame.value.deliveries) this.#delivered.push(this.#consumed(delivery));
        // More than can be in flight have timed out here: they come again on a new stream.
        return this.#delivered.length <= this.#deliveredMax;
      case "acknowledged":
        for (const id of frame.value.deliveryIds) this.#settle(id);
        return true;
      case "close": {
        const { reconnectAfter, cause } = frame.value;
        if (reconnectAfter === undefined) throw new Error(`the subscription was closed: ${cause}`);
        this.reconnectAfterMs = durationMs(reconnectAfter);
        return false;
      }
      default:
        return true;
    }
  }

  close(): void {
    clearInterval(this.#beat);
    this.#outgoing.end();
    for (const waiting of this.#waiting.values()) waiting.reject(lost());
    this.#waiting.clear();
  }

  #consumed({ deliveryId, event, deliveryCount }: EventDelivery): ConsumedEvent {
    if (event === undefined) throw new Error("the server left out what its delivery is about");
    return {
      event: toEvent(event),
      message: event,
      deliveryCount,
      ack: () => this.#acknowledge(deliveryId),
      reject: ({ delayMs, cause = "" } = {}) => {
        const wait = toDuration(delayMs);
        const value = { deliveryIds: [deliveryId], cause, ...(wait === undefined ? {} : { delay: wait }) };
        this.#send({ frame: { case: "reject", value } });
      },
    };
  }

  #acknowledge(deliveryId: bigint): Promise<void> {
    if (this.#outgoing.hasEnded) return Promise.reject(lost());
    const known = this.#waiting.get(deliveryId);
    if (known !== undefined) return known.promise;
    const waiting = Promise.withResolvers<void>();
    // Whoever does not wait for it is told by the event that comes again.
    waiting.promise.catch(() => undefined);
    this.#waiting.set(deliveryId, waiting);
    this.#send({ frame: { case: "acknowledge", value: { deliveryIds: [deliveryId] } } });
    return waiting.promise;
  }

  #settle(deliveryId: bigint): void {
    this.#waiting.get(deliveryId)?.resolve();
    this.#waiting.delete(deliveryId);
  }

  #send(frame: Frame): void {
    this.#outgoing.push(frame);
  }
}

function lost(): UnavailableError {
  const text = "the stream was cut before the acknowledgement was durable: the event comes again";
  return new UnavailableError(text, { attempts: 1, cause: undefined });
}
