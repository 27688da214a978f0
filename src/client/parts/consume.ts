import { setTimeout as delay } from "node:timers/promises";
import type { Event as EventMessage } from "../../../gen/signalbox/v1/event_pb.ts";
import type { EventDelivery } from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import { fromDuration, toDuration } from "../spec/duration.ts";
import { type Event, toEvent } from "../views/event.ts";
import { type Calls, required } from "../wire/calls.ts";
import { ConsumerStream } from "../wire/consumer-stream.ts";
import { Patience } from "../wire/patience.ts";
import { isCut, stoppable } from "../wire/stream.ts";
import { withoutUndefined } from "../without-undefined.ts";

/** How a subscription is consumed. */
export interface ConsumeOptions {
  readonly namespace?: string | undefined;
  /** For people: who consumes. */
  readonly consumerId?: string;
  /** How many events are taken at once without an acknowledgement, 1 to 10,000; 100 unless said. */
  readonly inFlightMax?: number;
  /**
   * Take further events of a run while earlier ones of it are not acknowledged, still in their order. What is
   * given back comes again with those behind it.
   */
  readonly pipelined?: boolean;
  /** Aborting it ends the stream: what is not acknowledged goes to another consumer. */
  readonly signal?: AbortSignal | undefined;
}

/** One event on its way to this consumer. */
export interface ConsumedEvent {
  /** The event; its id is the same however often it comes. */
  readonly event: Event;
  /** The event as it came, over messages. */
  readonly message: EventMessage;
  /** How often it has been delivered, this time included, as far as the server knows. */
  readonly deliveryCount: number;
  /**
   * Says that it was dealt with. Fulfilled with true when that is durable; with false when the stream was cut
   * before, after which the event comes again. Never rejected.
   */
  ack(this: void): Promise<boolean>;
  /** Gives it back, to be delivered again, after the subscription's backoff unless a delay is said. */
  reject(this: void, options?: { readonly delayMs?: number; readonly cause?: string }): void;
}

/** Consumes a subscription, over one stream after another. */
export function consume(
  calls: Calls,
  name: string,
  options: ConsumeOptions = {},
): AsyncGenerator<ConsumedEvent, undefined> {
  const stop = new AbortController();
  return stoppable(follow(calls, { ...options, name, stop: stop.signal }), stop);
}

async function* follow(
  calls: Calls,
  { stop, signal, ...options }: ConsumeOptions & { readonly name: string; readonly stop: AbortSignal },
): AsyncGenerator<ConsumedEvent, undefined> {
  const { namespace = calls.namespace, name, consumerId = "", inFlightMax = 0, pipelined = false } = options;
  const opening = { namespace, name, consumerId, inFlightMax, pipelined };
  const ends = signal === undefined ? stop : AbortSignal.any([stop, signal]);
  const patience = new Patience(calls);
  while (!ends.aborted) {
    const stream = new ConsumerStream({ subscriptions: calls.raw.subscriptions, opening, ends });
    let failure: unknown;
    try {
      for await (const delivery of stream.deliveries()) yield toConsumed(stream, delivery);
    } catch (error) {
      if (!ends.aborted && !isCut(error)) throw error;
      failure = error;
    } finally {
      stream.close();
    }
    const { wasHeard, goodbye } = stream;
    if (goodbye !== undefined && goodbye.reconnectAfter === undefined) return;
    if (wasHeard) patience.heard();
    if (!ends.aborted) {
      const waitMs = patience.waitMs(failure, fromDuration(goodbye?.reconnectAfter));
      await delay(waitMs, undefined, { signal: ends }).catch(() => undefined);
    }
  }
  signal?.throwIfAborted();
}

function toConsumed(stream: ConsumerStream, delivery: EventDelivery): ConsumedEvent {
  const message = required(delivery.event);
  let isRejected = false;
  return {
    event: toEvent(message),
    message,
    deliveryCount: delivery.deliveryCount,
    ack: () => (isRejected ? Promise.resolve(false) : stream.acknowledge(delivery)),
    reject({ delayMs, cause = "" } = {}) {
      const asked = withoutUndefined({ delay: toDuration(delayMs), cause });
      isRejected = true;
      stream.reject(delivery, asked);
    },
  };
}
