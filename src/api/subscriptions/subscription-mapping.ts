import type { EventFilter as EventFilterMessage } from "../../../gen/signalbox/v1/event_service_pb.ts";
import type {
  DeadLetter as DeadLetterMessage,
  NatsTarget,
  Subscription as SubscriptionMessage,
  SubscriptionStatus,
  Webhook,
} from "../../../gen/signalbox/v1/subscription_pb.ts";
import { openCount } from "../../core/subscriptions/place.ts";
import type {
  DeadLetter,
  Subscription,
  SubscriptionContent,
  SubscriptionFilter,
  SubscriptionTarget,
} from "../../core/subscriptions/subscription.ts";
import type { DeliveryStatus } from "../../engine/subscriptions/consumer.ts";
import { subjectFault } from "../delivery/nats-subject.ts";
import { addressFault, secretFault } from "../delivery/webhook-content.ts";
import { eventKinds } from "../mapping/enums.ts";
import type { Faults } from "../mapping/faults.ts";
import { message } from "../mapping/message.ts";
import { fromDuration, toDuration, toTimestamp } from "../mapping/time.ts";
import { toEventId } from "../mapping/to-proto-event.ts";

/** What the contract says for what a subscription leaves out. */
const defaults = {
  ackTimeoutMs: 30_000,
  inFlightMax: 1_000,
  initialBackoffMs: 1_000,
  maxBackoffMs: 60_000,
  webhookDeliveriesMax: 20,
  webhookTimeoutMs: 10_000,
  natsSubject: "signalbox.{topic}",
} as const;
/** How long `last_error` may be on the wire, as the contract says. */
const errorLengthMax = 4_096;

/** What a caller states of a subscription, defaults filled in; a webhook's secret is "" if none was said. */
export function fromSubscription(
  stated: SubscriptionMessage,
  namespace: string,
  faults: Faults,
): SubscriptionContent {
  const initialBackoffMs = fromDuration(stated.initialBackoff) ?? defaults.initialBackoffMs;
  const target = fromTarget(stated.target, faults);
  const tries = target.kind === "webhook" ? defaults.webhookDeliveriesMax : 0;
  return {
    filter: fromFilter(stated.filter, namespace),
    target,
    ackTimeoutMs: fromDuration(stated.ackTimeout) ?? defaults.ackTimeoutMs,
    deliveriesMax: stated.deliveriesMax === 0 ? tries : stated.deliveriesMax,
    inFlightMax: stated.inFlightMax === 0 ? defaults.inFlightMax : stated.inFlightMax,
    initialBackoffMs,
    maxBackoffMs: Math.max(initialBackoffMs, fromDuration(stated.maxBackoff) ?? defaults.maxBackoffMs),
  };
}

/** Sorted, so that the order in which things are named makes no other subscription. */
function fromFilter(filter: EventFilterMessage | undefined, namespace: string): SubscriptionFilter {
  return {
    namespace: filter === undefined || filter.namespace === "" ? namespace : filter.namespace,
    runId: filter?.runId ?? "",
    kinds: (filter?.kinds ?? []).flatMap((kind) => eventKinds.word(kind) ?? []).sort(),
    labels: filter?.labels ?? {},
    topics: [...(filter?.topics ?? [])].sort(),
    ...(filter === undefined || filter.expression === "" ? {} : { expression: filter.expression }),
  };
}

function fromTarget(target: SubscriptionMessage["target"], faults: Faults): SubscriptionTarget {
  switch (target.case) {
    case "webhook": {
      const { url, secret, timeout } = target.value;
      faults.within("webhook", () => {
        const fault = addressFault(url);
        if (fault !== undefined) faults.within("url", () => faults.add(fault));
        const wrong = secret === "" ? undefined : secretFault(secret);
        if (wrong !== undefined) faults.within("secret", () => faults.add(wrong));
      });
      return { kind: "webhook", url, secret, timeoutMs: fromDuration(timeout) ?? defaults.webhookTimeoutMs };
    }
    case "nats": {
      const subject = target.value.subject === "" ? defaults.natsSubject : target.value.subject;
      const fault = subjectFault(subject);
      if (fault !== undefined) faults.within("nats", () => faults.within("subject", () => faults.add(fault)));
      return { kind: "nats", subject };
    }
    case "pull":
    case undefined:
      return { kind: "pull" };
  }
}

