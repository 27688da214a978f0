import { describe, expect, test } from "vitest";
import type { Run } from "../../src/core/run.ts";
import { StoreUnavailable } from "../../src/store/store.ts";
import {
  actionRow,
  counterRow,
  deadLetterRow,
  eventRow,
  keyOf,
  limitRow,
  opRow,
  runRow,
  sessionRow,
  subscriptionRow,
} from "../support/rows.ts";
import type { ScriptAnswer } from "../support/scripted-rules.ts";
import type { Subject } from "./subject.ts";

/** What the contract says of `transact` and of the order of things. */
export function describeTransact(subject: Subject): void {
  describe("a command", () => {
    test("takes effect whole: every row and event of it is there", async () => {
      const outcome = await subject.change({
        runs: [runRow("r")],
        newActions: [actionRow("r", "a"), actionRow("r", "b")],
        sessions: [sessionRow("s")],
        events: [eventRow("r", "one"), eventRow("r", "two")],
      });
      expect(outcome).toMatchObject({ ok: true, position: 2n });
      expect(await subject.store.run(keyOf("r"))).toEqual(runRow("r"));
      expect(await subject.store.action(keyOf("r"), "b")).toEqual(actionRow("r", "b"));
      expect(await subject.store.sessionOf("default", "w")).toEqual(sessionRow("s"));
      expect(await subject.store.head()).toBe(2n);
    });

    test("takes effect not at all when it is refused", async () => {
      const refusal = { reason: "RUN_EXISTS", runId: "r" } as const;
      const outcome = await subject.say({
        refusal,
        change: { runs: [runRow("r")], events: [eventRow("r")] },
      });
      expect(outcome).toEqual({ ok: false, refusal });
      expect(await subject.store.run(keyOf("r"))).toBeUndefined();
      expect(await subject.store.head()).toBe(0n);
    });

    test("is rejected with the bug of the rules, which writes nothing", async () => {
      const said = subject.say({ bug: "planted", change: { runs: [runRow("r")], events: [eventRow("r")] } });
      await expect(said).rejects.toMatchObject({ name: "Bug", message: expect.stringContaining("planted") });
      expect(await subject.store.run(keyOf("r"))).toBeUndefined();
      expect(await subject.store.head()).toBe(0n);
    });

    test("is rejected by itself: what else came with it takes effect, and nothing of what it would write", async () => {
      await subject.change({ runs: [runRow("r")], newActions: [actionRow("r", "a")] });
      const unfit = {
        runs: [runRow("unfit")],
        newOps: [opRow("unfit", 1)],
        limits: [limitRow("unfit")],
        counters: [counterRow("unfit", "")],
        subscriptions: [subscriptionRow("unfit")],
        deadLetters: [deadLetterRow("unfit", 1)],
        sessions: [sessionRow("unfit", { workerId: "unfit" })],
        events: [eventRow("unfit")],
      };
      const said = await Promise.allSettled([
        subject.change({ runs: [runRow("one")], events: [eventRow("one")] }),
        subject.say({ bug: "planted" }),
        subject.change({ ...unfit, actions: [actionRow("r", "missing")] }),
        subject.change({ ...unfit, newActions: [actionRow("r", "a")] }),
        subject.change({ runs: [runRow("two")], events: [eventRow("two")] }),
      ]);
      const statuses = said.map(({ status }) => status);
      expect(statuses).toEqual(["fulfilled", "rejected", "rejected", "rejected", "fulfilled"]);
      expect(said.at(-1)).toMatchObject({ value: { position: 2n } });
      for (const name of ["one", "two"]) expect(await subject.store.run(keyOf(name))).toEqual(runRow(name));
      expect(await subject.store.run(keyOf("unfit"))).toBeUndefined();
      const asked = await subject.ask(
        ["lastOpVersion", "default", "unfit"],
        ["op", "default", "unfit", 0],
        ["limits", "default"],
        ["counter", "default/unfit/"],
        ["countersOf", "default", "unfit"],
        ["subscriptionCount"],
        ["deadLetters", "default", "unfit", 9],
        ["sessions"],
      );
      expect(asked).toEqual([0, null, [], null, [], 0, [], []]);
      expect(await subject.store.head()).toBe(2n);
    });

    test("without events has no position and leaves the feed as it is", async () => {
      await subject.change({ events: [eventRow("r")] });
      expect(await subject.change({ runs: [runRow("r")] })).toMatchObject({ ok: true, position: undefined });
      expect(await subject.store.head()).toBe(1n);
    });

    test("after the close is rejected with StoreUnavailable, and so are reads", async () => {
      await subject.store.close();
      await expect(subject.change({})).rejects.toThrow(StoreUnavailable);
      await expect(subject.store.run(keyOf("r"))).rejects.toThrow(StoreUnavailable);
      await expect(subject.store.head()).rejects.toThrow(StoreUnavailable);
    });
  });

  describe("commands", () => {
    test("take effect one after the other, in the order of their calls", async () => {
      const seen = Array.from({ length: 500 }, async (_, index) => {
        const change = { runs: [runRow("r", { priority: index })], events: [eventRow("r", String(index))] };
        const outcome = await subject.say({ asks: [["run", keyOf("r")]], change });
        const [before] = outcome.ok ? ((outcome.answer as ScriptAnswer).asked as [Run | null]) : [];
        return [before?.priority, outcome.ok ? outcome.position : undefined];
      });
      const expected = seen.map((_, index) => [index === 0 ? undefined : index - 1, BigInt(index + 1)]);
      expect(await Promise.all(seen)).toEqual(expected);
    });

    test("that were taken are committed before the store closes", async () => {
      const said = Array.from({ length: 200 }, (_, index) => subject.change({ runs: [runRow(`r${index}`)] }));
      await subject.store.close();
      expect(await Promise.all(said)).toHaveLength(200);
    });

    test("of any size take effect: a run of 3,000 actions in one", async () => {
      const names = Array.from({ length: 3_000 }, (_, index) => `a${String(index).padStart(4, "0")}`);
      await subject.change({ runs: [runRow("r")], newActions: names.map((name) => actionRow("r", name)) });
      const [actions] = (await subject.ask(["actions", keyOf("r")])) as [{ name: string }[]];
      expect(actions.map(({ name }) => name)).toEqual(names);
    });
  });

  test("a read sees everything that was acknowledged before it began", async () => {
    for (let priority = 0; priority < 20; priority += 1) {
      const outcome = await subject.change({ runs: [runRow("r", { priority })], events: [eventRow("r")] });
      expect(await subject.store.run(keyOf("r"))).toMatchObject({ priority });
      expect(await subject.store.head()).toBe(outcome.ok ? outcome.position : "refused");
    }
  });

  test("positions grow with commit order, without holes", async () => {
    const counts = [3, 1, 2, 5, 1];
    const said = counts.map((count) =>
      subject.change({ events: Array.from({ length: count }, (_, index) => eventRow("r", String(index))) }),
    );
    const positions = (await Promise.all(said)).map((outcome) => (outcome.ok ? outcome.position : undefined));
    expect(positions).toEqual([3n, 4n, 6n, 11n, 12n]);
  });
}
