import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Event, EventKind } from "../../gen/signalbox/v1/event_pb.ts";
import type { EventDelivery } from "../../gen/signalbox/v1/subscription_service_pb.ts";
import { until } from "../support/fake-clock.ts";
import { describeRefusal, TestServer } from "../support/test-server.ts";
import { TestSubscriber } from "../support/test-subscriber.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;

/** A namespace that no other test uses, with a subscription `s` of what is published there. */
async function newSubscription(parts: object = {}, on = server): Promise<string> {
  namespaceCount += 1;
  const namespace = `ns${namespaceCount}`;
  const filter = { kinds: [EventKind.PUBLISHED] };
  const target = { case: "pull" as const, value: {} };
  await on.subscriptions.createSubscription({
    subscription: { namespace, name: "s", filter, target, ...parts },
  });
  return namespace;
}

/** Publishes events of these types, each of a run of its own: it is created first. */
async function publish(namespace: string, types: readonly string[], { run = "", on = server } = {}) {
  if (run !== "") {
    await on.runs.createRun({
      run: { namespace, runId: run, work: { case: "task", value: { op: "nobody" } } },
    });
  }
  const events = types.map((type) => ({ runId: run, published: { source: "test", type } }));
  await on.events.publishEvents({ namespace, events });
}

/** Types of what was delivered: `a`, or `a x2` the second time. */
function told(deliveries: readonly EventDelivery[]): string[] {
  return deliveries.map(({ event, deliveryCount }) => {
    const type = typeOf(event);
    return deliveryCount === 1 ? type : `${type} x${deliveryCount}`;
  });
}

function typeOf(event: Event | undefined): string {
  return event?.detail.case === "published" ? event.detail.value.type : "?";
}

describe("a consumer's stream", () => {
  test("is opened, delivered to, and acknowledges durably", async () => {
    const namespace = await newSubscription({ ackTimeout: { seconds: 7n } });
    await publish(namespace, ["before"]);
    const one = TestSubscriber.connect(server.url);
    expect(await one.sendOpen({ namespace })).toMatchObject({ ackTimeout: { seconds: 7n } });
    const first = await one.take(1);
    expect(told(first)).toEqual(["before"]);
    expect(first[0]).toMatchObject({ deliveryId: 1n, deliveryCount: 1, event: { namespace } });
    await one.acknowledge(first);
    const { subscription } = await server.subscriptions.getSubscription({ namespace, name: "s" });
    expect(subscription?.status).toMatchObject({
      lagEvents: 0n,
      inFlightCount: 0,
      acknowledgedCount: 1n,
      consumerCount: 1,
    });
    one.halfClose();
    expect(await one.ended).toBeUndefined();
  });

  test("gets one event of a run at a time, or all of them in order if it is pipelined", async () => {
    const namespace = await newSubscription();
    await publish(namespace, ["a", "b", "c"], { run: "r" });
    const one = await TestSubscriber.open(server.url, { namespace });
    const first = await one.take(1);
    await one.acknowledge(first);
    const second = await one.take(1);
    expect([told(first), told(second)]).toEqual([["a"], ["b"]]);
    one.cancel();
    const other = await TestSubscriber.open(server.url, { namespace, pipelined: true });
    const both = await other.take(2);
    expect(told(both)).toEqual(["b x2", "c"]);
    other.cancel();
  });

  test("gets what it rejects again, after the delay that it says", async () => {
    const namespace = await newSubscription();
    await publish(namespace, ["a"]);
    const one = await TestSubscriber.open(server.url, { namespace });
    const [delivery] = await one.take(1);
    const deliveryIds = [delivery?.deliveryId ?? 0n, 77n];
    one.send({ case: "reject", value: { deliveryIds, delay: { nanos: 1_000_000 }, cause: "busy" } });
    expect(told(await one.take(1))).toEqual(["a x2"]);
    const { subscription } = await server.subscriptions.getSubscription({ namespace, name: "s" });
    expect(subscription?.status).toMatchObject({ failedCount: 1n, lastError: "busy", inFlightCount: 1 });
    one.cancel();
  });

  test("gets what it did not acknowledge in time again, and may acknowledge either delivery", async () => {
    const timing = { ackTimeout: { nanos: 100_000_000 }, initialBackoff: { nanos: 1_000_000 } };
    const namespace = await newSubscription(timing);
    await publish(namespace, ["a"]);
    const one = await TestSubscriber.open(server.url, { namespace });
    const [first] = await one.take(1);
    expect(told(await one.take(1))).toEqual(["a x2"]);
    await one.acknowledge(first === undefined ? [] : [first]);
    const { subscription } = await server.subscriptions.getSubscription({ namespace, name: "s" });
    expect(subscription?.status).toMatchObject({ inFlightCount: 0, acknowledgedCount: 1n, lagEvents: 0n });
    one.cancel();
  });

  test("shares with others, and what it leaves behind goes to them", async () => {
    const namespace = await newSubscription();
    const one = await TestSubscriber.open(server.url, { namespace, inFlightMax: 1 });
    const other = await TestSubscriber.open(server.url, { namespace, inFlightMax: 1 });
    await publish(namespace, ["a"], { run: "q" });
    await publish(namespace, ["b"], { run: "r" });
    const [ofOne, ofOther] = [await one.take(1), await other.take(1)];
    expect([...told(ofOne), ...told(ofOther)].sort()).toEqual(["a", "b"]);
    one.cancel();
    await other.acknowledge(ofOther);
    expect(told(await other.take(1))).toEqual(told(ofOne).map((type) => `${type} x2`));
    other.cancel();
  });

  test("is told that the server is there while nothing is to be said", async () => {
    const busy = await TestServer.start({ settings: { pulseIntervalMs: 5 } });
    const namespace = await newSubscription({}, busy);
    const one = await TestSubscriber.open(busy.url, { namespace });
    await one.next("beat");
    one.send({ case: "beat", value: {} });
    await one.next("beat");
    one.cancel();
    await busy.close();
  });

  test("is told when to come back by a server that stops", async () => {
    const stopping = await TestServer.start();
    const namespace = await newSubscription({}, stopping);
    await publish(namespace, ["a"], { on: stopping });
    const one = await TestSubscriber.open(stopping.url, { namespace });
    await one.acknowledge(await one.take(1));
    const stopped = stopping.stop();
    expect(await one.next("close")).toMatchObject({ reconnectAfter: { seconds: 1n } });
    expect(describeRefusal(await one.ended)).toMatchObject({ code: "Unavailable", reason: "STOPPING" });
    await stopped;
    expect(stopping.errors).toEqual([]);
  });

  test("is closed for good when its subscription is deleted", async () => {
    const namespace = await newSubscription();
    const one = await TestSubscriber.open(server.url, { namespace });
    await server.subscriptions.deleteSubscription({ namespace, name: "s" });
    const close = await one.next("close");
    expect(close).toMatchObject({ cause: "the subscription was deleted" });
    expect(close.reconnectAfter).toBeUndefined();
    expect(await one.ended).toBeUndefined();
  });

  test("that reads too slowly ends with TOO_SLOW, and nothing is lost by it", async () => {
    const limits = { subscribe: { outgoing: { framesMax: 2, bytesMax: 3_000 } } };
    const narrow = await TestServer.start({ limits });
    const namespace = await newSubscription({}, narrow);
    const types = Array.from({ length: 50 }, (_, index) => `${index}`);
    await publish(namespace, types, { on: narrow });
    const one = await TestSubscriber.open(narrow.url, { namespace, pipelined: true });
    expect(describeRefusal(await one.ended)).toMatchObject({ code: "ResourceExhausted", reason: "TOO_SLOW" });
    const other = await TestSubscriber.open(narrow.url, { namespace, inFlightMax: 2 });
    const got: string[] = [];
    while (got.length < types.length) {
      const next = await other.take(1);
      got.push(...next.map(({ event }) => typeOf(event)));
      await other.acknowledge(next);
    }
    expect(got).toEqual(types);
    other.cancel();
    await narrow.close();
  });
});

