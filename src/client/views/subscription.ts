import type {
  DeadLetter as DeadLetterMessage,
  Subscription as SubscriptionMessage,
} from "../../../gen/signalbox/v1/subscription_pb.ts";
import { fromDuration } from "../spec/duration.ts";
import { type EventQuery, fromEventFilter } from "../spec/event-filter.ts";
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
  /** Which events; empty for all that it can see. */
  readonly filter: EventQuery & { readonly namespace?: string };
  readonly ackTimeoutMs: number | undefined;
  /** How often the delivery of an event is tried before it is set aside; 0 is the target's default. */
  readonly deliveriesMax: number;
  /** How many events may be on their way at once; 0 is the server's default. */
  readonly inFlightMax: number;
  readonly initialBackoffMs: number | undefined;
  readonly backoffMsMax: number | undefined;
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
  /** How many events were removed from the feed before it had dealt with them. */
  readonly missedCount: number;
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
  const { namespace, name, deliveriesMax, inFlightMax, status } = subscription;
  return {
    namespace,
    name,
    target: toTarget(subscription.target),
    filter: fromEventFilter(subscription.filter),
    ackTimeoutMs: fromDuration(subscription.ackTimeout),
    deliveriesMax,
    inFlightMax,
    initialBackoffMs: fromDuration(subscription.initialBackoff),
    backoffMsMax: fromDuration(subscription.maxBackoff),
    createTime: toDate(subscription.createTime),
    lagEvents: Number(status?.lagEvents ?? 0n),
    oldestTime: toDate(status?.oldestTime),
    inFlightCount: status?.inFlightCount ?? 0,
    acknowledgedCount: Number(status?.acknowledgedCount ?? 0n),
    failedCount: Number(status?.failedCount ?? 0n),
    deadLetterCount: Number(status?.deadLetterCount ?? 0n),
    lastError: status?.lastError ?? "",
    consumerCount: status?.consumerCount ?? 0,
    missedCount: Number(status?.missedCount ?? 0n),
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
