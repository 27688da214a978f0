import { describe, expect, test } from "vitest";
import type { Event, Position } from "../../src/core/event.ts";
import { runKey } from "../../src/core/name.ts";
import { Stopping } from "../../src/engine/execute.ts";
import { CursorExpired } from "../../src/engine/feed-pages.ts";
import { Feeds } from "../../src/engine/feeds.ts";
import type { FeedFrame, FollowOptions } from "../../src/engine/follower.ts";
import { Wake } from "../../src/engine/wake.ts";
import { feedBatchEventsMax, sharedFeedPagesMax } from "../../src/limits.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import { FakeClock, settle, until } from "../support/fake-clock.ts";
import { eventOf, FakeStore } from "../support/fake-store.ts";

const bookmarkIntervalMs = 5_000;

function setUp() {
  const store = new FakeStore();
  const clock = new FakeClock();
  const wake = new Wake();
  const feeds = new Feeds({ store: store.asStore(), clock, wake, bookmarkIntervalMs });
  const commit = (...events: Event[]) => {
    const position = store.append(...events);
    wake.reached(position);
    return position;
  };
  const commitMany = (runId: string, count: number) => {
    for (let number = 0; number < count; number += 1) commit(eventOf(runId, number));
  };
  const follow = (options: Partial<FollowOptions> = {}) => {
    const ending = new AbortController();
    const all = { after: "now", matches: () => true, signal: ending.signal, ...options } as const;
    const frames = feeds.follow(all);
    const next = async (): Promise<FeedFrame> => {
      const result = await frames.next();
      if (result.done === true) throw new Error("the feed has ended");
      return result.value;
    };
    return { frames, next, end: () => ending.abort() };
  };
  return { store, clock, wake, feeds, commit, commitMany, follow };
}

/** A frame as one can read it: the numbers of its events, or `mark`, then `@` and where it stands. */
function brief({ events, through, atHead }: FeedFrame): string {
  const numbers = events.map(({ event }) => (event.detail as { percent: number }).percent);
  return `${events.length === 0 ? "mark" : numbers.join(",")} @${through}${atHead ? " head" : ""}`;
}

async function briefs(next: () => Promise<FeedFrame>, count: number): Promise<string[]> {
  const told: string[] = [];
  for (let index = 0; index < count; index += 1) told.push(brief(await next()));
  return told;
}

