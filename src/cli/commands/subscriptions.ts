import { consume } from "../../client/parts/consume.ts";
import { messageJson } from "../../client/message-json.ts";
import { type NewSubscription, toSubscriptionMessage } from "../../client/parts/subscriptions.ts";
import { eventKindNumbers } from "../../client/views/event.ts";
import type { EventKind } from "../../client/views/event-details.ts";
import { type Subscription, toDeadLetter, toSubscription } from "../../client/views/subscription.ts";
import { required } from "../../client/wire/calls.ts";
import { listPages } from "../../client/wire/pages.ts";
import type { Command } from "../command.ts";
import type { CommandArguments } from "../input/command-arguments.ts";
import { UsageError } from "../input/usage-error.ts";
import { describeEvent, printTime } from "../output/describe-event.ts";
import { limitOption, writeList } from "../output/list-output.ts";
import { printAge } from "../output/print-duration.ts";

const kinds = (Object.keys(eventKindNumbers) as EventKind[]).filter((name) => name !== "UNSPECIFIED");

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
      headings: ["SUBSCRIPTION", "TARGET", "TOPICS", "LAG>", "IN FLIGHT>", "SET ASIDE>", "OLDEST>", "ERROR"],
      toRow: (message) => {
        const it = toSubscription(message);
        return [
          it.name,
          printTarget(it),
          it.filter.topics?.join(", ") ?? "",
          String(it.lagEvents),
          String(it.inFlightCount),
          String(it.deadLetterCount),
          printAge(it.oldestTime, new Date()),
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
    "max-deliveries": { value: "N", sentence: "how often each is tried before it is set aside" },
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
  const url = given.text("webhook");
  const secret = given.text("secret");
  const subject = given.text("subject");
  const isNats = given.flag("nats");
  if (url !== undefined && isNats) throw new UsageError("--webhook and --nats are two subscriptions");
  if (secret !== undefined && url === undefined) throw new UsageError("--secret is for a --webhook");
  if (subject !== undefined && !isNats) throw new UsageError("--subject is for --nats");
  const runId = given.text("run");
  const deliveriesMax = given.integer("max-deliveries", { min: 1, max: 10_000 });
  return {
    name: given.argument(0),
    filter: {
      kinds: given.choices("kind", kinds) as Exclude<EventKind, "UNSPECIFIED">[],
      labels: given.pairs("label"),
      topics: given.texts("topic"),
      ...(runId === undefined ? {} : { runId }),
    },
    from: given.flag("beginning") ? "beginning" : "now",
    ...(deliveriesMax === undefined ? {} : { deliveriesMax }),
    ...(url === undefined
      ? {}
      : { target: { kind: "webhook", url, ...(secret === undefined ? {} : { secret }) } }),
    ...(isNats ? { target: { kind: "nats", ...(subject === undefined ? {} : { subject }) } } : {}),
  };
}

/** `subscription consume`: fetches events. */
export const subscriptionConsumeCommand: Command = {
  name: "subscription consume",
  arguments: ["NAME"],
  sentence: "fetches the events of a subscription, prints them, and acknowledges each once it is printed",
  options: { count: { value: "N", sentence: "stop after so many" } },
  async run({ given, screen, calls, signal }) {
    let left = given.integer("count", { min: 1, max: 1_000_000_000 }) ?? Infinity;
    for await (const consumed of consume(calls, given.argument(0), { signal })) {
      const { event, message } = consumed;
      const { word, text } = describeEvent(event);
      const line = [printTime(event.createTime), event.runId, event.action, word, text].filter(Boolean);
      screen.line(screen.json ? messageJson.event(message) : line.join("  "));
      await screen.flushed();
      await consumed.ack();
      left -= 1;
      if (left === 0) return;
    }
  },
};

/** `subscription delete`: deletes a subscription. */
export const subscriptionDeleteCommand: Command = {
  name: "subscription delete",
  arguments: ["NAME"],
  sentence: "deletes a subscription with its place and what it set aside",
  options: {},
  async run({ given, screen, calls, signal }) {
    const request = { namespace: calls.namespace, name: given.argument(0) };
    await calls.raw.subscriptions.deleteSubscription(request, { signal });
    screen.note(`${request.name} is deleted`);
  },
};

/** `dead-letters`: lists or releases what a subscription set aside. */
export const deadLettersCommand: Command = {
  name: "dead-letters",
  arguments: ["SUBSCRIPTION"],
  sentence: "lists the events that could not be delivered; with --release delivers them again",
  options: {
    release: { sentence: "deliver all of them again" },
    forget: { sentence: "forget all of them" },
    limit: limitOption,
  },
  async run({ given, screen, calls, signal }) {
    const named = { namespace: calls.namespace, name: given.argument(0) };
    const forget = given.flag("forget");
    if (forget || given.flag("release")) {
      let count = 0;
      for (;;) {
        const answer = await calls.raw.subscriptions.releaseDeadLetters({ ...named, forget }, { signal });
        count += answer.releasedCount;
        if (answer.releasedCount === 0) break;
      }
      screen.line(`${forget ? "forgotten" : "released"}: ${count}`);
      return;
    }
    const list = listPages(async ({ size, token }) => {
      const request = { ...named, pageSize: size, pageToken: token };
      const answer = await calls.raw.subscriptions.listDeadLetters(request, { signal });
      const { deadLetters, nextPageToken } = answer;
      return { items: deadLetters, nextPageToken, last: nextPageToken === "" };
    });
    await writeList({
      screen,
      given,
      list,
      toJson: messageJson.deadLetter,
      headings: ["EVENT", "TRIED>", "AGE>", "CAUSE"],
      toRow: (message) => {
        const { eventId, deliveryCount, createTime, cause } = toDeadLetter(message);
        return [eventId, String(deliveryCount), printAge(createTime, new Date()), cause];
      },
      nothing: "nothing is set aside",
    });
  },
};
