import { describe, expect, test } from "vitest";
import type { Position } from "../../src/core/event.ts";
import { eventRow, keyOf, subscriptionRow } from "../support/rows.ts";
import type { Subject } from "./subject.ts";

const asks = [["feedOldest"], ["feedHead"], ["oldestTransactions", 2]] as const;

/** The feed, of which the beginning is removed. */
export function describeTrim(subject: Subject): void {
  const read = (after: bigint, run?: string) =>
    subject.store.readFeed({
      after: after as Position,
      run: run === undefined ? undefined : keyOf(run),
      eventsMax: 1_000,
      bytesMax: 1_000_000,
    });
  const firsts = async (after: bigint, run?: string) =>
    (await read(after, run)).transactions.map(({ first }) => first);

  async function fill(): Promise<void> {
    await subject.change({
      events: [eventRow("r", "1", { timeMs: 10 }), eventRow("r", "2", { timeMs: 10 })],
    });
    await subject.change({
      events: [eventRow("q", "3", { timeMs: 20 }), eventRow("r", "4", { timeMs: 20 })],
    });
    await subject.change({ events: [eventRow("", "5", { timeMs: 1_700_000_000_000 })] });
    await subject.change({
      events: [eventRow("r", "6", { timeMs: 40 }), eventRow("q", "7", { timeMs: 40 })],
    });
  }

  describe("a trimmed feed", () => {
    test("has all that lies behind what was removed, and says where that begins", async () => {
      await fill();
      expect(await subject.ask(...asks)).toEqual([
        0,
        7,
        [
          { last: 2, timeMs: 10 },
          { last: 4, timeMs: 20 },
        ],
      ]);
      await subject.change({ feedTrimmedThrough: 4 });
      expect([await subject.store.oldest(), await subject.store.head()]).toEqual([4n, 7n]);
      expect(await firsts(4n)).toEqual([5n, 6n]);
      expect(await subject.ask(...asks)).toEqual([
        4,
        7,
        [
          { last: 5, timeMs: 1_700_000_000_000 },
          { last: 7, timeMs: 40 },
        ],
      ]);
    });

    test("reads from before its beginning as from there, also of one run", async () => {
      await fill();
      await subject.change({ feedTrimmedThrough: 4 });
      for (const after of [0n, 1n, 4n]) {
        expect(await firsts(after)).toEqual([5n, 6n]);
        expect(await firsts(after, "r")).toEqual([6n]);
        expect(await firsts(after, "q")).toEqual([6n]);
        expect((await read(after, "r")).through).toBe(7n);
      }
    });

    test("that is empty goes on with the positions that follow", async () => {
      await fill();
      await subject.change({ feedTrimmedThrough: 7 });
      expect([await subject.store.oldest(), await subject.store.head()]).toEqual([7n, 7n]);
      expect(await read(7n)).toEqual({ transactions: [], through: 7n, atHead: true });
      expect(await subject.ask(...asks)).toEqual([7, 7, []]);
      const outcome = await subject.change({ events: [eventRow("r", "8"), eventRow("q", "9")] });
      expect(outcome).toMatchObject({ position: 9n });
      expect(await firsts(7n)).toEqual([8n]);
      expect(await firsts(0n, "q")).toEqual([8n]);
    });

    test("is trimmed with what is committed beside it, before it", async () => {
      await fill();
      const outcome = await subject.change({ feedTrimmedThrough: 7, events: [eventRow("r", "8")] });
      expect(outcome).toMatchObject({ position: 8n });
      expect([await subject.store.oldest(), await subject.store.head()]).toEqual([7n, 8n]);
    });

    test("stays as it was when what would have trimmed it fails", async () => {
      await fill();
      const failing = subject.say({ bug: "planted", change: { feedTrimmedThrough: 4 } });
      await expect(failing).rejects.toThrow("planted");
      expect(await subject.store.oldest()).toBe(0n);
      expect(await firsts(0n)).toEqual([1n, 3n, 5n, 6n]);
    });
  });

  test("all subscriptions are told by namespace and name", async () => {
    const places = ["default/b", "default/a", "default-2/d", "other/c"];
    const subscriptions = places.map((place) => {
      const [namespace = "", name = ""] = place.split("/");
      return subscriptionRow(name, { namespace, missedCount: 3 });
    });
    await subject.change({ subscriptions });
    const [all] = (await subject.ask(["allSubscriptions"])) as [typeof subscriptions];
    expect(all.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual([
      "default/a",
      "default/b",
      "default-2/d",
      "other/c",
    ]);
    expect(all.every(({ missedCount }) => missedCount === 3)).toBe(true);
    expect(await subject.store.subscription("other", "c")).toEqual(subscriptions[3]);
  });

  test("a feed that comes from nowhere has no ancestors, and a time", async () => {
    const { ancestors, timeMs } = subject.store.feedOrigin;
    expect(ancestors).toEqual([]);
    expect(timeMs).toBeGreaterThan(1_700_000_000_000);
    expect(await subject.ask(["epochBase"])).toEqual([0]);
  });
}
