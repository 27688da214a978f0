import { describe, expect, test } from "vitest";
import type { Answers } from "../../src/core/answer.ts";
import type { CommandOf } from "../../src/core/command.ts";
import type { PositionRange, Subscription } from "../../src/core/subscriptions/subscription.ts";
import { feedKeptMsMin, trimmedTransactionsMax } from "../../src/limits.ts";
import { noRequest } from "../support/builders.ts";
import { deadLetterRow, eventRow, subscriptionRow } from "../support/rows.ts";
import { noChange } from "../support/scripted-rules.ts";
import { World } from "../support/world.ts";

const nothing = { retentionMs: 0, subscribedRetentionMs: 0, eventsMax: 0 };

/** A feed with transactions of these sizes, committed at these times. */
function worldWith(transactions: readonly (readonly [timeMs: number, count: number])[]): World {
  const world = new World();
  for (const [timeMs, count] of transactions)
    world.state.feed.append(Array(count).fill(eventRow("r", "e", { timeMs })));
  return world;
}

function trim(world: World, bounds: Partial<Omit<CommandOf<"trimFeed">, "kind">>): Answers["trimFeed"] {
  return world.must<"trimFeed">({ kind: "trimFeed", ...nothing, ...bounds });
}

/** A subscription, put where a test wants it. */
function subscribe(world: World, name: string, through: number, ahead: readonly PositionRange[] = []): void {
  const { state } = world;
  state.subscriptions.apply({
    ...noChange,
    subscriptions: [subscriptionRow(name, { through, ahead })],
  });
}

function subscription(world: World, name: string): Subscription {
  return world.state.subscription("default", name) as Subscription;
}

const feed = [
  [1_000, 2],
  [2_000, 1],
  [3_000, 3],
  [4_000, 1],
] as const;

describe("trimming the feed", () => {
  test.each<{ given: string; nowMs: number; retentionMs: number; count: number; oldest: number }>([
    { given: "nothing is old enough", nowMs: 4_000, retentionMs: 3_000, count: 0, oldest: 0 },
    { given: "one is older", nowMs: 4_001, retentionMs: 3_000, count: 1, oldest: 2 },
    { given: "some are older, with several events", nowMs: 6_500, retentionMs: 3_000, count: 3, oldest: 6 },
    { given: "all are older", nowMs: 99_000, retentionMs: 3_000, count: 4, oldest: 7 },
    { given: "there is no bound", nowMs: 99_000, retentionMs: 0, count: 0, oldest: 0 },
  ])("removes whole transactions that are older than the retention: $given", (row) => {
    const world = worldWith(feed);
    world.nowMs = row.nowMs;
    expect(trim(world, row).count).toBe(row.count);
    expect([world.state.feedOldest(), world.state.feedHead()]).toEqual([row.oldest, 7]);
    expect(world.feed.length).toBe(feed.length - row.count);
    expect(trim(world, row).count).toBe(0);
  });

  test("stops at the first one that stays, whatever the clock said behind it", () => {
    const world = worldWith([
      [1_000, 1],
      [9_000, 1],
      [2_000, 1],
    ]);
    world.nowMs = 10_000;
    expect(trim(world, { retentionMs: 5_000 }).count).toBe(1);
    expect(world.state.feedOldest()).toBe(1);
  });

  test("removes a bounded lot at once", () => {
    const world = worldWith(Array(trimmedTransactionsMax + 3).fill([1_000, 1]));
    world.nowMs = 10_000;
    expect(trim(world, { retentionMs: 5_000 }).count).toBe(trimmedTransactionsMax);
    expect(trim(world, { retentionMs: 5_000 }).count).toBe(3);
    expect(trim(world, { retentionMs: 5_000 }).count).toBe(0);
  });

  test("removes what is too many, but for the last minute", () => {
    const world = worldWith(feed);
    world.nowMs = 2_000 + feedKeptMsMin;
    expect(trim(world, { eventsMax: 4 }).count).toBe(2);
    expect(trim(world, { eventsMax: 3 }).count).toBe(0);
    world.nowMs += 1_000;
    // Three more are one transaction: with two of them there are still as many as may be.
    expect(trim(world, { eventsMax: 3 }).count).toBe(0);
    expect(trim(world, { eventsMax: 1 }).count).toBe(1);
    expect(world.state.feedOldest()).toBe(6);
  });

  test("gives what follows the positions behind what was removed", () => {
    const world = worldWith(feed);
    world.nowMs = 99_000;
    trim(world, { retentionMs: 1_000 });
    world.register();
    expect(world.feed[0]?.first).toBe(8n);
  });
});

