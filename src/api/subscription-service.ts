import type { ServiceImpl } from "@connectrpc/connect";
import type {
  CreateSubscriptionRequest,
  SubscriptionService,
} from "../../gen/signalbox/v1/subscription_service_pb.ts";
import type { DeadLetter, Subscription, SubscriptionContent } from "../core/subscriptions/subscription.ts";
import type { Engine } from "../engine/engine.ts";
import { deadLetterCauseLengthMax } from "../limits.ts";
import { newSecret } from "./delivery/webhook-content.ts";
import { checkExpression } from "./events/event-filter.ts";
import { fromNamespace } from "./mapping/from-proto-run.ts";
import { isNamePlace, listPage } from "./pages.ts";
import { answered, requestOf, required, translated } from "./requests.ts";
import { toConnectError } from "./status.ts";
import { type SubscribeLimits, serveSubscriber } from "./subscriptions/subscribe-stream.ts";
import {
  fromEventIds,
  fromSubscription,
  type Standing,
  toDeadLetter,
  toSubscription,
} from "./subscriptions/subscription-mapping.ts";
import { tokenScope } from "./token.ts";

/** Where this server sends events. */
export interface DeliveryTargets {
  /** The address, if the server may not post to it. */
  forbidden(url: string): Promise<string | undefined>;
  /** True if it knows of a NATS server. */
  readonly hasNats: boolean;
}

/** About how many bytes a subscription takes in a page. */
const subscriptionSizeBytes = 16_384;

/** Durable subscriptions and their consumers, as their contract says. */
export function subscriptionService(
  engine: Engine,
  stopping: AbortSignal,
  targets: DeliveryTargets,
  limits: SubscribeLimits = {},
): ServiceImpl<typeof SubscriptionService> {
  const { store } = engine;
  return {
    createSubscription: (request) => create(engine, targets, request),
    subscribe: (requests, { signal }) => serveSubscriber(engine, requests, { signal, stopping, limits }),

    async getSubscription({ namespace, name }) {
      const subscription = await find(engine, fromNamespace(namespace), name);
      return { subscription: toSubscription(subscription, await standingOf(engine, subscription)) };
    },

    async listSubscriptions(request) {
      const namespace = fromNamespace(request.namespace);
      const { items, nextPageToken } = await listPage<Subscription, string>({
        ...request,
        scope: tokenScope("subscriptions", { namespace }, store.feedId),
        read: (after, limit) => store.listSubscriptions({ namespace, after, limit }),
        placeOf: (subscription) => subscription.name,
        isPlace: isNamePlace,
        sizeOf: () => subscriptionSizeBytes,
      });
      const head = Number(await store.head());
      const subscriptions = items.map((subscription) => {
        const status = engine.subscriptions.status(subscription.namespace, subscription.name);
        return toSubscription(subscription, { status, head });
      });
      return { subscriptions, nextPageToken };
    },

    async deleteSubscription({ namespace, name, requestId }) {
      const stated = { namespace: fromNamespace(namespace), name };
      const request = requestOf(requestId, stated);
      answered(await engine.execute({ kind: "deleteSubscription", request, ...stated }));
      return {};
    },

    async listDeadLetters(request) {
      const { namespace, name } = await find(engine, fromNamespace(request.namespace), request.name);
      const { items, nextPageToken } = await listPage<DeadLetter, number>({
        ...request,
        scope: tokenScope("deadLetters", { namespace, name }, store.feedId),
        read: (after, limit) => store.listDeadLetters({ namespace, name, after, limit }),
        placeOf: ({ position }) => position,
        isPlace: (place) => typeof place === "number",
        sizeOf: ({ cause }) => 3 * Math.min(cause.length, deadLetterCauseLengthMax) + 100,
      });
      return { deadLetters: items.map(toDeadLetter), nextPageToken };
    },

    async releaseDeadLetters({ namespace: stated, name, eventIds, forget, requestId }) {
      const namespace = fromNamespace(stated);
      const positions = translated((faults) => fromEventIds(eventIds, faults));
      const release = { namespace, name, positions, forget };
      const request = requestOf(requestId, release);
      const { answer } = answered(await engine.execute({ kind: "releaseDeadLetters", request, ...release }));
      return { releasedCount: answer.positions.length };
    },
  };
}

async function create(
  engine: Engine,
  targets: DeliveryTargets,
  { subscription: stated, start, requestId }: CreateSubscriptionRequest,
) {
  if (stated === undefined) throw required("subscription");
  const { store } = engine;
  const { name } = stated;
  const namespace = fromNamespace(stated.namespace);
  const content = translated((faults) =>
    faults.within("subscription", () => fromSubscription(stated, namespace, faults)),
  );
  const { target, filter } = content;
  if (filter.expression !== undefined) checkExpression(filter.expression);
  if (target.kind === "nats" && !targets.hasNats) throw toConnectError({ reason: "NATS_NOT_CONFIGURED" });
  if (target.kind === "webhook") {
    const address = await targets.forbidden(target.url);
    if (address !== undefined) throw toConnectError({ reason: "ADDRESS_FORBIDDEN", address });
  }
  const from = start.case ?? "now";
  // The secret that the server chooses is no part of what is repeated.
  const request = requestOf(requestId, { namespace, name, content, from });
  const known = await store.subscription(namespace, name);
  const through = Number(from === "beginning" ? await store.oldest() : await store.head());
  const { answer } = answered(
    await engine.execute({
      kind: "createSubscription",
      request,
      namespace,
      name,
      content: withSecret(content, known),
      through,
    }),
  );
  const standing = await standingOf(engine, answer.subscription);
  const showsSecret = target.kind === "webhook" && target.secret === "";
  return { subscription: toSubscription(answer.subscription, standing, { showsSecret }) };
}

/** The content with a secret where the caller says none: that of the one that is there, or a new one. */
function withSecret(content: SubscriptionContent, known: Subscription | undefined): SubscriptionContent {
  const { target } = content;
  if (target.kind !== "webhook" || target.secret !== "") return content;
  const secret = known?.target.kind === "webhook" ? known.target.secret : newSecret();
  return { ...content, target: { ...target, secret } };
}

async function find({ store }: Engine, namespace: string, name: string): Promise<Subscription> {
  const subscription = await store.subscription(namespace, name);
  if (subscription !== undefined) return subscription;
  throw toConnectError({ reason: "SUBSCRIPTION_NOT_FOUND", subscription: name });
}

async function standingOf(engine: Engine, { namespace, name }: Subscription): Promise<Standing> {
  const head = Number(await engine.store.head());
  return { status: engine.subscriptions.status(namespace, name), head };
}
