import { afterEach, describe, expect, test } from "vitest";
import type { SubscriptionContent } from "../../src/core/subscriptions/subscription.ts";
import { Engine } from "../../src/engine/engine.ts";
import type {
  Consumer,
  Consuming,
  EndCause,
  EventInFlight,
} from "../../src/engine/subscriptions/consumer.ts";
import { subscriptionPlaceIntervalMs } from "../../src/limits.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { noRequest } from "../support/builders.ts";
import { FakeClock, settle, until } from "../support/fake-clock.ts";
import { KeptLog, settings } from "./support.ts";

const content: SubscriptionContent = {
  filter: { namespace: "default", runId: "", kinds: ["published"], labels: {}, topics: [] },
  target: { kind: "pull" },
  ackTimeoutMs: 30_000,
  deliveriesMax: 0,
  inFlightMax: 1_000,
  initialBackoffMs: 1_000,
  maxBackoffMs: 60_000,
};

/** A consumer that keeps what it is given, and may acknowledge it at once. */
class KeptConsumer implements Consumer {
  readonly inFlightMax = 1_000;
  readonly isPipelined = true;
  readonly types: string[] = [];
  readonly ends: EndCause[] = [];
  readonly #isEager: boolean;
  #open: number[] = [];
  consuming!: Consuming;

  constructor(isEager: boolean) {
    this.#isEager = isEager;
  }

