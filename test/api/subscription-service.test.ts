import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Event, EventKind } from "../../gen/signalbox/v1/event_pb.ts";
import { until } from "../support/fake-clock.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";
import { TestSubscriber } from "../support/test-subscriber.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start({
    deliveries: { allowsInside: true, natsServers: ["nats://127.0.0.1:1"] },
  });
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;
/** A namespace that no other test uses. */
function newNamespace(): string {
  namespaceCount += 1;
  return `ns${namespaceCount}`;
}

const pull = { case: "pull", value: {} } as const;

function typeOf(event: Event | undefined): string {
  return event?.detail.case === "published" ? event.detail.value.type : "?";
}

describe("a subscription", () => {
  test("is created with defaults, read, listed and deleted", async () => {
    const namespace = newNamespace();
    const stated = { namespace, name: "s", target: pull };
    const { subscription } = await server.subscriptions.createSubscription({ subscription: stated });
    expect(subscription).toMatchObject({
      namespace,
      name: "s",
      filter: { namespace, runId: "", kinds: [], labels: {}, topics: [] },
      target: { case: "pull" },
      ackTimeout: { seconds: 30n },
      deliveriesMax: 0,
      inFlightMax: 1_000,
      initialBackoff: { seconds: 1n },
      maxBackoff: { seconds: 60n },
      status: { inFlightCount: 0, deadLetterCount: 0n, lastError: "", consumerCount: 0 },
    });
    expect(subscription?.createTime).toBeDefined();
    const { subscription: read } = await server.subscriptions.getSubscription({ namespace, name: "s" });
    expect(read).toMatchObject({ name: "s", inFlightMax: 1_000 });
    const { subscriptions } = await server.subscriptions.listSubscriptions({ namespace });
    expect(subscriptions.map(({ name }) => name)).toEqual(["s"]);
    await server.subscriptions.deleteSubscription({ namespace, name: "s" });
    for (const call of [
      server.subscriptions.getSubscription({ namespace, name: "s" }),
      server.subscriptions.deleteSubscription({ namespace, name: "s" }),
      server.subscriptions.listDeadLetters({ namespace, name: "s" }),
      server.subscriptions.releaseDeadLetters({ namespace, name: "s" }),
    ]) {
      expect(await refusalIn(call)).toMatchObject({ code: "NotFound", reason: "SUBSCRIPTION_NOT_FOUND" });
    }
    const { events } = await server.events.listEvents({ filter: { namespace } });
    expect(events.map(({ detail }) => detail.case)).toEqual(["subscriptionCreated", "subscriptionDeleted"]);
  });

  test("of a webhook is tried 20 times, of NATS and pulled for ever, unless it says", async () => {
    const namespace = newNamespace();
    const webhook = { case: "webhook", value: { url: "http://127.0.0.1:1/" } } as const;
    const nats = { case: "nats", value: {} } as const;
    const create = async (name: string, target: typeof webhook | typeof nats, deliveriesMax = 0) => {
      const stated = { namespace, name, target, deliveriesMax };
      return (await server.subscriptions.createSubscription({ subscription: stated })).subscription;
    };
    expect(await create("a", webhook)).toMatchObject({
      deliveriesMax: 20,
      target: { value: { timeout: { seconds: 10n } } },
    });
    expect(await create("b", webhook, 3)).toMatchObject({ deliveriesMax: 3 });
    expect(await create("c", nats)).toMatchObject({
      deliveriesMax: 0,
      target: { value: { subject: "signalbox.{topic}" } },
    });
  });

  test("is listed by name, in pages", async () => {
    const namespace = newNamespace();
    for (const name of ["c", "a", "b"]) {
      await server.subscriptions.createSubscription({ subscription: { namespace, name, target: pull } });
    }
    const first = await server.subscriptions.listSubscriptions({ namespace, pageSize: 2 });
    const pageToken = first.nextPageToken;
    const second = await server.subscriptions.listSubscriptions({ namespace, pageSize: 2, pageToken });
    expect([first, second].map((page) => page.subscriptions.map(({ name }) => name))).toEqual([
      ["a", "b"],
      ["c"],
    ]);
    expect(second.nextPageToken).toBe("");
    const other = server.subscriptions.listSubscriptions({ namespace: newNamespace(), pageToken });
    expect(await refusalIn(other)).toMatchObject({ reason: "FILTER_CHANGED" });
  });

  test("of the same content again is fine, of another one refused: SUBSCRIPTION_EXISTS", async () => {
    const namespace = newNamespace();
    const value = { url: "http://127.0.0.1:1/" };
    const stated = { namespace, name: "s", target: { case: "webhook", value } as const };
    const create = (parts: object = {}, requestId = "") =>
      server.subscriptions.createSubscription({ subscription: { ...stated, ...parts }, requestId });
    const secretOf = ({ subscription }: Awaited<ReturnType<typeof create>>) =>
      subscription?.target.case === "webhook" ? subscription.target.value.secret : undefined;
    const first = await create({}, "id");
    expect(secretOf(first)).toMatch(/^whsec_/);
    // Whoever lost the first answer learns the secret all the same; nobody else does.
    expect(secretOf(await create({}, "id"))).toBe(secretOf(first));
    expect(secretOf(await create())).toBe("");
    expect(await refusalIn(create({ inFlightMax: 3 }))).toMatchObject({
      code: "AlreadyExists",
      reason: "SUBSCRIPTION_EXISTS",
      metadata: { subscription: "s" },
    });
    expect(await refusalIn(create({ inFlightMax: 3 }, "id"))).toMatchObject({ reason: "REQUEST_ID_REUSED" });
  });

  test("begins now, or with the oldest event that is kept", async () => {
    const namespace = newNamespace();
    const publish = (type: string) =>
      server.events.publishEvents({ namespace, events: [{ published: { source: "test", type } }] });
    await publish("before");
    const filter = { kinds: [EventKind.PUBLISHED] };
    for (const name of ["now", "beginning"] as const) {
      const subscription = { namespace, name, target: pull, filter };
      await server.subscriptions.createSubscription({ subscription, start: { case: name, value: {} } });
    }
    await publish("behind");
    const typesOf = async (name: string, count: number) => {
      const one = await TestSubscriber.open(server.url, { namespace, name, pipelined: true });
      const taken = await one.take(count);
      one.cancel();
      return taken.map(({ event }) => typeOf(event));
    };
    expect(await typesOf("now", 1)).toEqual(["behind"]);
    expect(await typesOf("beginning", 2)).toEqual(["before", "behind"]);
  });

  test("G-160 of a topic gets what is delivered to it and nothing else, events about subscriptions least", async () => {
    const namespace = newNamespace();
    const createTopic = (name: string, topics: string[]) => {
      const filter = { topics, kinds: [EventKind.RUN_CREATED, EventKind.SUBSCRIPTION_CREATED] };
      return server.subscriptions.createSubscription({
        subscription: { namespace, name, filter, target: pull },
      });
    };
    await createTopic("one", ["orders"]);
    await createTopic("any", ["*"]);
    await createTopic("all", []);
    for (const [runId, topic] of Object.entries({ a: "orders", b: "", c: "mail" })) {
      const work = { case: "task", value: { op: "nobody" } } as const;
      const attributes: Record<string, string> = { from: runId };
      await server.runs.createRun({ run: { namespace, runId, work, delivery: { topic, attributes } } });
    }
    const runsOf = async (name: string, count: number) => {
      const one = await TestSubscriber.open(server.url, { namespace, name });
      const taken = await one.take(count);
      await one.acknowledge(taken);
      one.cancel();
      return taken.map(({ event }) => `${event?.runId} ${event?.delivery?.attributes["from"] ?? "-"}`);
    };
    expect(await runsOf("one", 1)).toEqual(["a a"]);
    expect(await runsOf("any", 2)).toEqual(["a a", "c c"]);
    expect((await runsOf("all", 3)).map((run) => run.slice(0, 1))).toEqual(["a", "b", "c"]);
    const lag = async (name: string) =>
      (await server.subscriptions.getSubscription({ namespace, name })).subscription?.status?.lagEvents;
    for (const name of ["one", "any", "all"]) {
      await until(`nothing is left of ${name}`, async () => ((await lag(name)) ?? 0n) < 20n);
    }
  });
});

describe("the feed by topics", () => {
  test("G-012 G-160 is listed and watched by the topics of its events", async () => {
    const namespace = newNamespace();
    for (const [runId, topic] of Object.entries({ a: "orders", b: "", c: "mail" })) {
      const work = { case: "task", value: { op: "nobody" } } as const;
      await server.runs.createRun({ run: { namespace, runId, work, delivery: { topic } } });
    }
    const kinds = [EventKind.RUN_CREATED];
    const listed = async (topics: string[]) => {
      const { events } = await server.events.listEvents({
        filter: { namespace, kinds, topics },
        pageSize: 100,
      });
      return events.map(({ runId }) => runId);
    };
    const all = async (topics: string[]) => {
      const start = { case: "beginning", value: {} } as const;
      const seen: string[] = [];
      for await (const frame of server.events.watchEvents({ filter: { namespace, kinds, topics }, start })) {
        seen.push(...frame.events.map(({ runId }) => runId));
        if (frame.atHead) break;
      }
      return seen;
    };
    expect(await all(["orders"])).toEqual(["a"]);
    expect(await all(["*"])).toEqual(["a", "c"]);
    expect(await all([])).toEqual(["a", "b", "c"]);
    expect(await listed(["mail"])).toEqual(["c"]);
  });
});
