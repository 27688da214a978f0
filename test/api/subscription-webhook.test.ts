import { createHmac } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EventKind } from "../../gen/signalbox/v1/event_pb.ts";
import { until } from "../support/fake-clock.ts";
import { TestServer } from "../support/test-server.ts";
import { type ReceivedPost, WebhookReceiver } from "../support/webhook-receiver.ts";

let server: TestServer;
let receiver: WebhookReceiver;
beforeAll(async () => {
  server = await TestServer.start({ deliveries: { allowsInside: true } });
});
beforeEach(async () => {
  receiver = await WebhookReceiver.start();
});
afterEach(() => receiver.close());
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;

/** A namespace that no other test uses, with a webhook `s` for what is published there. */
async function newWebhook(parts: object = {}, webhook: object = {}) {
  namespaceCount += 1;
  const namespace = `ns${namespaceCount}`;
  const value = { url: receiver.url(), ...webhook };
  const filter = { kinds: [EventKind.PUBLISHED] };
  const initialBackoff = { nanos: 1_000_000 };
  const stated = { namespace, name: "s", filter, initialBackoff, ...parts };
  const { subscription } = await server.subscriptions.createSubscription({
    subscription: { ...stated, target: { case: "webhook", value } },
  });
  const shown = subscription?.target.case === "webhook" ? subscription.target.value.secret : "";
  return { namespace, secret: shown };
}

/** Creates a run that goes to a topic, and publishes events of it. */
async function publish(namespace: string, runId: string, types: readonly string[], delivery = {}) {
  const work = { case: "task", value: { op: "nobody" } } as const;
  await server.runs.createRun({ run: { namespace, runId, work, delivery } });
  const events = types.map((type) => ({ runId, published: { source: "test", type } }));
  await server.events.publishEvents({ namespace, events });
}

async function statusOf(namespace: string) {
  const { subscription } = await server.subscriptions.getSubscription({ namespace, name: "s" });
  return subscription?.status;
}

interface CloudEvent {
  readonly id: string;
  readonly data: { readonly published: { readonly type: string } };
  readonly [name: string]: unknown;
}

function parse({ body }: ReceivedPost): CloudEvent {
  return JSON.parse(body) as CloudEvent;
}

function types(posts: readonly ReceivedPost[] = receiver.posts): string[] {
  return posts.map((post) => parse(post).data.published.type);
}

