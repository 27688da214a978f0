import type {
  Acknowledge,
  Close,
  EventDelivery,
  Reject,
  SubscribeRequest,
} from "../../../gen/signalbox/v1/subscription_service_pb.ts";
import type { Consumer, Consuming, EndCause, EventInFlight } from "../../engine/subscriptions/consumer.ts";
import { eventSizeBytes } from "../../engine/subscriptions/event-size.ts";
import { frameItemsMax, reconnectAfterMs } from "../../limits.ts";
import { message } from "../mapping/message.ts";
import { fromDuration, toDuration } from "../mapping/time.ts";
import { toPlacedEvent } from "../mapping/to-proto-event.ts";
import { toConnectError, toThrown } from "../status.ts";
import { openExpected } from "./open-frame.ts";
import type { SubscriberQueue } from "./subscriber-queue.ts";

/** What a subscriber is made of. */
export interface SubscriberOptions {
  readonly queue: SubscriberQueue;
  readonly inFlightMax: number;
  readonly isPipelined: boolean;
}

/**
 * A consumer at the other end of a stream: what it is delivered goes into its queue under ids of the stream's
 * own, and what it says about these ids goes to the subscription.
 */
export class Subscriber implements Consumer {
  readonly inFlightMax: number;
  readonly isPipelined: boolean;
  readonly #queue: SubscriberQueue;
  /** What was delivered, by its id, the oldest first: the last `inFlightMax` that it said nothing about. */
  readonly #positionById = new Map<bigint, number>();
  #lastId = 0n;
  #consuming: Consuming | undefined;
  /** Acknowledgements that are not durable yet. */
  #inWorkCount = 0;
  #isLeaving = false;
  #whenSettled: (() => void) | undefined;

  constructor({ queue, inFlightMax, isPipelined }: SubscriberOptions) {
    this.#queue = queue;
    this.inFlightMax = inFlightMax;
    this.isPipelined = isPipelined;
  }

  deliver(deliveries: readonly EventInFlight[]): boolean {
    // What comes once it is told to leave is not sent: it goes to others, or comes again.
    if (this.#isLeaving) return true;
    return deliveries.every(({ placed, deliveryCount }) => {
      this.#lastId += 1n;
      this.#positionById.set(this.#lastId, Number(placed.position));
      this.#forgetOldest();
      const delivery = message<EventDelivery>({
        $typeName: "signalbox.v1.EventDelivery",
        deliveryId: this.#lastId,
        event: toPlacedEvent(placed),
        deliveryCount,
      });
      return this.#queue.pushDelivery(delivery, eventSizeBytes(placed.event));
    });
  }

  end(cause: EndCause): undefined {
    if (cause === "TOO_SLOW")
      this.#queue.abort(toConnectError({ reason: "TOO_SLOW", ...this.#queue.reached }));
    else if (cause === "STOPPING") void this.leave();
    else this.#close("the subscription was deleted", undefined);
  }

  /** The server stops: what was acknowledged is still answered, then the stream ends with STOPPING. */
  async leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    await this.#settled();
    this.#close("the server is stopping", reconnectAfterMs);
  }

  /** Reads until the frames end, or one of them ends the stream. Never rejects. */
  async read(frames: AsyncIterator<SubscribeRequest>, consuming: Consuming): Promise<void> {
    this.#consuming = consuming;
    try {
      while (!this.#queue.hasEnded) {
        const taken = await frames.next();
        if (taken.done === true) break;
        this.#take(taken.value.frame);
      }
      // A cancel looks the same; then nobody reads what is still said.
      await this.#settled();
      if (!this.#isLeaving) this.#queue.end();
    } catch (error) {
      await this.#settled();
      this.#queue.end(toThrown(error));
    }
  }

  #take(frame: SubscribeRequest["frame"]): void {
    switch (frame.case) {
      case "open":
        throw openExpected("a second open");
      case "acknowledge":
        void this.#acknowledge(frame.value);
        return;
      case "reject":
        this.#reject(frame.value);
        return;
      case "beat":
      case undefined:
        return;
    }
  }

  async #acknowledge({ deliveryIds }: Acknowledge): Promise<void> {
    const ids = deliveryIds.filter((id) => this.#positionById.has(id));
    if (ids.length === 0) return;
    const positions = this.#takeBack(ids);
    this.#inWorkCount += 1;
    try {
      await this.#consuming?.acknowledge(positions);
      if (!this.#queue.pushAcknowledged(ids.slice(0, frameItemsMax))) this.end("TOO_SLOW");
    } catch {
      // The subscription or the server ends, and with it this stream: what was not answered comes again.
    } finally {
      this.#inWorkCount -= 1;
      if (this.#inWorkCount === 0) this.#whenSettled?.();
    }
  }

  #reject({ deliveryIds, delay, cause }: Reject): void {
    const positions = this.#takeBack(deliveryIds);
    const told = cause === "" ? "its consumer rejected it" : cause;
    this.#consuming?.reject(positions, { delayMs: fromDuration(delay), cause: told });
  }

  /** The positions of deliveries; nothing more can be said about them. */
  #takeBack(ids: readonly bigint[]): readonly number[] {
    return ids.flatMap((id) => {
      const position = this.#positionById.get(id);
      this.#positionById.delete(id);
      return position ?? [];
    });
  }

  /** Those whose time was over are the oldest: no more than `inFlightMax` can be in flight at once. */
  #forgetOldest(): void {
    if (this.#positionById.size <= this.inFlightMax) return;
    for (const id of this.#positionById.keys()) {
      this.#positionById.delete(id);
      return;
    }
  }

  #close(cause: string, afterMs: number | undefined): void {
    const value = message<Close>({
      $typeName: "signalbox.v1.Close",
      cause,
      reconnectAfter: toDuration(afterMs),
    });
    this.#queue.push({ case: "close", value });
    this.#queue.end(afterMs === undefined ? undefined : toConnectError({ reason: "STOPPING" }));
  }

  async #settled(): Promise<void> {
    while (this.#inWorkCount > 0) {
      await new Promise<void>((resolve) => {
        this.#whenSettled = resolve;
      });
    }
  }
}