describe("a follower", () => {
  test("begins with a bookmark and is then sent each transaction as one frame", async () => {
    const { commit, follow } = setUp();
    commit(eventOf("r1", 1));
    const { next } = follow();
    expect(brief(await next())).toBe("mark @1 head");
    commit(eventOf("r1", 2), eventOf("r1", 3));
    commit(eventOf("r2", 4));
    expect(await briefs(next, 2)).toEqual(["2,3 @3", "4 @4 head"]);
  });

  test.each([
    { after: "beginning", gives: ["mark @0", "1 @1", "2 @2", "3 @3 head"] },
    { after: 0n as Position, gives: ["mark @0", "1 @1", "2 @2", "3 @3 head"] },
    { after: 2n as Position, gives: ["mark @2", "3 @3 head"] },
    { after: 3n as Position, gives: ["mark @3 head"] },
    { after: "now", gives: ["mark @3 head"] },
  ] as const)("from $after: catches up, says so, and goes on live", async ({ after, gives }) => {
    const { commit, follow } = setUp();
    for (const number of [1, 2, 3]) commit(eventOf("r1", number));
    const { next } = follow({ after });
    expect(await briefs(next, gives.length)).toEqual(gives);
    commit(eventOf("r1", 4));
    expect(brief(await next())).toBe("4 @4 head");
  });

  test("says with a bookmark that it has caught up if the last transactions did not match", async () => {
    const { commit, follow } = setUp();
    for (const number of [1, 2, 3]) commit(eventOf(number === 3 ? "r2" : "r1", number));
    const { next } = follow({ after: "beginning", matches: (event) => event.runId === "r1" });
    expect(await briefs(next, 4)).toEqual(["mark @0", "1 @1", "2 @2", "mark @3 head"]);
  });

  test("gets only the matching events of a transaction, in order and with their positions", async () => {
    const { commit, follow } = setUp();
    const isEven = (event: Event) => (event.detail as { percent: number }).percent % 2 === 0;
    const { next } = follow({ matches: isEven });
    await next();
    commit(...[1, 2, 3, 4, 5, 6].map((number) => eventOf("r1", number)));
    const frame = await next();
    expect(brief(frame)).toBe("2,4,6 @6 head");
    expect(frame.events.map(({ position }) => position)).toEqual([2n, 4n, 6n]);
  });

  test("resumes exactly behind any frame it was sent", async () => {
    const { commit, follow } = setUp();
    for (let number = 1; number <= 9; number += 3) {
      commit(...[0, 1, 2].map((more) => eventOf(more === 1 ? "r2" : "r1", number + more)));
    }
    const whole = follow({ after: "beginning" });
    const frames = [await whole.next(), await whole.next(), await whole.next(), await whole.next()];
    const numbersOf = (list: FeedFrame[]) =>
      list.flatMap(({ events }) => events.map(({ position }) => position));
    for (const [index, { through }] of frames.entries()) {
      const resumed = follow({ after: through });
      const rest: FeedFrame[] = [];
      for (let count = index; count < frames.length; count += 1) rest.push(await resumed.next());
      expect(numbersOf(rest)).toEqual(numbersOf(frames.slice(index + 1)));
    }
  });

  test("reads on in pages when there is more than one of them", async () => {
    const { commitMany, store, follow } = setUp();
    commitMany("r1", 3 * feedBatchEventsMax);
    const { next } = follow({ after: "beginning" });
    const told = await briefs(next, 3 * feedBatchEventsMax + 1);
    expect(told.at(-1)).toBe(`${3 * feedBatchEventsMax - 1} @${3 * feedBatchEventsMax} head`);
    expect(store.feedReads.length).toBeLessThanOrEqual(4);
  });

  test("ends quietly when its signal aborts, whether it waits or not", async () => {
    const { follow, feeds, clock } = setUp();
    const waiting = follow();
    await waiting.next();
    const pending = waiting.frames.next();
    await until("it waits", () => feeds.waitingCount === 1);
    waiting.end();
    expect(await pending).toEqual({ done: true, value: undefined });
    const idle = follow();
    await idle.next();
    idle.end();
    expect(feeds.followerCount).toBe(0);
    expect(await idle.frames.next()).toEqual({ done: true, value: undefined });
    expect(clock.timerCount).toBe(0);
  });

  test("leaves nothing behind when its consumer returns", async () => {
    const { follow, feeds, clock, commit } = setUp();
    const { frames, next } = follow();
    await next();
    commit(eventOf("r1", 1));
    await next();
    await frames.return();
    expect({ followers: feeds.followerCount, timers: clock.timerCount }).toEqual({ followers: 0, timers: 0 });
  });
});

describe("a bookmark", () => {
  test("moves a quiet follower on, once in each interval", async () => {
    const { commit, clock, follow } = setUp();
    const { next } = follow({ matches: () => false });
    await next();
    const marks: string[] = [];
    const reading = (async () => {
      for (let count = 0; count < 3; count += 1) marks.push(brief(await next()));
    })();
    for (let index = 0; index < 3; index += 1) {
      commit(eventOf("r1", index));
      await clock.advance(bookmarkIntervalMs);
    }
    await reading;
    expect(marks).toEqual(["mark @1 head", "mark @2 head", "mark @3 head"]);
  });

  test("does not come while matching events do", async () => {
    const { commit, clock, follow } = setUp();
    const { next } = follow();
    await next();
    const told: string[] = [];
    for (let number = 1; number <= 4; number += 1) {
      const pending = next();
      await clock.advance(bookmarkIntervalMs - 1_000);
      commit(eventOf("r1", number));
      told.push(brief(await pending));
    }
    expect(told).toEqual(["1 @1 head", "2 @2 head", "3 @3 head", "4 @4 head"]);
    const pending = next();
    await clock.advance(bookmarkIntervalMs);
    expect(brief(await pending)).toBe("mark @4 head");
  });

  test("moves a follower of one run past what happens in others", async () => {
    const { commitMany, clock, follow, store } = setUp();
    const { next } = follow({ run: runKey("default", "r1") });
    await next();
    const other = follow();
    await other.next();
    const pending = next();
    const others = other.next();
    commitMany("r2", 20);
    await others;
    const reads = store.feedReads.length;
    await clock.advance(bookmarkIntervalMs);
    expect(brief(await pending)).toBe("mark @20 head");
    expect(store.feedReads.length).toBe(reads);
  });

  test("comes while catching up too, if nothing matches for an interval", async () => {
    const { commitMany, clock, follow, store } = setUp();
    commitMany("r1", 3 * feedBatchEventsMax);
    store.beforeRead = () => clock.advance(bookmarkIntervalMs);
    const { next } = follow({ after: "beginning", matches: () => false });
    expect(await briefs(next, 3)).toEqual(["mark @0", "mark @500", "mark @1000"]);
  });
});

