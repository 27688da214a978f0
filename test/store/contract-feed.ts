import { describe, expect, test } from "vitest";
import { lastPosition, type Position } from "../../src/core/event.ts";
import type { RunKey } from "../../src/core/name.ts";
import { eventRow, keyOf } from "../support/rows.ts";
import type { Subject } from "./subject.ts";

/** The feed: what a reader of it gets. */
export function describeFeed(subject: Subject): void {
  const read = (after: bigint, parts: { run?: RunKey; eventsMax?: number; bytesMax?: number } = {}) =>
    subject.store.readFeed({
      after: after as Position,
      run: parts.run,
      eventsMax: parts.eventsMax ?? 1_000,
      bytesMax: parts.bytesMax ?? 1_000_000,
    });

  describe("the feed", () => {
    test("names itself, and begins at 0", async () => {
      expect(subject.store.feedId).toMatch(/.{16,}/);
      expect([await subject.store.head(), await subject.store.oldest()]).toEqual([0n, 0n]);
      expect(await read(0n)).toEqual({ transactions: [], through: 0n, atHead: true });
    });

    test("has the events of each transaction together, as they were said", async () => {
      const labels = { team: "a", 'with"quote': "ü" };
      const transactions = [
        [
          eventRow("r", "one", { runLabels: labels }),
          eventRow("r", "two", { runLabels: labels, action: "a" }),
        ],
        [
          eventRow("r", "three"),
          eventRow("other/r", "four", { attempt: 2 }),
          eventRow("", "five"),
          eventRow("q"),
        ],
      ];
      for (const events of transactions) await subject.change({ events });
      const page = await read(0n);
      expect(page).toMatchObject({ through: 6n, atHead: true });
      expect(page.transactions).toEqual([
        { first: 1n, events: transactions[0] },
        { first: 3n, events: transactions[1] },
      ]);
    });

    test("goes on exactly behind a position", async () => {
      for (let index = 0; index < 10; index += 1)
        await subject.change({ events: [eventRow("r"), eventRow("r")] });
      expect((await read(6n)).transactions.map(({ first }) => first)).toEqual([
        7n,
        9n,
        11n,
        13n,
        15n,
        17n,
        19n,
      ]);
      expect(await read(20n)).toEqual({ transactions: [], through: 20n, atHead: true });
    });

    test("has where events go beside it, each its own", async () => {
      const delivery = { topic: "t", attributes: { a: "b" } };
      const events = [
        eventRow("r", "one"),
        eventRow("r", "two", { delivery }),
        eventRow("r", "three", { delivery }),
        eventRow("r", "four", { delivery: { ...delivery, topic: "u" } }),
        eventRow("r", "five"),
      ];
      await subject.change({ events });
      expect((await read(0n)).transactions).toEqual([{ first: 1n, events }]);
    });

    test("stops after the transaction that reaches a bound, and reads at least one", async () => {
      for (let index = 0; index < 4; index += 1)
        await subject.change({ events: Array(3).fill(eventRow("r")) });
      const few = await read(0n, { eventsMax: 4 });
      expect([few.transactions.length, few.through, few.atHead]).toEqual([2, 6n, false]);
      const small = await read(3n, { bytesMax: 1 });
      expect([small.transactions.length, small.through, small.atHead]).toEqual([1, 6n, false]);
      const last = await read(9n, { eventsMax: 1 });
      expect([last.transactions.length, last.through, last.atHead]).toEqual([1, 12n, true]);
    });

    test("from the middle of a transaction has it whole, and what follows", async () => {
      await subject.change({ events: [eventRow("r", "1")] });
      await subject.change({ events: [eventRow("r", "2"), eventRow("q", "3"), eventRow("r", "4")] });
      await subject.change({ events: [eventRow("q", "5")] });
      for (const { after, firsts } of [
        { after: 1n, firsts: [2n, 5n] },
        { after: 2n, firsts: [2n, 5n] },
        { after: 3n, firsts: [2n, 5n] },
        { after: 4n, firsts: [5n] },
        { after: 5n, firsts: [] },
      ]) {
        const page = await read(after);
        expect(page.transactions.map(({ first }) => first)).toEqual(firsts);
        expect([page.through, page.atHead]).toEqual([5n, true]);
      }
      const one = await read(2n, { eventsMax: 1 });
      expect([one.transactions.length, one.through, one.atHead]).toEqual([1, 4n, false]);
    });

    test("of one run has the transactions with events of it, and looks at all", async () => {
      await subject.change({ events: [eventRow("r", "1")] });
      await subject.change({ events: [eventRow("q", "2")] });
      await subject.change({ events: [eventRow("q", "3"), eventRow("r", "4"), eventRow("p", "5")] });
      await subject.change({ events: [eventRow("other/r", "6")] });
      await subject.change({ events: [eventRow("", "7"), eventRow("r", "8")] });
      await subject.change({ events: [eventRow("q", "9")] });
      const page = await read(0n, { run: keyOf("r") });
      expect(page.transactions.map(({ first }) => first)).toEqual([1n, 3n, 7n]);
      expect([page.through, page.atHead]).toEqual([9n, true]);
      const part = await read(0n, { run: keyOf("r"), eventsMax: 2 });
      expect([part.transactions.length, part.through, part.atHead]).toEqual([2, 5n, false]);
      expect(await read(0n, { run: keyOf("nobody") })).toEqual({
        transactions: [],
        through: 9n,
        atHead: true,
      });
    });

    test("read page by page has no gap and nothing twice, whatever the bounds", async () => {
      const said = Array.from({ length: 60 }, (_, index) =>
        subject.change({ events: Array.from({ length: 1 + (index % 4) }, () => eventRow(`r${index % 3}`)) }),
      );
      await Promise.all(said);
      for (const eventsMax of [1, 2, 7, 1_000]) {
        let after = 0n as Position;
        let expected = 1n;
        for (let page = await read(after, { eventsMax }); ; page = await read(after, { eventsMax })) {
          for (const transaction of page.transactions) {
            expect(transaction.first).toBe(expected);
            expected = lastPosition(transaction) + 1n;
          }
          after = page.through;
          if (page.atHead) break;
        }
        expect(expected).toBe((await subject.store.head()) + 1n);
      }
    });
  });
}
