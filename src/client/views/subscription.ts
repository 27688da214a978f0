import { durationMs } from "@bufbuild/protobuf/wkt";
import type {
  DeadLetter as DeadLetterMessage,
  Subscription as SubscriptionMessage,
} from "../../../gen/signalbox/v1/subscription_pb.ts";
import { toDate } from "./name.ts";

/** How the events of a subscription get to whoever subscribed. */
export type SubscriptionTarget =
  | { readonly kind: "pull" }
  /** The secret is told once, in the answer to `create`. */
  | { readonly kind: "webhook"; readonly url: string; readonly secret: string }
  | { readonly kind: "nats"; readonly subject: string };

/** Events that somebody gets for certain, and where their delivery stands. */
export interface Subscription {
  readonly namespace: string;
  readonly name: string;
  readonly target: SubscriptionTarget;
  /** The topics of its filter; empty for any event. */
  readonly topics: readonly string[];
  readonly ackTimeoutMs: number | undefined;
  /** How often the delivery of an event is tried before it is set aside; 0 is the target's default. */
  readonly deliveriesMax: number;
  readonly createTime: Date | undefined;
  /** How far behind the head of the feed it is, in events of the whole feed. */
  readonly lagEvents: number;
  /** When the oldest event was created that is not acknowledged. */
  readonly oldestTime: Date | undefined;
  readonly inFlightCount: number;
  /** Since the server started. */
  readonly acknowledgedCount: number;
  /** Since the server started. */
  readonly failedCount: number;
  /** How many events are set aside. */
  readonly deadLetterCount: number;
  /** What the last failed delivery said; empty after one that did not fail. */
  readonly lastError: string;
  readonly consumerCount: number;
}

/** An event that could not be delivered and was set aside. */
export interface DeadLetter {
  readonly eventId: string;
  readonly deliveryCount: number;
  readonly cause: string;
  readonly createTime: Date | undefined;
}

/** A subscription as plain values. */
export function toSubscription(subscription: SubscriptionMessage): Subscription {
  const { namespace, name, filter, ackTimeout, deliveriesMax, createTime, status } = subscription;
  return {
    namespace,
    name,
    target: toTarget(subscription.target),
    topics: filter?.topics ?? [],
    ackTimeoutMs: ackTimeout === undefined ? undefined : durationMs(ackTimeout),
    deliveriesMax,
    createTime: toDate(createTime),
    lagEvents: Number(status?.lagEvents ?? 0n),
    oldestTime: toDate(status?.oldestTime),
    inFlightCount: status?.inFlightCount ?? 0,
    acknowledgedCount: Number(status?.acknowledgedCount ?? 0n),
    failedCount: Number(status?.failedCount ?? 0n),
    deadLetterCount: Number(status?.deadLetterCount ?? 0n),
    lastError: status?.lastError ?? "",
    consumerCount: status?.consumerCount ?? 0,
  };
}

/** A dead letter as plain values. */
export function toDeadLetter(letter: DeadLetterMessage): DeadLetter {
  const { eventId, deliveryCount, cause, createTime } = letter;
  return { eventId, deliveryCount, cause, createTime: toDate(createTime) };
}

function toTarget(target: SubscriptionMessage["target"]): SubscriptionTarget {
  switch (target.case) {
    case "webhook":
      return { kind: "webhook", url: target.value.url, secret: target.value.secret };
    case "nats":
      return { kind: "nats", subject: target.value.subject };
    default:
      return { kind: "pull" };
  }
}
