import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SubscriptionSchema } from "../../../gen/signalbox/v1/subscription_pb.ts";
import { type ConsumedEvent, type ConsumeOptions, consume } from "./consume.ts";
import { type EventQuery, toEventFilter } from "./events.ts";
import { toDuration } from "../spec/plan.ts";
import { type DeadLetter, type Subscription, toDeadLetter, toSubscription } from "../views/subscription.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";

export type { ConsumedEvent, ConsumeOptions } from "./consume.ts";

/** A subscription to be created. */
export interface NewSubscription {
  readonly name: string;
  /** Which events; all of the namespace unless said. */
  readonly filter?: EventQuery & { readonly namespace?: string };
  /** How they get there; consumers fetch them unless said. */
  readonly target?:
    | { readonly kind: "pull" }
    /** The server chooses a secret unless said. */
    | {
        readonly kind: "webhook";
        readonly url: string;
        readonly secret?: string;
        readonly timeoutMs?: number;
      }
    /** `signalbox.{topic}` unless said. */
    | { readonly kind: "nats"; readonly subject?: string };
  /** Where it begins; with what is committed from now on unless said. */
  readonly from?: "now" | "beginning";
  readonly ackTimeoutMs?: number;
  readonly deliveriesMax?: number;
  readonly inFlightMax?: number;
  readonly initialBackoffMs?: number;
  readonly backoffMsMax?: number;
}

/** Durable subscriptions to events. */
export interface Subscriptions {
  /** Creates a subscription; a webhook's secret stands in the answer, and nowhere later. */
  create(subscription: NewSubscription, options?: ChangeOptions): Promise<Subscription>;
  get(name: string, options?: CallOptions): Promise<Subscription>;
  /** Lists the subscriptions, by name. */
  list(options?: CallOptions): Pages<Subscription>;
  /** Deletes a subscription with its place and what it set aside. */
  delete(name: string, options?: ChangeOptions): Promise<void>;
  /**
   * Consumes a subscription: each event comes at least once, those of one run in their order, until it is
   * acknowledged. Opens the stream again by itself, after which what was not acknowledged comes again.
   */
  consume(name: string, options?: ConsumeOptions): AsyncGenerator<ConsumedEvent, undefined>;
  /** Lists what a subscription set aside, the oldest event first. */
  deadLetters(name: string, options?: CallOptions): Pages<DeadLetter>;
  /** Delivers again what a subscription set aside, all of it unless said, or forgets it. Says how many. */
  release(
    name: string,
    options?: ChangeOptions & { readonly eventIds?: readonly string[]; readonly forget?: boolean },
  ): Promise<number>;
}

/** The message for a subscription. */
export function toSubscriptionMessage(
  subscription: NewSubscription,
  namespace: string,
): MessageInitShape<typeof SubscriptionSchema> {
  const { name, filter, deliveriesMax = 0, inFlightMax = 0 } = subscription;
  const durations = {
    ackTimeout: toDuration(subscription.ackTimeoutMs),
    initialBackoff: toDuration(subscription.initialBackoffMs),
    maxBackoff: toDuration(subscription.backoffMsMax),
  };
  return {
    namespace,
    name,
    deliveriesMax,
    inFlightMax,
    target: toTarget(subscription.target),
    ...Object.fromEntries(Object.entries(durations).filter(([, duration]) => duration !== undefined)),
    ...(filter === undefined
      ? {}
      : { filter: { ...toEventFilter(filter), namespace: filter.namespace ?? "" } }),
  };
}

function toTarget(
  target: NewSubscription["target"],
): NonNullable<MessageInitShape<typeof SubscriptionSchema>["target"]> {
  switch (target?.kind) {
    case "webhook": {
      const { url, secret = "", timeoutMs } = target;
      const timeout = toDuration(timeoutMs);
      return { case: "webhook", value: { url, secret, ...(timeout === undefined ? {} : { timeout }) } };
    }
    case "nats":
      return { case: "nats", value: { subject: target.subject ?? "" } };
    default:
      return { case: "pull", value: {} };
  }
}

/** The part of the client that is about subscriptions. */
export function makeSubscriptions(calls: Calls): Subscriptions {
  const { raw, namespace } = calls;
  const named = (name: string, options: CallOptions) => ({
    namespace: options.namespace ?? namespace,
    name,
  });
  return {
    async create(subscription, { requestId = "", ...options } = {}) {
      const message = toSubscriptionMessage(subscription, options.namespace ?? namespace);
      const start = { case: subscription.from ?? "now", value: {} } as const;
      const request = { subscription: message, start, requestId };
      const answer = await raw.subscriptions.createSubscription(request, toWireOptions(options));
      return toSubscription(required(answer.subscription));
    },
    async get(name, options = {}) {
      const request = named(name, options);
      const answer = await raw.subscriptions.getSubscription(request, toWireOptions(options));
      return toSubscription(required(answer.subscription));
    },
    list: (options = {}) =>
      listPages(async ({ size, token }) => {
        const request = { namespace: options.namespace ?? namespace, pageSize: size, pageToken: token };
        const answer = await raw.subscriptions.listSubscriptions(request, toWireOptions(options));
        const { subscriptions, nextPageToken } = answer;
        return { items: subscriptions.map(toSubscription), nextPageToken, last: nextPageToken === "" };
      }),
    async delete(name, { requestId = "", ...options } = {}) {
      const request = { ...named(name, options), requestId };
      await raw.subscriptions.deleteSubscription(request, toWireOptions(options));
    },
    consume: (name, options = {}) => consume(calls, name, options),
    deadLetters: (name, options = {}) =>
      listPages(async ({ size, token }) => {
        const request = { ...named(name, options), pageSize: size, pageToken: token };
        const answer = await raw.subscriptions.listDeadLetters(request, toWireOptions(options));
        const { deadLetters, nextPageToken } = answer;
        return { items: deadLetters.map(toDeadLetter), nextPageToken, last: nextPageToken === "" };
      }),
    async release(name, { eventIds = [], forget = false, requestId = "", ...options } = {}) {
      const request = { ...named(name, options), eventIds: [...eventIds], forget, requestId };
      const answer = await raw.subscriptions.releaseDeadLetters(request, toWireOptions(options));
      return answer.releasedCount;
    },
  };
}
