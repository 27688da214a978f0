import { messageJson } from "../../../client/message-json.ts";
import { type NewSubscription, toSubscriptionMessage } from "../../../client/parts/subscriptions.ts";
import { eventKinds } from "../../../client/views/event.ts";
import { type Subscription, toSubscription } from "../../../client/views/subscription.ts";
import { required } from "../../../client/wire/calls.ts";
import { listPages } from "../../../client/wire/pages.ts";
import { withoutUndefined } from "../../../client/without-undefined.ts";
import type { Command } from "../../command.ts";
import type { CommandArguments } from "../../input/command-arguments.ts";
import { UsageError } from "../../input/usage-error.ts";
import { limitOption, writeList } from "../../output/list-output.ts";
import { printAge, printDuration } from "../../output/print-duration.ts";
import { printTime } from "../../output/print-time.ts";
import { printValues } from "../../output/print-value.ts";
import { writeFacts } from "../../output/table.ts";

/** `subscriptions`: lists subscriptions. */
export const subscriptionsCommand: Command = {
  name: "subscriptions",
  arguments: [],
  sentence: "lists the subscriptions, with how far behind each is",
  options: { limit: limitOption },
  async run({ given, screen, calls, signal }) {
    const list = listPages(async ({ size, token }) => {
      const request = { namespace: calls.namespace, pageSize: size, pageToken: token };
      const answer = await calls.raw.subscriptions.listSubscriptions(request, { signal });
      const { subscriptions, nextPageToken } = answer;
      return { items: subscriptions, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.subscription,
      headings: ["SUBSCRIPTION", "TARGET", "TOPICS", "LAG>", "OLDEST>", "IN FLIGHT>", "SET ASIDE>", "ERROR"],
      toRow: (message) => {
        const it = toSubscription(message);
        return [
          it.name,
          printTarget(it),
          it.filter.topics?.join(", ") ?? "",
          String(it.lagEvents),
          printAge(it.oldestTime, new Date()),
          String(it.inFlightCount),
          String(it.deadLetterCount),
          it.lastError,
        ];
      },
      nothing: "no subscriptions",
    });
  },
};

function printTarget({ target, consumerCount }: Subscription): string {
  if (target.kind === "webhook") return target.url;
  if (target.kind === "nats") return `nats ${target.subject}`;
  return consumerCount === 1 ? "1 consumer" : `${consumerCount} consumers`;
}

/** `subscription show`: tells where one subscription stands. */
export const subscriptionShowCommand: Command = {
  name: "subscription show",
  arguments: ["NAME"],
  sentence: "tells what a subscription is and where it stands",
  options: {},
  async run({ given, screen, calls, signal }) {
    const request = { namespace: calls.namespace, name: given.argument(0) };
    const message = required(
      (await calls.raw.subscriptions.getSubscription(request, { signal })).subscription,
    );
    if (screen.json) {
      screen.line(messageJson.subscription(message));
      return;
    }
    const it = toSubscription(message);
    const { runId = "", kinds = [], labels = {}, topics = [] } = it.filter;
    const wait = (ms: number | undefined) => (ms === undefined ? "" : printDuration(ms));
    writeFacts(screen, [
      ["subscription", it.name],
      ["target", it.target.kind === "pull" ? "consumers" : printTarget(it)],
      ["topics", topics.join(", ")],
      ["kinds", kinds.join(", ").toLowerCase()],
      ["run", runId],
      ["labels", printValues(labels)],
      ["acknowledged within", wait(it.ackTimeoutMs)],
      ["deliveries at most", it.deliveriesMax === 0 ? "" : String(it.deliveriesMax)],
      ["in flight at most", it.inFlightMax === 0 ? "" : String(it.inFlightMax)],
      ["tried again after", [wait(it.initialBackoffMs), wait(it.backoffMsMax)].filter(Boolean).join(" to ")],
      ["created", printTime(it.createTime)],
      ["consumers", it.target.kind === "pull" ? String(it.consumerCount) : ""],
      ["lag", `${it.lagEvents} events`],
      ["oldest", it.oldestTime === undefined ? "" : `${printAge(it.oldestTime, new Date())} ago`],
      ["in flight", String(it.inFlightCount)],
      ["acknowledged", `${it.acknowledgedCount} since the server started`],
      ["failed", `${it.failedCount} since the server started`],
      ["set aside", String(it.deadLetterCount)],
      ["last error", it.lastError],
    ]);
  },
};

/** `subscription create`: creates a subscription. */
export const subscriptionCreateCommand: Command = {
  name: "subscription create",
  arguments: ["NAME"],
  sentence: "creates a durable subscription to events: fetched by consumers, posted, or published to NATS",
  options: {
    topic: {
      value: "TOPIC",
      multiple: true,
      sentence: "only events with a delivery to this topic; * is any",
    },
    kind: { value: "KIND", multiple: true, sentence: "only of this kind, such as run_ended" },
    run: { value: "RUN", sentence: "only of this run" },
    label: { value: "K=V", multiple: true, sentence: "only of runs with this label" },
    webhook: { value: "URL", sentence: "post them there, signed" },
    secret: { value: "TEXT", sentence: "with --webhook: what signs them (the server chooses one)" },
    nats: { sentence: "publish them to NATS JetStream" },
    subject: { value: "SUBJECT", sentence: "with --nats: the subject (signalbox.{topic})" },
    beginning: { sentence: "begin with the oldest event that is kept instead of now" },
    "ack-timeout": { value: "DURATION", sentence: "how long a consumer has for an event (30s)" },
    "max-in-flight": { value: "N", sentence: "how many may be on their way at once (1000)" },
    "max-deliveries": {
      value: "N",
      sentence: "how often each is tried before it is set aside (with --webhook 20, else for ever)",
    },
    backoff: { value: "DURATION", sentence: "the first wait before one is tried again, which doubles (1s)" },
    "max-backoff": { value: "DURATION", sentence: "the longest wait (1m)" },
    "post-timeout": { value: "DURATION", sentence: "with --webhook: how long one post may take (10s)" },
  },
  examples: [
    "signalbox subscription create audit --beginning",
    "signalbox subscription create orders --topic orders --webhook https://example.com/hook",
  ],
  async run({ given, screen, calls, signal }) {
    const asked = readSubscription(given);
    const subscription = toSubscriptionMessage(asked, calls.namespace);
    const start = { case: asked.from ?? "now", value: {} } as const;
    const answer = await calls.raw.subscriptions.createSubscription({ subscription, start }, { signal });
    const created = required(answer.subscription);
    if (screen.json) {
      screen.line(messageJson.subscription(created));
      return;
    }
    screen.line(created.name);
    const { target } = toSubscription(created);
    if (target.kind === "webhook" && given.text("secret") === undefined) {
      screen.line(`secret: ${target.secret}`);
      screen.note("the secret is not shown again");
    }
  },
};

function readSubscription(given: CommandArguments): NewSubscription {
  return withoutUndefined({
    name: given.argument(0),
    filter: withoutUndefined({
      kinds: given.choices("kind", eventKinds),
      labels: given.pairs("label"),
      topics: given.texts("topic"),
      runId: given.text("run"),
    }),
    target: readTarget(given),
    from: given.flag("beginning") ? ("beginning" as const) : ("now" as const),
    ackTimeoutMs: given.durationMs("ack-timeout"),
    deliveriesMax: given.integer("max-deliveries", { min: 1, max: 10_000 }),
    inFlightMax: given.integer("max-in-flight", { min: 1, max: 10_000 }),
    initialBackoffMs: given.durationMs("backoff"),
    backoffMsMax: given.durationMs("max-backoff"),
  });
}

function readTarget(given: CommandArguments): NewSubscription["target"] {
  const url = given.text("webhook");
  const isNats = given.flag("nats");
  const subject = given.text("subject");
  if (url !== undefined && isNats) throw new UsageError("say --webhook or --nats, not both");
  const ofWebhook = ["secret", "post-timeout"].find((name) => given.text(name) !== undefined);
  if (ofWebhook !== undefined && url === undefined) throw new UsageError(`--${ofWebhook} is for a --webhook`);
  if (subject !== undefined && !isNats) throw new UsageError("--subject is for --nats");
  if (isNats) return withoutUndefined({ kind: "nats" as const, subject });
  if (url === undefined) return undefined;
  const timeoutMs = given.durationMs("post-timeout");
  return withoutUndefined({ kind: "webhook" as const, url, secret: given.text("secret"), timeoutMs });
}

/** `subscription delete`: deletes a subscription. */
export const subscriptionDeleteCommand: Command = {
  name: "subscription delete",
  arguments: ["NAME"],
  sentence: "deletes a subscription with its place and what it set aside",
  options: {},
  async run({ given, screen, calls, signal }) {
    const request = { namespace: calls.namespace, name: given.argument(0) };
    await calls.raw.subscriptions.deleteSubscription(request, { signal });
    if (!screen.json) screen.line(`${request.name} is deleted`);
  },
};
