import { describe, expect, test } from "vitest";
import { deadLetterRow, subscriptionRow } from "../support/rows.ts";
import { plain, readPages, type Subject } from "./subject.ts";

/** Subscriptions, and what could not be delivered to them. */
export function describeSubscriptions(subject: Subject): void {
  describe("a subscription", () => {
    test("is there as it stands, with its place in the feed, until it is gone", async () => {
      const whole = subscriptionRow("hook", {
        filter: {
          namespace: "default",
          runId: "r",
          kinds: ["run_ended"],
          labels: { a: "b" },
          topics: ["*"],
        },
        target: { kind: "webhook", url: "https://example.com", secret: "s", timeoutMs: 5 },
        through: 9_007_199_254_740_991,
      });
      const asks = [["subscription", "default", "hook"], ["subscriptionCount"]] as const;
      expect(await subject.ask(...asks)).toEqual([null, 0]);
      await subject.change({ subscriptions: [whole, subscriptionRow("pull")] });
      expect(await subject.ask(...asks)).toEqual([plain(whole), 2]);
      expect(await subject.store.subscription("default", "hook")).toEqual(whole);
      const moved = {
        ...whole,
        through: 7,
        ahead: [[9, 12] as const, [14, 14] as const],
        deadLetterCount: 2,
      };
      const said = [
        subject.change({ subscriptions: [moved] }),
        subject.ask(...asks),
        subject.change({ goneSubscriptions: [{ namespace: "default", name: "pull" }] }),
        subject.ask(...asks),
      ] as const;
      const [, first, , second] = await Promise.all(said);
      expect([first, second]).toEqual([
        [plain(moved), 2],
        [plain(moved), 1],
      ]);
      expect(await subject.store.subscription("default", "hook")).toEqual(moved);
      expect(await subject.store.subscription("default", "pull")).toBeUndefined();
    });

    test("is listed by name, of one namespace or all, in pages of any size", async () => {
      const subscriptions = ["default/b", "default/a", "other/c", "default-2/d"].map((place) => {
        const [namespace = "", name = ""] = place.split("/");
        return subscriptionRow(name, { namespace });
      });
      await subject.change({ subscriptions });
      for (const limit of [1, 2, 100]) {
        const list = async (namespace: string | undefined) =>
          (
            await readPages((after: string | undefined) =>
              subject.store.listSubscriptions({ namespace, after, limit }),
            )
          ).map(({ name }) => name);
        expect(await list("default")).toEqual(["a", "b"]);
        expect(await list(undefined)).toEqual(["a", "b", "d", "c"]);
      }
    });

    test("has what it set aside, the oldest event first, until that or the subscription is gone", async () => {
      const letters = [30, 10, 20].map((position) => deadLetterRow("hook", position));
      const other = deadLetterRow("pull", 10);
      await subject.change({
        subscriptions: [subscriptionRow("hook"), subscriptionRow("pull")],
        deadLetters: [...letters, other],
      });
      const asks = [
        ["deadLetters", "default", "hook", 2],
        ["deadLetter", "default", "hook", 30],
        ["deadLetter", "default", "hook", 31],
      ] as const;
      expect(await subject.ask(...asks)).toEqual([[letters[1], letters[2]], letters[0], null]);
      for (const limit of [1, 2, 100]) {
        const list = await readPages((after: number | undefined) =>
          subject.store.listDeadLetters({ namespace: "default", name: "hook", after, limit }),
        );
        expect(list).toEqual([letters[1], letters[2], letters[0]]);
      }
      const again = deadLetterRow("hook", 30, { deliveryCount: 9 });
      await subject.change({
        goneDeadLetters: [{ namespace: "default", subscription: "hook", position: 10 }],
        deadLetters: [again],
      });
      expect(await subject.ask(...asks)).toEqual([[letters[2], again], again, null]);
      await subject.change({ goneSubscriptions: [{ namespace: "default", name: "hook" }] });
      expect(await subject.ask(...asks)).toEqual([[], null, null]);
      const left = await subject.store.listDeadLetters({
        namespace: "default",
        name: "pull",
        after: undefined,
        limit: 9,
      });
      expect(left).toEqual({ items: [other], next: undefined });
    });
  });
}