  deliver(deliveries: readonly EventInFlight[]): boolean {
    for (const { placed } of deliveries) {
      const { detail } = placed.event;
      if (detail.kind === "published") this.types.push(detail.type);
      this.#open.push(Number(placed.position));
    }
    if (this.#isEager) void Promise.resolve().then(() => this.acknowledge());
    return true;
  }

  acknowledge(): Promise<void> {
    const positions = this.#open;
    this.#open = [];
    return this.consuming.acknowledge(positions);
  }

  reject(isFinal = false): void {
    const positions = this.#open;
    this.#open = [];
    this.consuming.reject(positions, { delayMs: undefined, cause: "no", isFinal });
  }

  end(cause: EndCause): undefined {
    this.ends.push(cause);
  }
}

const running: Engine[] = [];
afterEach(async () => {
  for (const engine of running.splice(0)) await engine.stop();
});

async function setUp(store = new MemoryStore(), clock = new FakeClock()) {
  const log = new KeptLog();
  const engine = new Engine({ store, clock, log, settings });
  await engine.start();
  running.push(engine);
  let count = 0;
  const publish = async (amount = 1, attributes: Record<string, string> = {}) => {
    for (let index = 0; index < amount; index += 1) {
      count += 1;
      const published = { source: "test", type: `${count}`, attributes, payload: undefined };
      const events = [{ runId: "", action: "", published }];
      await engine.execute({ kind: "publishEvents", request: noRequest, namespace: "default", events });
    }
  };
  const create = async (parts: Partial<SubscriptionContent> = {}) => {
    const through = Number(await store.head());
    const all = { ...content, ...parts };
    const of = { request: noRequest, namespace: "default", name: "s" } as const;
    await engine.execute<"createSubscription">({ kind: "createSubscription", ...of, content: all, through });
  };
  const open = async (isEager = true) => {
    const consumer = new KeptConsumer(isEager);
    const outcome = await engine.subscriptions.open("default", "s", consumer);
    if (!outcome.ok) throw new Error(outcome.cause);
    consumer.consuming = outcome.consuming;
    return consumer;
  };
  const row = async () => {
    const found = await store.subscription("default", "s");
    if (found === undefined) throw new Error("there is no subscription");
    return found;
  };
  return { engine, store, clock, log, publish, create, open, row };
}

/** The texts of numbers from one to another. */
function numbers(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${first + index}`);
}

describe("a subscription at work", () => {
  test("delivers what was committed since it was created, whoever was there", async () => {
    const { publish, create, open } = await setUp();
    await publish(2);
    await create();
    await publish(3);
    const consumer = await open();
    await until("three came", () => consumer.types.length === 3);
    await publish();
    await until("one more came", () => consumer.types.length === 4);
    expect(consumer.types).toEqual(["3", "4", "5", "6"]);
  });

  test("keeps its place durably, and an acknowledgement settles when it is", async () => {
    const { publish, create, open, row, store } = await setUp();
    await create();
    await publish(3);
    const consumer = await open(false);
    await until("three came", () => consumer.types.length === 3);
    expect((await row()).through).toBeLessThan(Number(await store.head()) - 2);
    await consumer.acknowledge();
    expect(await row()).toMatchObject({ through: Number(await store.head()), ahead: [] });
  });

  test("moves over events that it does not want within an interval, without anybody's doing", async () => {
    const { clock, create, publish, row, store } = await setUp();
    await create({ filter: { ...content.filter, kinds: ["run_ended"] } });
    await settle();
    await publish(5);
    const before = (await row()).through;
    await clock.advance(subscriptionPlaceIntervalMs + settings.bookmarkIntervalMs);
    expect(before).toBeLessThan(Number(await store.head()));
    expect((await row()).through).toBe(Number(await store.head()));
  });

  test("goes on after a restart: what was not acknowledged comes again, in order, and nothing else", async () => {
    const { engine, publish, create, open, store } = await setUp();
    await create();
    await publish(4);
    const first = await open(false);
    await until("four came", () => first.types.length === 4);
    // All but the second: positions begin behind that of the creation.
    await first.consuming.acknowledge([2, 4, 5]);
    await engine.stop();
    expect(first.ends).toEqual(["STOPPING"]);
    const next = await setUp(store);
    const second = await next.open();
    await until("the second came", () => second.types.length === 1);
    await next.publish();
    await until("one more came", () => second.types.length === 2);
    expect(second.types).toEqual(["2", "1"]);
  });

  test("goes on from the middle of a transaction", async () => {
    const { engine, create, open, store } = await setUp();
    await create();
    const events = numbers(1, 4).map((type) => ({
      runId: "",
      action: "",
      published: { source: "test", type, attributes: {}, payload: undefined },
    }));
    await engine.execute({ kind: "publishEvents", request: noRequest, namespace: "default", events });
    const first = await open(false);
    await until("four came", () => first.types.length === 4);
    await first.consuming.acknowledge([2, 3]);
    await engine.stop();
    const next = await setUp(store);
    const second = await next.open();
    await until("two came", () => second.types.length === 2);
    await second.acknowledge();
    expect(second.types).toEqual(["3", "4"]);
    expect((await next.row()).through).toBe(5);
  });

  test("reads no further than there is room, and goes on when there is", async () => {
    const { publish, create, open, engine, row, store } = await setUp();
    await create({ inFlightMax: 10 });
    await publish(1_500);
    await settle();
    expect(engine.subscriptions.status("default", "s")).toMatchObject({ inFlightCount: 0, consumerCount: 0 });
    const consumer = await open(false);
    await until("ten came", () => consumer.types.length === 10);
    await settle();
    expect(engine.subscriptions.status("default", "s")).toMatchObject({ inFlightCount: 10 });
    while (consumer.types.length < 1_500) await consumer.acknowledge();
    await consumer.acknowledge();
    expect(consumer.types).toEqual(numbers(1, 1_500));
    expect((await row()).through).toBe(Number(await store.head()));
  });

  test("sets aside what cannot be delivered, durably, and delivers it again when it is released", async () => {
    const { engine, publish, create, open, row, store } = await setUp();
    await create();
    await publish(2);
    const consumer = await open(false);
    await until("two came", () => consumer.types.length === 2);
    consumer.reject(true);
    await until("they are set aside", async () => (await row()).deadLetterCount === 1);
    await until("the other came again", () => consumer.types.length === 3);
    consumer.reject(true);
    await until("both are set aside", async () => (await row()).deadLetterCount === 2);
    const release = {
      request: noRequest,
      namespace: "default",
      name: "s",
      positions: [2],
      forget: false,
    } as const;
    await engine.execute<"releaseDeadLetters">({ kind: "releaseDeadLetters", ...release });
    await until("it came again", () => consumer.types.length === 4);
    expect(consumer.types).toEqual(["1", "2", "2", "1"]);
    expect((await row()).through).toBe(1);
    await consumer.acknowledge();
    await until("all is dealt with", async () => (await row()).ahead.length === 0);
    expect(Number(await store.head()) - (await row()).through).toBeLessThanOrEqual(2);
  });

  test("delivers what was released although the server was killed right after", async () => {
    const { engine, publish, create, open, row, store } = await setUp();
    await create();
    await publish(1);
    const consumer = await open(false);
    await until("it came", () => consumer.types.length === 1);
    consumer.reject(true);
    await until("it is set aside", async () => (await row()).deadLetterCount === 1);
    consumer.consuming.close();
    await engine.stop();
    const release = {
      request: noRequest,
      namespace: "default",
      name: "s",
      positions: [],
      forget: false,
    } as const;
    const stamp = { nowMs: 1, chance: 0 };
    await store.transact<"releaseDeadLetters">({ kind: "releaseDeadLetters", ...release }, stamp);
    const next = await setUp(store);
    const again = await next.open();
    await until("it came again", () => again.types.length === 1);
  });

  test("ends its consumers when it is deleted, and is not found then", async () => {
    const { engine, create, open } = await setUp();
    await create();
    const consumer = await open();
    const request = { request: noRequest, namespace: "default", name: "s" } as const;
    await engine.execute<"deleteSubscription">({ kind: "deleteSubscription", ...request });
    await until("it was told", () => consumer.ends.length === 1);
    expect(consumer.ends).toEqual(["DELETED"]);
    const outcome = await engine.subscriptions.open("default", "s", consumer);
    expect(outcome).toEqual({ ok: false, cause: "NOT_FOUND" });
    await create();
    expect((await open()).ends).toEqual([]);
  });

  test("that is sent by the server cannot be opened, and has its sender as a consumer", async () => {
    const { engine, create, publish } = await setUp();
    const consumer = new KeptConsumer(true);
    const ended: string[] = [];
    engine.subscriptions.serve("nats", {
      begin({ name }, open) {
        consumer.consuming = open(consumer);
        return { end: () => void ended.push(name) };
      },
    });
    await create({ target: { kind: "nats", subject: "x" } });
    await publish(2);
    await until("both came", () => consumer.types.length === 2);
    expect(await engine.subscriptions.open("default", "s", consumer)).toEqual({
      ok: false,
      cause: "NOT_PULLED",
    });
    await engine.stop();
    expect([ended, consumer.ends]).toEqual([["s"], ["STOPPING"]]);
  });

  test("makes durable what was acknowledged when the server stops", async () => {
    const { engine, publish, create, open, row, store } = await setUp();
    await create();
    await publish(1);
    const consumer = await open(false);
    await until("it came", () => consumer.types.length === 1);
    const durable = consumer.acknowledge();
    await engine.stop();
    await durable;
    expect((await row()).through).toBe(Number(await store.head()));
  });
});
