import { describe, expect, test } from "vitest";
import { counterRow, limitRow, runRow, sessionRow } from "../support/rows.ts";
import { plain, readPages, type Subject } from "./subject.ts";

/** Limits and how much of them is in use. */
export function describeLimits(subject: Subject): void {
  describe("a limit", () => {
    test("is seen by the rules among those of its namespace, by name, until it is gone", async () => {
      const whole = limitRow("b", {
        scope: { kind: "label", name: "customer", value: undefined },
        concurrentMax: 0,
        rate: { count: 5, periodMs: 1_000 },
        shareWeight: 3,
        updateTimeMs: 9,
      });
      const ofOp = limitRow("a", { scope: { kind: "op", op: "work" } });
      const asks = [
        ["limits", "default"],
        ["limits", "other"],
      ] as const;
      expect(await subject.ask(...asks)).toEqual([[], []]);
      await subject.change({ limits: [whole, ofOp, limitRow("a", { namespace: "other" })] });
      expect(await subject.ask(...asks)).toEqual([
        plain([ofOp, whole]),
        plain([limitRow("a", { namespace: "other" })]),
      ]);
      const changed = { ...ofOp, concurrentMax: 7 };
      const said = [
        subject.change({ limits: [changed] }),
        subject.ask(...asks),
        subject.change({ goneLimits: [{ namespace: "default", name: "b" }] }),
        subject.ask(...asks),
      ] as const;
      const [, first, , second] = await Promise.all(said);
      expect([first[0], second[0]]).toEqual([plain([changed, whole]), plain([changed])]);
      expect(await subject.store.limit("default", "a")).toEqual(changed);
      expect(await subject.store.limit("default", "b")).toBeUndefined();
    });

    test("is listed by name, of one namespace or all, in pages of any size", async () => {
      const limits = ["default/b", "default/a", "other/c", "default-2/d"].map((place) => {
        const [namespace = "", name = ""] = place.split("/");
        return limitRow(name, { namespace });
      });
      await subject.change({ limits });
      for (const limit of [1, 2, 100]) {
        const list = async (namespace: string | undefined) =>
          (
            await readPages((after: string | undefined) =>
              subject.store.listLimits({ namespace, after, limit }),
            )
          ).map(({ name }) => name);
        expect(await list("default")).toEqual(["a", "b"]);
        expect(await list(undefined)).toEqual(["a", "b", "d", "c"]);
      }
    });
  });

  describe("a counter", () => {
    test("is there as it stands until it is gone, and among those of its limit, by key", async () => {
      const counters = ["y", "x", ""].map((value) => counterRow("slow", value, { heldCount: 2 }));
      const other = counterRow("slower", "x");
      await subject.change({ counters: [...counters, other] });
      const changed = counterRow("slow", "x", { heldCount: 1, fullTimeMs: 1_000.25, dueMs: 2_000 });
      const asks = [
        ["counter", changed.key],
        ["countersOf", "default", "slow"],
        ["counter", "default/slow/z"],
      ] as const;
      const said = [
        subject.ask(...asks),
        subject.change({ counters: [changed] }),
        subject.ask(...asks),
        subject.change({ goneCounters: [changed.key, "default/slow/none"] }),
        subject.ask(...asks),
      ] as const;
      const [before, , between, , after] = await Promise.all(said);
      expect(before).toEqual(plain([counters[1], [counters[2], counters[1], counters[0]], null]));
      expect(between).toEqual(plain([changed, [counters[2], changed, counters[0]], null]));
      expect(after).toEqual(plain([null, [counters[2], counters[0]], null]));
      expect(await subject.store.counter(changed.key)).toBeUndefined();
      expect(await subject.store.counter("default/slow/y")).toEqual(counters[0]);
      expect(await subject.store.listCounters("default", "slow", 9)).toEqual([counters[2], counters[0]]);
      expect(await subject.store.listCounters("default", "slow", 1)).toEqual([counters[2]]);
    });

    test("is due at its time, behind what else is due then, until that is taken from it", async () => {
      const counters = [counterRow("b", "", { dueMs: 10 }), counterRow("a", "", { dueMs: 20.5 })];
      await subject.change({
        counters: [...counters, counterRow("c", "")],
        runs: [runRow("r", { dueMs: 10 })],
        sessions: [sessionRow("s", { leaseEndMs: 10 })],
      });
      const [b, a] = counters.map(({ key }) => ({ kind: "counter", key }));
      const first = await subject.store.due(15, 10);
      expect(first).toMatchObject({ due: [{ kind: "run" }, { kind: "session" }, b], nextMs: 20.5 });
      await subject.change({ counters: [counterRow("b", "")], goneSessions: ["s"], runs: [runRow("r")] });
      expect(await subject.store.due(30, 10)).toEqual({ due: [a], nextMs: undefined });
      await subject.change({ goneCounters: ["default/a/"] });
      expect(await subject.store.due(30, 10)).toEqual({ due: [], nextMs: undefined });
    });
  });
}