/** Where a subscription stands: durably, here, and against the head of the feed. */
export interface Standing {
  readonly status: DeliveryStatus | undefined;
  /** The position of the last event of the feed. */
  readonly head: number;
}

/** A subscription as it stands, with the secret of its webhook only if that is to be shown. */
export function toSubscription(
  subscription: Subscription,
  standing: Standing,
  { showsSecret = false } = {},
): SubscriptionMessage {
  return message<SubscriptionMessage>({
    $typeName: "signalbox.v1.Subscription",
    namespace: subscription.namespace,
    name: subscription.name,
    filter: toFilter(subscription.filter),
    target: toTarget(subscription.target, showsSecret),
    ackTimeout: toDuration(subscription.ackTimeoutMs),
    deliveriesMax: subscription.deliveriesMax,
    inFlightMax: subscription.inFlightMax,
    initialBackoff: toDuration(subscription.initialBackoffMs),
    maxBackoff: toDuration(subscription.maxBackoffMs),
    createTime: toTimestamp(subscription.createTimeMs),
    status: toStatus(subscription, standing),
  });
}

function toFilter({
  namespace,
  runId,
  kinds,
  labels,
  topics,
  expression = "",
}: SubscriptionFilter): EventFilterMessage {
  return message<EventFilterMessage>({
    $typeName: "signalbox.v1.EventFilter",
    namespace,
    runId,
    kinds: kinds.map((kind) => eventKinds.of[kind]),
    labels,
    topics: [...topics],
    expression,
  });
}

function toTarget(target: SubscriptionTarget, showsSecret: boolean): SubscriptionMessage["target"] {
  switch (target.kind) {
    case "pull":
      return { case: "pull", value: { $typeName: "google.protobuf.Empty" } };
    case "webhook": {
      const { url, secret, timeoutMs } = target;
      const timeout = toDuration(timeoutMs);
      const shown = showsSecret ? secret : "";
      const value = message<Webhook>({ $typeName: "signalbox.v1.Webhook", url, secret: shown, timeout });
      return { case: "webhook", value };
    }
    case "nats": {
      const value = message<NatsTarget>({ $typeName: "signalbox.v1.NatsTarget", subject: target.subject });
      return { case: "nats", value };
    }
  }
}

function toStatus(subscription: Subscription, { status, head }: Standing): SubscriptionStatus {
  return message<SubscriptionStatus>({
    $typeName: "signalbox.v1.SubscriptionStatus",
    lagEvents: BigInt(openCount(subscription, head)),
    oldestTime: toTimestamp(status?.oldestTimeMs),
    inFlightCount: status?.inFlightCount ?? 0,
    acknowledgedCount: BigInt(status?.acknowledgedCount ?? 0),
    failedCount: BigInt(status?.failedCount ?? 0),
    deadLetterCount: BigInt(subscription.deadLetterCount),
    lastError: (status?.lastError ?? "").slice(0, errorLengthMax),
    consumerCount: status?.consumerCount ?? 0,
    missedCount: BigInt(subscription.missedCount),
  });
}

/** An event that was set aside. */
export function toDeadLetter({ position, deliveryCount, cause, timeMs }: DeadLetter): DeadLetterMessage {
  return message<DeadLetterMessage>({
    $typeName: "signalbox.v1.DeadLetter",
    eventId: toEventId(BigInt(position)),
    deliveryCount,
    cause,
    createTime: toTimestamp(timeMs),
  });
}

/** The positions of events by their ids. */
export function fromEventIds(eventIds: readonly string[], faults: Faults): readonly number[] {
  return faults.each("event_ids", eventIds, (eventId) => {
    const position = /^[0-9a-f]{16}$/.test(eventId) ? Number(`0x${eventId}`) : Number.NaN;
    if (!Number.isSafeInteger(position)) faults.add("must be the id of an event, as a dead letter says it");
    return position;
  });
}