describe("a webhook", () => {
  test("G-013 G-160 is posted each event as a CloudEvent, with the attributes of its delivery", async () => {
    const { namespace } = await newWebhook();
    const attributes = { "Tenant.Id": "7", tenantid: "8", id: "9", a_1: "x", plain: "y" };
    await publish(namespace, "r", ["a"], { topic: "orders.eu", attributes });
    await until("it came", () => receiver.posts.length === 1);
    const [post] = receiver.posts as [ReceivedPost];
    expect(post.headers["content-type"]).toBe("application/cloudevents+json; charset=utf-8");
    const { data, ...context } = parse(post);
    expect(context).toEqual({
      specversion: "1.0",
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      source: `/signalbox/${namespace}/runs/r`,
      type: "signalbox.v1.published",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      datacontenttype: "application/json",
      topic: "orders.eu",
      a1: "x",
      tenantid: "7",
      attrid: "9",
      plain: "y",
      attrtenantid: "8",
    });
    expect(data).toMatchObject({
      eventId: context["id"],
      namespace,
      runId: "r",
      delivery: { topic: "orders.eu", attributes },
      published: { source: "test", type: "a" },
    });
  });

  test("is signed as Standard Webhooks says, with the secret that was shown once", async () => {
    const { namespace, secret } = await newWebhook();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { subscription } = await server.subscriptions.getSubscription({ namespace, name: "s" });
    expect(subscription?.target.value).toMatchObject({ secret: "" });
    await publish(namespace, "r", ["a"]);
    await until("it came", () => receiver.posts.length === 1);
    const [{ headers, body }] = receiver.posts as [ReceivedPost];
    const signed = [headers["webhook-id"], headers["webhook-timestamp"], body].join(".");
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    const signature = createHmac("sha256", key).update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${signature}`);
    expect(headers["webhook-id"]).toBe(parse({ path: "", headers, body }).id);
    expect(Math.abs(Date.now() / 1000 - Number(headers["webhook-timestamp"]))).toBeLessThan(60);
  });

  test("of a secret of the caller's own is signed with it, and it is never shown", async () => {
    const { namespace, secret } = await newWebhook({}, { secret: "open sesame" });
    expect(secret).toBe("");
    await publish(namespace, "r", ["a"]);
    await until("it came", () => receiver.posts.length === 1);
    const [{ headers, body }] = receiver.posts as [ReceivedPost];
    const signed = [headers["webhook-id"], headers["webhook-timestamp"], body].join(".");
    const signature = createHmac("sha256", "open sesame").update(signed).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${signature}`);
  });

  test("is posted the events of a run in their order, each when the one before was taken", async () => {
    const { namespace } = await newWebhook();
    const many = Array.from({ length: 40 }, (_, index) => `${index}`);
    await publish(namespace, "r", many);
    await until("all came", () => receiver.posts.length === many.length);
    expect(types()).toEqual(many);
    expect(receiver.busiest).toBe(1);
    await until("all is dealt with", async () => (await statusOf(namespace))?.lagEvents === 0n);
  });

  test.each([
    { answer: { status: 500 }, error: "the receiver answered 500" },
    {
      answer: { status: 302, headers: { location: "/elsewhere" } },
      error: "redirects are not followed (302)",
    },
    { answer: { status: 429, headers: { "retry-after": "0" } }, error: "the receiver answered 429" },
  ])("that answers $answer.status is posted the event again, with the same id", async ({ answer, error }) => {
    let toldError: string | undefined;
    const { namespace } = await newWebhook();
    receiver.answer = () => (receiver.posts.length < 3 ? answer : { status: 200 });
    await publish(namespace, "r", ["a", "b"]);
    await until("it failed", async () => {
      const status = await statusOf(namespace);
      if (status?.lastError !== "") toldError = status?.lastError;
      return receiver.posts.length >= 4;
    });
    expect(types()).toEqual(["a", "a", "a", "b"]);
    expect(receiver.posts.map(({ path }) => path)).toEqual(Array(4).fill("/hook"));
    expect(new Set(receiver.posts.slice(0, 3).map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(toldError ?? error).toBe(error);
    await until("it is known", async () => (await statusOf(namespace))?.acknowledgedCount === 2n);
    expect(await statusOf(namespace)).toMatchObject({ failedCount: 2n, lastError: "" });
  });

  test("that does not answer in time is posted the event again", async () => {
    const { namespace } = await newWebhook({}, { timeout: { nanos: 100_000_000 } });
    receiver.answer = () => (receiver.posts.length < 2 ? undefined : { status: 200 });
    await publish(namespace, "r", ["a"]);
    await until("it came again", () => receiver.posts.length === 2);
    await until("it is known", async () => (await statusOf(namespace))?.acknowledgedCount === 1n);
    expect(await statusOf(namespace)).toMatchObject({ failedCount: 1n });
  });

  test("that never takes an event has it set aside after the last try, and goes on", async () => {
    const { namespace } = await newWebhook({ deliveriesMax: 3 });
    receiver.answer = (post) => ({ status: types([post])[0] === "a" ? 400 : 200 });
    await publish(namespace, "r", ["a", "b"]);
    await until("b came", () => types().includes("b"));
    expect(types()).toEqual(["a", "a", "a", "b"]);
    await until("it is told", async () => (await statusOf(namespace))?.deadLetterCount === 1n);
    const { deadLetters } = await server.subscriptions.listDeadLetters({ namespace, name: "s" });
    const [{ headers }] = receiver.posts as [ReceivedPost];
    expect(deadLetters).toMatchObject([
      { eventId: headers["webhook-id"], deliveryCount: 3, cause: "the receiver answered 400" },
    ]);
    receiver.answer = () => ({ status: 200 });
    const { releasedCount } = await server.subscriptions.releaseDeadLetters({ namespace, name: "s" });
    expect(releasedCount).toBe(1);
    await until("it came again", () => receiver.posts.length === 5);
    expect(types().at(-1)).toBe("a");
  });

  test("that is gone (410) has the event set aside at once", async () => {
    const { namespace } = await newWebhook();
    receiver.answer = () => ({ status: 410 });
    await publish(namespace, "r", ["a"]);
    await until("it is set aside", async () => (await statusOf(namespace))?.deadLetterCount === 1n);
    expect(receiver.posts.length).toBe(1);
  });

  test("that is down blocks neither runs nor other webhooks, and its lag is visible", async () => {
    const down = await newWebhook({}, { url: "http://127.0.0.1:1/" });
    const { namespace } = await newWebhook({
      filter: { namespace: down.namespace, kinds: [EventKind.PUBLISHED] },
    });
    await publish(down.namespace, "r", ["a", "b", "c"]);
    await until("the other one got them", () => receiver.posts.length === 3);
    await until("it failed", async () => ((await statusOf(down.namespace))?.failedCount ?? 0n) > 0n);
    const status = await statusOf(down.namespace);
    expect(status?.lastError).toContain("ECONNREFUSED");
    expect(status?.lagEvents).toBeGreaterThanOrEqual(3n);
    expect(status?.oldestTime).toBeDefined();
    await until("nothing is left of the other", async () => (await statusOf(namespace))?.lagEvents === 0n);
    await server.subscriptions.deleteSubscription({ namespace: down.namespace, name: "s" });
  });
});