describe("a subscription that is behind", () => {
  test("keeps what it has not dealt with, up to the second bound", () => {
    const world = worldWith(feed);
    subscribe(world, "quick", 7);
    subscribe(world, "slow", 3);
    world.nowMs = 10_000;
    const bounds = { retentionMs: 1_000, subscribedRetentionMs: 8_000 };
    expect(trim(world, bounds)).toEqual({
      count: 2,
      overtaken: [],
      heldBackBy: { namespace: "default", name: "slow" },
    });
    expect(world.state.feedOldest()).toBe(3);
    expect(subscription(world, "slow")).toMatchObject({ through: 3, missedCount: 0 });
  });

  test("is overtaken where that is over: it goes on behind, and knows how many it missed", () => {
    const world = worldWith(feed);
    subscribe(world, "quick", 7);
    subscribe(world, "slow", 1, [[3, 4]]);
    world.nowMs = 11_500;
    const { count, overtaken } = trim(world, { retentionMs: 1_000, subscribedRetentionMs: 8_000 });
    expect(count).toBe(3);
    // Of the first six it had dealt with 1, 3 and 4.
    expect(overtaken).toEqual([{ namespace: "default", name: "slow", missedCount: 3 }]);
    expect(subscription(world, "slow")).toMatchObject({ through: 6, ahead: [], missedCount: 3 });
    expect(subscription(world, "quick")).toMatchObject({ through: 7, missedCount: 0 });
    expect(world.effects).toContainEqual({ kind: "subscription", namespace: "default", name: "slow" });
    world.nowMs = 99_000;
    trim(world, { retentionMs: 1_000, subscribedRetentionMs: 8_000 });
    expect(subscription(world, "slow")).toMatchObject({ through: 7, missedCount: 4 });
  });

  test("keeps what it has dealt with beyond what is removed", () => {
    const world = worldWith(feed);
    subscribe(world, "slow", 0, [
      [2, 2],
      [5, 5],
      [7, 7],
    ]);
    world.nowMs = 10_500;
    trim(world, { retentionMs: 1_000, subscribedRetentionMs: 8_000 });
    expect(world.state.feedOldest()).toBe(3);
    expect(subscription(world, "slow")).toMatchObject({
      through: 3,
      missedCount: 2,
      ahead: [
        [5, 5],
        [7, 7],
      ],
    });
  });

  test("is never overtaken without a second bound", () => {
    const world = worldWith(feed);
    subscribe(world, "slow", 0);
    world.nowMs = Number.MAX_SAFE_INTEGER;
    const answer = trim(world, { eventsMax: 1 });
    expect(answer).toEqual({ count: 0, overtaken: [], heldBackBy: { namespace: "default", name: "slow" } });
  });

  test("keeps the events of its dead letters, which are missed when they are released too late", () => {
    const world = worldWith(feed);
    subscribe(world, "hook", 7);
    world.state.subscriptions.apply({
      ...noChange,
      subscriptions: [subscriptionRow("hook", { through: 7, deadLetterCount: 2 })],
      deadLetters: [deadLetterRow("hook", 3), deadLetterRow("hook", 7)],
    });
    world.nowMs = 10_000;
    const bounds = { retentionMs: 1_000, subscribedRetentionMs: 9_000 };
    expect(trim(world, bounds)).toMatchObject({ count: 1, heldBackBy: { name: "hook" } });
    world.nowMs = 11_500;
    expect(trim(world, bounds)).toMatchObject({ count: 1, overtaken: [] });
    const of = { request: noRequest, namespace: "default", name: "hook" } as const;
    const released = world.must<"releaseDeadLetters">({
      kind: "releaseDeadLetters",
      ...of,
      positions: [],
      forget: false,
    });
    expect(released.positions).toEqual([3, 7]);
    expect(subscription(world, "hook")).toMatchObject({ through: 6, missedCount: 1, deadLetterCount: 0 });
  });

  test("that is created behind what was removed meanwhile knows what it missed", () => {
    const world = worldWith(feed);
    world.nowMs = 99_000;
    trim(world, { retentionMs: 1_000 });
    world.must<"createSubscription">({
      kind: "createSubscription",
      request: noRequest,
      namespace: "default",
      name: "late",
      content: subscriptionRow("late"),
      through: 5,
    });
    expect(subscription(world, "late")).toMatchObject({ through: 7, missedCount: 2 });
  });
});

test("a lease gets an epoch above all that may have been given before the store was put back", () => {
  const world = new World();
  world.create();
  world.attach();
  const [assigned] = world.assign();
  expect(assigned?.attempt.epoch).toBe(1);
  world.state.epochBase = () => 1_000;
  world.decline(world.reference());
  world.at(100_000);
  expect(world.assign().map(({ attempt }) => attempt.epoch)).toEqual([1_001]);
});
