import type { Subscription } from "../../core/subscriptions/subscription.ts";
import type { PlacedEvent } from "../feed-pages.ts";

/** One event on its way to one consumer. */
export interface EventInFlight {
  readonly placed: PlacedEvent;
  /** How often it has been delivered, this time included, as far as this server knows. */
  readonly deliveryCount: number;
}

/** Who takes the events of a subscription. No call may throw. */
export interface Consumer {
  /** How many events it takes at once without an acknowledgement. */
  readonly inFlightMax: number;
  /**
   * True if it takes further events of a run while earlier ones of it are in flight, and keeps their order
   * itself; else there is one of a run at a time.
   */
  readonly isPipelined: boolean;
  /** Takes events, in order. False: it cannot, and is to be ended; the events go elsewhere. */
  deliver(deliveries: readonly EventInFlight[]): boolean;
  /** Nothing follows. The answer is awaited by a server that stops, for `deliveryStopGraceMs` at most. */
  end(cause: EndCause): Promise<void> | undefined;
}

/** Why a consumer gets no more. */
export type EndCause = "DELETED" | "STOPPING" | "TOO_SLOW";

/** Why events come back. */
export interface Rejection {
  /** Not before this time is over; undefined takes the subscription's backoff. */
  readonly delayMs: number | undefined;
  /** For people. */
  readonly cause: string;
  /** Trying again is of no use: the events are set aside at once. */
  readonly isFinal?: boolean;
}

/** What a consumer says of events that it was given. */
export interface Consuming {
  /**
   * The events are dealt with, whoever has them by now; settles when that is durable. Rejects when the
   * subscription or the server ends before.
   */
  acknowledge(positions: readonly number[]): Promise<void>;
  /** The events are to come again; what is not in flight to it any more is passed over. */
  reject(positions: readonly number[], rejection: Rejection): void;
  /** It is gone: what is in flight to it goes to others. The tries count unless it says that they do not. */
  close(options?: { readonly isUncounted: boolean }): void;
}

/** Sends the events of subscriptions of one kind to where they say. */
export interface Sender {
  /** Begins for one subscription; `open` makes it a consumer, as often as there is somebody to send to. */
  begin(subscription: Subscription, open: (consumer: Consumer) => Consuming): Sending;
}

/** A sender at work for one subscription. */
export interface Sending {
  /** The subscription is no more, or the server stops. Its consumers are ended besides. */
  end(): void;
}

/** Where a subscription stands here and now. Counts are since the server started. */
export interface DeliveryStatus {
  readonly inFlightCount: number;
  readonly acknowledgedCount: number;
  readonly failedCount: number;
  /** What the last failed delivery said; "" after one that did not fail. */
  readonly lastError: string;
  readonly consumerCount: number;
  /** When the oldest event was committed that is held here and not dealt with. */
  readonly oldestTimeMs: number | undefined;
}
