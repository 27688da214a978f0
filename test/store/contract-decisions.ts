import { describe, expect, test } from "vitest";
import { by } from "../support/builders.ts";
import {
  conditionRow,
  conditionWith,
  keptSignalRow,
  keyedSignalRow,
  keyOf,
  postRow,
  runRow,
} from "../support/rows.ts";
import { plain, type Subject } from "./subject.ts";

/** What waits beside conditions: signals for correlation keys, posts, and the key for links. */
export function describeDecisions(subject: Subject): void {
  describe("signals kept for correlation keys", () => {
    const everything = {
      groups: ["g"],
      signalledBy: "me",
      comment: "so",
      channel: "link",
      origin: "::1",
    } as const;
    const first = keyedSignalRow("order/1", { by: by("ana", everything), expireMs: 30 });
    const second = keyedSignalRow("order/1", { namespace: "other", expireMs: 20 });

    test("are found by namespace and key, counted by namespace, and replaced", async () => {
      const asks = [
        ["keyedSignal", "default", "order/1"],
        ["keyedSignal", "default", "order"],
        ["keyedSignalCount", "default"],
        ["keyedSignalCount", "other"],
      ] as const;
      expect(await subject.ask(...asks)).toEqual([null, null, 0, 0]);
      await subject.change({ keyedSignals: [first, second] });
      expect(await subject.ask(...asks)).toEqual([plain(first), null, 1, 1]);
      const replaced = { ...first, by: by("bo"), expireMs: 40 };
      await subject.change({ keyedSignals: [replaced, keyedSignalRow("order")] });
      expect(await subject.ask(...asks)).toEqual([plain(replaced), plain(keyedSignalRow("order")), 2, 1]);
      const dropped = ["order", "order/1", "no such"].map((correlationKey) => {
        return { namespace: "default", correlationKey };
      });
      await subject.change({ droppedKeyedSignals: dropped });
      expect(await subject.ask(...asks)).toEqual([null, null, 0, 1]);
    });

    test("are due when they are dropped", async () => {
      await subject.change({ keyedSignals: [first, second] });
      const due = ({ namespace, correlationKey }: typeof first) => {
        return { kind: "keyedSignal", namespace, correlationKey };
      };
      expect(await subject.store.due(19, 9)).toEqual({ due: [], nextMs: 20 });
      expect(await subject.store.due(30, 9)).toEqual({ due: [due(second), due(first)], nextMs: undefined });
      await subject.change({ droppedKeyedSignals: [second], keyedSignals: [{ ...first, expireMs: 50 }] });
      expect(await subject.store.due(30, 9)).toEqual({ due: [], nextMs: 50 });
    });
  });

  test("a signal kept for an action stands there once, as it was put last", async () => {
    await subject.change({ runs: [runRow("r")], keptSignals: [keptSignalRow("r", "a")] });
    const replaced = keptSignalRow("r", "a", { by: by("bo"), timeMs: 5 });
    await subject.change({ keptSignals: [replaced] });
    expect(await subject.ask(["keptSignal", keyOf("r"), "a"])).toEqual([plain(replaced)]);
  });

  test("the rules see the open conditions with a key in a namespace, by run and name, as they come and go", async () => {
    const spec = conditionWith({ correlationKey: "k" });
    const keyed = [
      conditionRow("r", "b", { spec, createTimeMs: 1 }),
      conditionRow("r", "a", { spec, createTimeMs: 2 }),
      conditionRow("q", "z", { spec, createTimeMs: 3 }),
      conditionRow("other/r", "a", { spec }),
      conditionRow("r", "c", { spec: conditionWith({ correlationKey: "kk" }) }),
      conditionRow("r", "d", { spec, state: "PENDING" }),
      conditionRow("r", "e"),
    ];
    const names = (answer: unknown) =>
      (answer as { run: string; name: string }[]).map(({ run, name }) => run + name);
    // In one lot: the rows are asked for before they are written.
    const said = [
      subject.change({ runs: ["r", "q", "other/r"].map((name) => runRow(name)), newActions: keyed }),
      subject.ask(
        ["openByKey", "default", "k", 9],
        ["openByKey", "default", "k", 2],
        ["openByKey", "no", "k", 9],
      ),
      subject.change({
        actions: [
          conditionRow("r", "a", { spec, state: "SUCCEEDED", createTimeMs: 2 }),
          conditionRow("r", "d", { spec, createTimeMs: 9 }),
        ],
      }),
      subject.ask(["openByKey", "default", "k", 9]),
    ] as const;
    const [, before, , after] = await Promise.all(said);
    expect(before.map(names)).toEqual([
      ["default/qz", "default/ra", "default/rb"],
      ["default/qz", "default/ra"],
      [],
    ]);
    expect(after.map(names)).toEqual([["default/qz", "default/rb", "default/rd"]]);
  });

  test("posts are there until they are gone, the longest due first, with when the next is", async () => {
    const posts = [
      postRow("r", "a", { dueMs: 30 }),
      postRow("r", "b", { dueMs: 10, about: "condition_escalated", step: 2, instance: 3 }),
      postRow("r", "c", { dueMs: 20, deliveryCount: 2, cause: "it said 500" }),
    ] as const;
    const [a, b, c] = posts;
    await subject.change({ runs: [runRow("r")], posts });
    expect(await subject.ask(["post", b.key], ["post", "no such"])).toEqual([plain(b), null]);
    expect(await subject.store.duePosts(9, 9)).toEqual({ posts: [], nextMs: 10 });
    expect(await subject.store.duePosts(20, 9)).toEqual({ posts: [b, c], nextMs: 30 });
    expect(await subject.store.duePosts(20, 1)).toEqual({ posts: [b], nextMs: 20 });
    const later = { ...b, dueMs: 40, deliveryCount: 1 };
    await subject.change({ posts: [later], gonePosts: [c.key, "no such"] });
    expect(await subject.store.duePosts(50, 9)).toEqual({ posts: [a, later], nextMs: undefined });
    expect(await subject.ask(["post", b.key], ["post", c.key])).toEqual([plain(later), null]);
  });

  test("the key for links is one of 32 bytes, and stays the same", async () => {
    const key = await subject.store.linkKey();
    expect(key.byteLength).toBe(32);
    expect(new Set(key).size).toBeGreaterThan(4);
    expect(Buffer.from(await subject.store.linkKey())).toEqual(Buffer.from(key));
  });
}
