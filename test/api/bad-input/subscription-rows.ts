import type { TestServer } from "../../support/test-server.ts";
import { type SubscriberFrame, TestSubscriber } from "../../support/test-subscriber.ts";
import { filterChanged, invalid, type Row, reused, token, tokenInvalid } from "./row.ts";

const pull = { case: "pull", value: {} } as const;
const noSubscription = {
  code: "NotFound",
  reason: "SUBSCRIPTION_NOT_FOUND",
  metadata: { subscription: "none" },
} as const;

/** What a consumer's stream ends with after these frames. */
async function subscribe({ url }: TestServer, ...frames: readonly SubscriberFrame[]): Promise<void> {
  const subscriber = TestSubscriber.connect(url);
  for (const frame of frames) subscriber.send(frame);
  throw await subscriber.ended;
}

/** What subscriptions and their consumers are asked to be that they cannot. */
export const subscriptionRows: readonly Row[] = [
  {
    rpc: "CreateSubscription",
    given: "no subscription",
    call: (server) => server.subscriptions.createSubscription({}),
    ...invalid,
    fields: ["subscription"],
  },
  {
    rpc: "CreateSubscription",
    given: "a subscription without name and target, out of its bounds",
    call: (server) =>
      server.subscriptions.createSubscription({
        subscription: {
          filter: { topics: ["a..b"] },
          ackTimeout: { seconds: 3_601n },
          deliveriesMax: -1,
          inFlightMax: 10_001,
          initialBackoff: {},
          maxBackoff: { seconds: 86_401n },
        },
      }),
    ...invalid,
    fields: [
      "subscription.name",
      "subscription.target",
      "subscription.filter.topics[0]",
      "subscription.ack_timeout",
      "subscription.deliveries_max",
      "subscription.in_flight_max",
      "subscription.initial_backoff",
      "subscription.max_backoff",
    ],
  },
  {
    rpc: "CreateSubscription",
    given: "an address with a password",
    call: (server) => {
      const target = {
        case: "webhook",
        value: { url: "https://a:b@example.com", secret: "whsec_*" },
      } as const;
      return server.subscriptions.createSubscription({ subscription: { name: "x", target } });
    },
    ...invalid,
    fields: ["subscription.webhook.url", "subscription.webhook.secret"],
  },
  {
    rpc: "CreateSubscription",
    given: "an address inside",
    call: (server) => {
      const target = { case: "webhook", value: { url: "http://10.0.0.1/" } } as const;
      return server.subscriptions.createSubscription({ subscription: { name: "x", target } });
    },
    code: "InvalidArgument",
    reason: "ADDRESS_FORBIDDEN",
    metadata: { address: "10.0.0.1" },
  },
  {
    rpc: "CreateSubscription",
    given: "a target of NATS, which the server does not know",
    call: (server) => {
      const target = { case: "nats", value: {} } as const;
      return server.subscriptions.createSubscription({ subscription: { name: "x", target } });
    },
    code: "FailedPrecondition",
    reason: "NATS_NOT_CONFIGURED",
    metadata: {},
  },
  {
    rpc: "CreateSubscription",
    given: "a known name with other content",
    call: (server) => {
      const subscription = { name: "known", target: pull, inFlightMax: 3 };
      return server.subscriptions.createSubscription({ subscription });
    },
    code: "AlreadyExists",
    reason: "SUBSCRIPTION_EXISTS",
    metadata: { subscription: "known" },
  },
  {
    rpc: "CreateSubscription",
    given: "other content under a used request_id",
    call: (server) =>
      server.subscriptions.createSubscription({
        subscription: { name: "other", target: pull },
        requestId: "used",
      }),
    ...reused,
  },
  {
    rpc: "GetSubscription",
    given: "an unknown subscription",
    call: (server) => server.subscriptions.getSubscription({ name: "none" }),
    ...noSubscription,
  },
  {
    rpc: "ListSubscriptions",
    given: "a token that is none",
    call: (server) => server.subscriptions.listSubscriptions({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListSubscriptions",
    given: "a token of another namespace",
    call: (server) => {
      const pageToken = token(server, "subscriptions", { namespace: "other" }, "a");
      return server.subscriptions.listSubscriptions({ pageToken });
    },
    ...filterChanged,
  },
  {
    rpc: "DeleteSubscription",
    given: "an unknown subscription",
    call: (server) => server.subscriptions.deleteSubscription({ name: "none" }),
    ...noSubscription,
  },
  {
    rpc: "DeleteSubscription",
    given: "other content under a used request_id",
    call: (server) => server.subscriptions.deleteSubscription({ name: "known", requestId: "used" }),
    ...reused,
  },
  {
    rpc: "ListDeadLetters",
    given: "an unknown subscription",
    call: (server) => server.subscriptions.listDeadLetters({ name: "none" }),
    ...noSubscription,
  },
  {
    rpc: "ListDeadLetters",
    given: "a token that is none",
    call: (server) => server.subscriptions.listDeadLetters({ name: "known", pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListDeadLetters",
    given: "a token of another subscription",
    call: (server) => {
      const pageToken = token(server, "deadLetters", { namespace: "default", name: "other" }, 1);
      return server.subscriptions.listDeadLetters({ name: "known", pageToken });
    },
    ...filterChanged,
  },
  {
    rpc: "ReleaseDeadLetters",
    given: "an unknown subscription",
    call: (server) => server.subscriptions.releaseDeadLetters({ name: "none" }),
    ...noSubscription,
  },
  {
    rpc: "ReleaseDeadLetters",
    given: "what are no ids of events",
    call: (server) =>
      server.subscriptions.releaseDeadLetters({ name: "known", eventIds: ["1", "x".repeat(16)] }),
    ...invalid,
    fields: ["event_ids[0]", "event_ids[1]"],
  },
  {
    rpc: "ReleaseDeadLetters",
    given: "other content under a used request_id",
    call: (server) =>
      server.subscriptions.releaseDeadLetters({ name: "known", forget: true, requestId: "used" }),
    ...reused,
  },
  {
    rpc: "Subscribe",
    given: "another first frame",
    call: (server) => subscribe(server, { case: "beat", value: {} }),
    code: "InvalidArgument",
    reason: "OPEN_EXPECTED",
    metadata: { found: "beat" },
  },
  {
    rpc: "Subscribe",
    given: "a second open",
    call: (server) => {
      const open = { case: "open", value: { name: "known" } } as const;
      return subscribe(server, open, open);
    },
    code: "InvalidArgument",
    reason: "OPEN_EXPECTED",
    metadata: { found: "a second open" },
  },
  {
    rpc: "Subscribe",
    given: "an unknown subscription",
    call: (server) => subscribe(server, { case: "open", value: { name: "none" } }),
    ...noSubscription,
  },
  {
    rpc: "Subscribe",
    given: "one that the server sends itself",
    call: (server) => subscribe(server, { case: "open", value: { name: "sent" } }),
    code: "FailedPrecondition",
    reason: "SUBSCRIPTION_NOT_PULLED",
    metadata: { subscription: "sent", target: "webhook" },
  },
  {
    rpc: "Subscribe",
    given: "a name out of its pattern",
    call: (server) => subscribe(server, { case: "open", value: { name: "-", inFlightMax: 10_001 } }),
    ...invalid,
    fields: ["open.name", "open.in_flight_max"],
  },
  {
    rpc: "Subscribe",
    given: "an acknowledgement of nothing",
    call: (server) => {
      const open = { case: "open", value: { name: "known" } } as const;
      return subscribe(server, open, { case: "acknowledge", value: { deliveryIds: [] } });
    },
    ...invalid,
    fields: ["acknowledge.delivery_ids"],
  },
];
