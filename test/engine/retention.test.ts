import { afterEach, describe, expect, test } from "vitest";
import type { Position } from "../../src/core/event.ts";
import { Engine, type EngineSettings } from "../../src/engine/engine.ts";
import { CursorExpired } from "../../src/engine/feed-pages.ts";
import type { Consumer, Consuming, EventInFlight } from "../../src/engine/subscriptions/consumer.ts";
import { feedBatchEventsMax, requestSweepIntervalMs, subscribedRetentionFactor } from "../../src/limits.ts";
import { MemoryStore } from "../../src/store/memory/memory-store.ts";
import { noRequest } from "../support/builders.ts";
import { FakeClock, settle, until } from "../support/fake-clock.ts";
import { subscriptionRow } from "../support/rows.ts";
import { KeptLog, settings } from "./support.ts";

const running: Engine[] = [];
afterEach(async () => {
  for (const engine of running.splice(0)) await engine.stop();
});

const hourMs = 3_600_000;

/** An engine that keeps events for an hour unless said, over a store and a clock of its own. */
async function setUp(retention: Partial<EngineSettings> = { feedRetentionMs: hourMs }) {
  const store = new MemoryStore();
  const clock = new FakeClock();
  const log = new KeptLog();
  const engine = new Engine({ store, clock, log, settings: { ...settings, ...retention } });
  running.push(engine);
  await engine.start();
  const publish = async (type: string) => {
    const published = { source: "test", type, attributes: {}, payload: undefined };
    const events = [{ runId: "", action: "", published }];
    await engine.execute({ kind: "publishEvents", request: noRequest, namespace: "default", events });
  };
  const publishMany = async (count: number) => {
    for (let number = 1; number <= count; number += 1) await publish(String(number));
  };
  const subscribe = async (name: string) => {
    const { filter: _filter, ...content } = subscriptionRow(name);
    const filter = { namespace: "default", runId: "", kinds: ["published"], labels: {}, topics: [] } as const;
    const all = { ...content, filter, deliveriesMax: 0, inFlightMax: 1_000 };
    const of = { request: noRequest, namespace: "default", name } as const;
    await engine.execute({ kind: "createSubscription", ...of, content: all, through: 0 });
  };
  /** Lets this long go by, and one more look of the sweeper. */
  const pass = async (ms: number) => {
    await clock.advance(ms + requestSweepIntervalMs);
    await settle();
  };
  return { store, clock, log, engine, publish, publishMany, subscribe, pass };
}

/** A consumer that acknowledges at once, and keeps what it was given. */
class Taker implements Consumer {
  readonly inFlightMax = 1_000;
  readonly isPipelined = true;
  readonly types: string[] = [];
  readonly #opened = Promise.withResolvers<Consuming>();

  /** Opens a subscription. */
  async open(engine: Engine, name: string): Promise<void> {
    const opened = await engine.subscriptions.open("default", name, this);
    if (!opened.ok) throw new Error(opened.cause);
    this.#opened.resolve(opened.consuming);
  }

  deliver(deliveries: readonly EventInFlight[]): boolean {
    for (const { placed } of deliveries) {
      if (placed.event.detail.kind === "published") this.types.push(placed.event.detail.type);
    }
    const positions = deliveries.map(({ placed }) => Number(placed.position));
    void this.#opened.promise.then((consuming) => consuming.acknowledge(positions));
    return true;
  }

  end(): undefined {}
}