test("a follower that catches up over what it does not want leaves the event loop its turns", async () => {
  const { commitMany, follow } = setUp();
  const pageCount = 20;
  commitMany("r1", pageCount * feedBatchEventsMax);
  const { next } = follow({ after: "beginning", matches: () => false });
  await next();
  let turnCount = 0;
  const count = () => {
    turnCount += 1;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  expect(brief(await next())).toBe(`mark @${pageCount * feedBatchEventsMax} head`);
  clearImmediate(immediate);
  expect(turnCount).toBeGreaterThanOrEqual(pageCount - 1);
});

describe("a slow consumer", () => {
  test("costs reads, not memory: nothing is read for it until it asks", async () => {
    const { commitMany, store, follow } = setUp();
    const { next } = follow();
    await next();
    commitMany("r1", 20 * feedBatchEventsMax);
    await settle();
    expect(store.feedReads.length).toBe(0);
    await next();
    await settle();
    expect(store.feedReads.length).toBeLessThanOrEqual(2);
  });

  test("falls behind, catches up, and has missed and repeated nothing", async () => {
    const { commitMany, follow } = setUp();
    const quick = follow();
    const slow = follow();
    await quick.next();
    await slow.next();
    const quickNumbers: bigint[] = [];
    const slowNumbers: bigint[] = [];
    let marks = 0;
    for (let round = 0; round < 5; round += 1) {
      commitMany("r1", feedBatchEventsMax);
      while (quickNumbers.length < (round + 1) * feedBatchEventsMax) {
        for (const { position } of (await quick.next()).events) quickNumbers.push(position);
      }
      const frame = await slow.next();
      for (const { position } of frame.events) slowNumbers.push(position);
    }
    while (slowNumbers.length < quickNumbers.length) {
      const frame = await slow.next();
      if (frame.events.length === 0) marks += 1;
      for (const { position } of frame.events) slowNumbers.push(position);
    }
    expect(slowNumbers).toEqual(quickNumbers);
    expect(slowNumbers).toEqual(Array.from({ length: slowNumbers.length }, (_, index) => BigInt(index + 1)));
    expect(marks).toBe(0);
  });

  test("of the removed past is told where to go on", async () => {
    const { commitMany, store, follow } = setUp();
    commitMany("r1", 3 * feedBatchEventsMax);
    const whole = follow({ after: "beginning" });
    const ofRun = follow({ after: "beginning", run: runKey("default", "r1") });
    for (const { next } of [whole, ofRun]) await briefs(next, 2);
    store.removeThrough(BigInt(2 * feedBatchEventsMax) as Position);
    for (const { next } of [whole, ofRun]) {
      const rest = briefs(next, 2 * feedBatchEventsMax);
      await expect(rest).rejects.toThrow(CursorExpired);
      await expect(rest).rejects.toMatchObject({ oldest: BigInt(2 * feedBatchEventsMax) });
    }
  });
});

describe("many followers", () => {
  test("share the reads of what is committed while they wait", async () => {
    const { commit, store, follow, feeds } = setUp();
    const followers = Array.from({ length: 50 }, () => follow());
    for (const { next } of followers) await next();
    const pending = followers.map(({ next }) => next());
    await until("all wait", () => feeds.waitingCount === 50);
    commit(eventOf("r1", 1));
    commit(eventOf("r1", 2));
    const frames = await Promise.all(pending);
    expect(frames.map(brief)).toEqual(frames.map(() => "1 @1"));
    expect(store.feedReads.length).toBe(1);
    expect(new Set(frames.map(({ events }) => events[0])).size).toBe(1);
  });

  test("share the reads of the past when they go through it together", async () => {
    const { commitMany, store, follow } = setUp();
    const pageCount = sharedFeedPagesMax - 1;
    commitMany("r1", pageCount * feedBatchEventsMax);
    const all = Array.from({ length: 10 }, async () => {
      const { next, end } = follow({ after: "beginning" });
      await briefs(next, pageCount * feedBatchEventsMax + 1);
      end();
    });
    await Promise.all(all);
    expect(store.feedReads.length).toBeLessThanOrEqual(pageCount + 1);
  });

  test("of one run each are left alone until their run moves", async () => {
    const { commit, store, follow, feeds } = setUp();
    const followers = Array.from({ length: 100 }, (_, index) =>
      follow({ run: runKey("default", `r${index}`) }),
    );
    for (const { next } of followers) await next();
    const pending = followers.map(({ next }) => next());
    await until("all wait", () => feeds.waitingCount === 100);
    commit(eventOf("other", 0));
    commit(eventOf("r7", 7), eventOf("r8", 8));
    expect(brief((await pending[7]) as FeedFrame)).toBe("7 @3 head");
    expect(brief((await pending[8]) as FeedFrame)).toBe("8 @3 head");
    expect({ waiting: feeds.waitingCount, reads: store.feedReads.length }).toEqual({ waiting: 98, reads: 1 });
  });

  test("of different speeds, runs and starts each get exactly their own", async () => {
    const { commit, follow } = setUp();
    const total = 3_000;
    const readers = Array.from({ length: 12 }, (_, index) => {
      const run = index % 3 === 0 ? undefined : runKey("default", `r${index % 3}`);
      return { index, run, ...follow({ after: "beginning", run }), seen: [] as bigint[] };
    });
    const reading = readers.map(async ({ index, next, seen, end }) => {
      for (;;) {
        const frame = await next();
        for (const { position } of frame.events) seen.push(position);
        if (frame.through >= total) return end();
        if (Number(frame.through) % (index + 2) === 0) await settle();
      }
    });
    for (let number = 1; number <= total; number += 1) {
      // The last one is everybody's, so that everybody can tell the end.
      if (number < total - 2) commit(eventOf(`r${number % 4}`, number));
      else if (number === total - 2) commit(...["r0", "r1", "r2"].map((run) => eventOf(run, number)));
      if (number % 97 === 0) await settle();
    }
    await Promise.all(reading);
    for (const { run, seen } of readers) {
      const wanted = Array.from({ length: total }, (_, index) => index + 1).filter((number) => {
        const runId = number < total - 2 ? `r${number % 4}` : `r${number - (total - 2)}`;
        return run === undefined || run === runKey("default", runId);
      });
      expect(seen.map(Number)).toEqual(wanted);
    }
  });
});

describe("a read that is on its way", () => {
  /** Holds reads of the feed, before they look or after, until released. */
  const hold = (store: FakeStore, when: "beforeRead" | "afterRead") => {
    const gate = Promise.withResolvers<void>();
    store[when] = () => gate.promise;
    return () => {
      store[when] = () => Promise.resolve();
      gate.resolve();
    };
  };

  test("for those who have left is not given to one who comes from further back", async () => {
    const { commit, store, follow, feeds } = setUp();
    commit(eventOf("r1", 1));
    const behind = follow();
    await behind.next();
    commit(eventOf("r1", 2));
    const ahead = follow();
    await ahead.next();
    const ended = ahead.frames.next();
    await until("it waits", () => feeds.waitingCount === 1);
    const release = hold(store, "beforeRead");
    commit(eventOf("r1", 3));
    await until("it is read for", () => store.feedReads.length === 1);
    ahead.end();
    await ended;
    const rest = briefs(behind.next, 2);
    await settle();
    release();
    expect(await rest).toEqual(["2 @2", "3 @3 head"]);
  });

  test("gives one who came in the middle of it only what lies behind", async () => {
    const { commit, store, follow, feeds } = setUp();
    const first = follow();
    await first.next();
    const pending = briefs(first.next, 3);
    await until("it waits", () => feeds.waitingCount === 1);
    const release = hold(store, "beforeRead");
    commit(eventOf("r1", 1));
    await until("it is read for", () => store.feedReads.length === 1);
    commit(eventOf("r1", 2));
    const second = follow();
    expect(brief(await second.next())).toBe("mark @2 head");
    const pendingToo = second.next();
    await until("both wait", () => feeds.waitingCount === 2);
    commit(eventOf("r1", 3));
    release();
    expect(await pending).toEqual(["1 @1", "2 @2", "3 @3 head"]);
    expect(brief(await pendingToo)).toBe("3 @3 head");
  });

  test("and came too early for what a stir is about is done again", async () => {
    const { store, wake, follow, feeds } = setUp();
    const { next } = follow();
    await next();
    const pending = next();
    await until("it waits", () => feeds.waitingCount === 1);
    const release = hold(store, "afterRead");
    wake.stir();
    await until("it is read for", () => store.feedReads.length === 1);
    store.append(eventOf("r1", 1));
    wake.stir();
    await settle();
    release();
    expect(brief(await pending)).toBe("1 @1 head");
  });
});

describe("a follower is refused", () => {
  test.each([
    { given: "what was removed", after: 1n as Position },
    { given: "what is ahead of all there is", after: 10n as Position },
  ])("$given, and told where to go on", async ({ after }) => {
    const { commit, store, follow } = setUp();
    for (const number of [1, 2, 3, 4]) commit(eventOf("r1", number));
    store.removeThrough(2n as Position);
    const refused = follow({ after }).next();
    await expect(refused).rejects.toThrow(CursorExpired);
    await expect(refused).rejects.toMatchObject({ oldest: 2n });
    const resumed = follow({ after: 2n as Position });
    expect(await briefs(resumed.next, 3)).toEqual(["mark @2", "3 @3", "4 @4 head"]);
  });
});

describe("a store that cannot be read", () => {
  test("ends those who wait and those who read; the next attempt goes on where they were", async () => {
    const { commit, store, follow, feeds } = setUp();
    const { next } = follow();
    await next();
    const pending = next();
    await until("it waits", () => feeds.waitingCount === 1);
    store.beforeRead = () => Promise.reject(new StoreUnavailable("the disk is gone"));
    commit(eventOf("r1", 1));
    await expect(pending).rejects.toThrow(StoreUnavailable);
    store.beforeRead = () => Promise.resolve();
    const resumed = follow({ after: 0n as Position });
    expect(await briefs(resumed.next, 2)).toEqual(["mark @0", "1 @1 head"]);
  });

  test("is looked at again after a stir, though nothing new is known", async () => {
    const { store, wake, follow, feeds } = setUp();
    const { next } = follow();
    await next();
    const pending = next();
    await until("it waits", () => feeds.waitingCount === 1);
    store.append(eventOf("r1", 1));
    wake.stir();
    expect(brief(await pending)).toBe("1 @1 head");
  });
});

test("feeds that stop end everybody with Stopping, and leave no timer", async () => {
  const { follow, feeds, clock, commit } = setUp();
  const waiting = follow();
  await waiting.next();
  const pending = waiting.next();
  await until("it waits", () => feeds.waitingCount === 1);
  const idle = follow();
  await idle.next();
  const ofRun = follow({ run: runKey("default", "r1") });
  await ofRun.next();
  const pendingOfRun = ofRun.next();
  await until("both wait", () => feeds.waitingCount === 2);
  feeds.stop();
  await expect(pending).rejects.toThrow(Stopping);
  await expect(pendingOfRun).rejects.toThrow(Stopping);
  await expect(idle.next()).rejects.toThrow(Stopping);
  await expect(follow().next()).rejects.toThrow(Stopping);
  commit(eventOf("r1", 1));
  await settle();
  expect({ followers: feeds.followerCount, timers: clock.timerCount }).toEqual({ followers: 0, timers: 0 });
});
