import type { MessageInitShape } from "@bufbuild/protobuf";
import type { SubscriptionSchema } from "../../../gen/signalbox/v1/subscription_pb.ts";
import { toDuration } from "../spec/duration.ts";
import { type EventQuery, toEventFilter } from "../spec/event-filter.ts";
import { type DeadLetter, type Subscription, toDeadLetter, toSubscription } from "../views/subscription.ts";
import { type CallOptions, type Calls, type ChangeOptions, required, toWireOptions } from "../wire/calls.ts";
import { listPages, type Pages } from "../wire/pages.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { type ConsumedEvent, type ConsumeOptions, consume } from "./consume.ts";

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
  /** How long a consumer has to acknowledge an event before it comes again; 30 s unless said. */
  readonly ackTimeoutMs?: number;
  /** How often an event is tried before it is set aside; 20 for webhooks, else for ever, unless said. */
  readonly deliveriesMax?: number;
  /** How many events may be on their way at once, over all consumers; 1,000 unless said. */
  readonly inFlightMax?: number;
  /** The first wait before an event is tried again, which doubles each time; 1 s unless said. */
  readonly initialBackoffMs?: number;
  /** The longest wait; 1 minute unless said. */
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
   * Consumes a subscription: each event comes until it is acknowledged, at least once, and those of one run
   * in their order. Opens the stream again by itself when it is cut, after which what was not acknowledged
   * comes again. Ends when the subscription is deleted, or with an UnavailableError when the server stays
   * away, as a watch does.
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
  return withoutUndefined({
    namespace,
    name,
    filter: filter && { ...toEventFilter(filter), namespace: filter.namespace ?? "" },
    target: toTarget(subscription.target),
    ackTimeout: toDuration(subscription.ackTimeoutMs),
    deliveriesMax,
    inFlightMax,
    initialBackoff: toDuration(subscription.initialBackoffMs),
    maxBackoff: toDuration(subscription.backoffMsMax),
  });
}

function toTarget(
  target: NewSubscription["target"],
): NonNullable<MessageInitShape<typeof SubscriptionSchema>["target"]> {
  switch (target?.kind) {
    case "webhook": {
      const { url, secret = "", timeoutMs } = target;
      return { case: "webhook", value: withoutUndefined({ url, secret, timeout: toDuration(timeoutMs) }) };
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