describe("the feed of an engine", () => {
  test("loses what is older than the retention, and nothing without one", async () => {
    const all = await setUp({});
    await all.publishMany(3);
    await all.pass(100 * hourMs);
    expect(await all.store.oldest()).toBe(0n);

    const { store, publishMany, pass } = await setUp();
    await publishMany(3);
    await pass(hourMs / 2);
    expect(await store.oldest()).toBe(0n);
    await publishMany(2);
    await pass(hourMs / 2);
    expect([await store.oldest(), await store.head()]).toEqual([3n, 5n]);
    await pass(hourMs);
    expect([await store.oldest(), await store.head()]).toEqual([5n, 5n]);
  });

  test("loses what is too many, lot after lot", async () => {
    const { store, publishMany, pass } = await setUp({ feedRetentionEventsMax: 10 });
    await publishMany(1_234);
    await pass(requestSweepIntervalMs);
    expect([await store.oldest(), await store.head()]).toEqual([1_224n, 1_234n]);
  });

  test("tells a follower whom trimming overtakes, with the place to go on from", async () => {
    const { engine, publishMany, pass } = await setUp();
    await publishMany(feedBatchEventsMax + 10);
    const { signal } = new AbortController();
    const slow = engine.feeds.follow({ after: "beginning", matches: () => true, signal });
    await slow.next();
    expect((await slow.next()).value).toMatchObject({ through: 1n });
    await pass(hourMs);
    await publishMany(1);
    const read = async () => {
      for await (const _frame of slow);
    };
    const expired = await read().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(expired).toBeInstanceOf(CursorExpired);
    const { oldest } = expired as CursorExpired;
    const resumed = engine.feeds.follow({ after: oldest, matches: () => true, signal });
    await resumed.next();
    const next = (await resumed.next()).value as { events: readonly { position: Position }[] };
    expect(next.events.map(({ position }) => position)).toEqual([BigInt(feedBatchEventsMax + 11)]);
    await resumed.return();
  });

  test("leaves one who waits at its end in peace, whatever is removed behind", async () => {
    const { engine, publishMany, pass, store } = await setUp();
    await publishMany(3);
    const { signal } = new AbortController();
    const live = engine.feeds.follow({ after: "now", matches: () => true, signal });
    await live.next();
    const next = live.next();
    await pass(2 * hourMs);
    expect(await store.oldest()).toBe(3n);
    expect((await next).value).toMatchObject({ events: [], through: 3n });
    await publishMany(1);
    await until("it is told", async () => ((await live.next()).value?.events.length ?? 0) === 1);
    await live.return();
  });
});

describe("a subscription", () => {
  test("keeps the feed from losing what it has not dealt with, which is said once", async () => {
    const { engine, store, log, publishMany, subscribe, pass } = await setUp();
    await subscribe("late");
    await publishMany(5);
    await pass(2 * hourMs);
    await pass(0);
    // The first event tells of the subscription itself, which it does not want.
    expect(await store.oldest()).toBe(1n);
    const held = log.lines.filter(({ sentence }) => sentence.includes("keeps events from being removed"));
    expect(held.map(({ facts }) => facts)).toEqual([{ namespace: "default", name: "late" }]);
    const taker = new Taker();
    await taker.open(engine, "late");
    await until(
      "all are dealt with",
      async () => (await store.subscription("default", "late"))?.through === 6,
    );
    expect(taker.types).toEqual(["1", "2", "3", "4", "5"]);
    await pass(hourMs);
    expect(await store.oldest()).toBe(6n);
    expect(await store.subscription("default", "late")).toMatchObject({ missedCount: 0 });
  });

  test("that is gone for too long goes on behind what was removed, and says so", async () => {
    const { engine, store, log, publish, publishMany, subscribe, pass } = await setUp();
    await subscribe("late");
    await publishMany(1_500);
    await pass((subscribedRetentionFactor + 1) * hourMs);
    expect(await store.oldest()).toBe(1_501n);
    expect(await store.subscription("default", "late")).toMatchObject({ through: 1_501, missedCount: 1_500 });
    await until("it says so", () => engine.subscriptions.status("default", "late")?.lastError !== "");
    expect(engine.subscriptions.status("default", "late")?.lastError).toMatch(/^\d+ events were removed/);
    expect(log.sentences("error")).toContain("events were removed before a subscription dealt with them");
    await publish("after");
    const taker = new Taker();
    await taker.open(engine, "late");
    await until("it goes on", () => taker.types.includes("after"));
    await until("that is kept", async () => (await store.subscription("default", "late"))?.through === 1_502);
    expect(engine.subscriptions.status("default", "late")?.lastError).toBe("");
  });
});