describe("the first frame of a consumer", () => {
  test.each([
    { found: "beat", send: (one: TestSubscriber) => one.send({ case: "beat", value: {} }) },
    { found: "the end of the stream", send: (one: TestSubscriber) => one.halfClose() },
  ])("that is $found instead of Open: OPEN_EXPECTED", async ({ found, send }) => {
    const one = TestSubscriber.connect(server.url);
    send(one);
    expect(describeRefusal(await one.ended)).toMatchObject({ reason: "OPEN_EXPECTED", metadata: { found } });
  });

  test("that does not come in time: OPEN_EXPECTED", async () => {
    const impatient = await TestServer.start({ limits: { subscribe: { openTimeoutMs: 20 } } });
    const one = TestSubscriber.connect(impatient.url);
    expect(describeRefusal(await one.ended)).toMatchObject({
      reason: "OPEN_EXPECTED",
      metadata: { found: "none in 20 ms" },
    });
    await impatient.close();
  });

  test("cannot come twice: OPEN_EXPECTED", async () => {
    const namespace = await newSubscription();
    const one = await TestSubscriber.open(server.url, { namespace });
    one.send({ case: "open", value: { namespace, name: "s" } });
    expect(describeRefusal(await one.ended)).toMatchObject({
      reason: "OPEN_EXPECTED",
      metadata: { found: "a second open" },
    });
  });

  test("names a subscription that is there, and pulled", async () => {
    const namespace = await newSubscription({
      target: { case: "webhook", value: { url: "https://example.com" } },
    });
    const pushed = TestSubscriber.connect(server.url);
    pushed.send({ case: "open", value: { namespace, name: "s" } });
    expect(describeRefusal(await pushed.ended)).toMatchObject({
      code: "FailedPrecondition",
      reason: "SUBSCRIPTION_NOT_PULLED",
      metadata: { subscription: "s", target: "webhook" },
    });
    const lost = TestSubscriber.connect(server.url);
    lost.send({ case: "open", value: { namespace, name: "nobody" } });
    expect(describeRefusal(await lost.ended)).toMatchObject({
      code: "NotFound",
      reason: "SUBSCRIPTION_NOT_FOUND",
    });
  });

  test("keeps the rules of the contract, as every frame does: INVALID_REQUEST", async () => {
    const nameless = TestSubscriber.connect(server.url);
    nameless.send({ case: "open", value: { name: "" } });
    expect(describeRefusal(await nameless.ended)).toMatchObject({
      reason: "INVALID_REQUEST",
      fields: expect.arrayContaining(["open.name"]),
    });
    const namespace = await newSubscription();
    const one = await TestSubscriber.open(server.url, { namespace });
    one.send({ case: "acknowledge", value: { deliveryIds: [] } });
    expect(describeRefusal(await one.ended)).toMatchObject({
      reason: "INVALID_REQUEST",
      fields: ["acknowledge.delivery_ids"],
    });
    const count = async () =>
      (await server.subscriptions.getSubscription({ namespace, name: "s" })).subscription?.status
        ?.consumerCount;
    await until("its consumer is gone", async () => (await count()) === 0);
  });
});
