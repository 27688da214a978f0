import { describe, expect, test } from "vitest";
import type { Action } from "../../src/core/action.ts";
import { actionRow, keyOf, runRow, shapedSpec, taskSpec } from "../support/rows.ts";
import type { Question } from "../support/scripted-rules.ts";
import type { Subject } from "./subject.ts";

const queued = { state: "QUEUED" } as const;

/** A queued task with a demand of this shape. */
function shaped(name: string, shape: string, parts: Partial<Action> = {}): Action {
  return actionRow("r", name, { ...queued, spec: shapedSpec(shape), ...parts });
}

function names(answer: unknown): readonly string[] {
  return (answer as readonly { readonly name: string }[]).map(({ name }) => name);
}

const shapes: Question = ["queuedShapes", "default", "work"];

function ofShape(shape: string, limit = 9): Question {
  return ["queued", "default", "work", shape, limit];
}

/** Queues by what tasks ask of a worker, what is parked, and who holds what. */
export function describeQueues(subject: Subject): void {
  describe("a queue", () => {
    test("has the shapes of what is queued, in order, and of each its tasks in the order of a queue", async () => {
      await subject.change({
        runs: [runRow("r")],
        newActions: [
          shaped("b1", "b", { ageMs: 2 }),
          shaped("b2", "b", { ageMs: 1 }),
          shaped("b3", "b", { ageMs: 3, priority: 1 }),
          shaped("a1", "a"),
          actionRow("r", "plain", queued),
          shaped("waiting", "w", { state: "PENDING" }),
          shaped("parked", "p", { parkedOn: "default/slow/" }),
          actionRow("elsewhere/r", "a", { ...queued, spec: shapedSpec("e") }),
          actionRow("r", "other", { ...queued, spec: shapedSpec("o", { op: "other" }) }),
        ],
      });
      const [all, b, first, plain, none] = await subject.ask(
        shapes,
        ofShape("b"),
        ofShape("b", 1),
        ofShape(""),
        ofShape("c"),
      );
      expect(all).toEqual(["", "a", "b"]);
      expect([b, first, plain, none].map(names)).toEqual([["b3", "b2", "b1"], ["b3"], ["plain"], []]);
    });

    test("loses a shape with its last task and gets it back with the next, also in one breath", async () => {
      const steps = [
        { change: { runs: [runRow("r")], newActions: [shaped("a", "x"), shaped("b", "x")] }, has: ["x"] },
        { change: { actions: [shaped("a", "x", { state: "ASSIGNED", sessionId: "s" })] }, has: ["x"] },
        { change: { actions: [shaped("b", "x", { parkedOn: "default/slow/" })] }, has: [] },
        { change: { newActions: [actionRow("r", "c", queued)] }, has: [""] },
        { change: { newActions: [shaped("d", "y")] }, has: ["", "y"] },
        { change: { actions: [shaped("b", "x")] }, has: ["", "x", "y"] },
        { change: { actions: [actionRow("r", "c", { state: "SUCCEEDED" })] }, has: ["x", "y"] },
      ];
      const together = steps.map(async ({ change }) => {
        const changed = subject.change(change);
        const asked = subject.ask(shapes);
        await changed;
        return asked;
      });
      expect((await Promise.all(together)).flat()).toEqual(steps.map(({ has }) => has));
      await subject.change({ actions: [shaped("b", "x", { state: "FAILED" })] });
      expect(await subject.ask(shapes)).toEqual([["y"]]);
      await subject.change({ actions: [shaped("d", "y", { state: "FAILED" })] });
      expect(await subject.ask(shapes)).toEqual([[]]);
    });

    test("keeps its shapes when a command fails that would have changed them", async () => {
      await subject.change({ runs: [runRow("r")], newActions: [shaped("a", "x")] });
      await subject.ask(shapes);
      const unfit = { actions: [shaped("a", "x", { state: "FAILED" }), actionRow("r", "missing")] };
      const said = [
        subject.change(unfit),
        subject.change({ newActions: [shaped("b", "y"), shaped("a", "x")] }),
        subject.ask(shapes),
      ] as const;
      const [, , asked] = await Promise.allSettled(said);
      expect(asked).toMatchObject({ value: [["x"]] });
      expect(await subject.ask(shapes)).toEqual([["x"]]);
    });

    test("of many shapes gives each its place: how many come before, over all shapes of the op", async () => {
      const tasks = Array.from({ length: 6 }, (_, index) =>
        shaped(`q${index}`, `s${index % 3}`, { ageMs: index }),
      );
      const parked = shaped("parked", "s0", { ageMs: 0, parkedOn: "default/slow/" });
      await subject.change({ runs: [runRow("r")], newActions: [...tasks, parked] });
      const places = await Promise.all(tasks.map((action) => subject.store.queuePlace(action, 4)));
      expect(places).toEqual([0, 1, 2, 3, 4, 4]);
    });
  });

  test("what is parked on a counter comes in the order of a queue, as it stands, also in one breath", async () => {
    const slow = { ...queued, parkedOn: "default/slow/" };
    const parked = ["parked", "default/slow/", 9] as const;
    const said = [
      subject.change({
        runs: [runRow("r")],
        newActions: [
          actionRow("r", "young", { ...slow, ageMs: 3 }),
          actionRow("r", "old", { ...slow, ageMs: 1 }),
          actionRow("r", "high", { ...slow, ageMs: 5, priority: 1, spec: shapedSpec("x") }),
          actionRow("r", "elsewhere", { ...slow, parkedOn: "default/slow/x" }),
          actionRow("r", "free", queued),
        ],
      }),
      subject.ask(parked, ["parked", "default/slow/", 1]),
      subject.change({
        actions: [
          actionRow("r", "old", { ...queued, ageMs: 1 }),
          actionRow("r", "free", { ...slow, ageMs: 2 }),
          actionRow("r", "elsewhere", { ...slow, ageMs: 9 }),
        ],
      }),
      subject.ask(parked, ["queued", "default", "work", "", 9]),
    ] as const;
    const [, before, , after] = await Promise.all(said);
    expect(before.map(names)).toEqual([["high", "old", "young"], ["high"]]);
    expect(after.map(names)).toEqual([["high", "free", "young", "elsewhere"], ["old"]]);
    const [settled] = await subject.ask(parked);
    expect(names(settled)).toEqual(["high", "free", "young", "elsewhere"]);
  });

  test("a task of a registered op is found until it has ended, of one version or of any", async () => {
    const ofVersion = (name: string, opVersion: number, parts: Partial<Action> = {}) =>
      actionRow("r", name, { ...queued, spec: taskSpec({ opVersion }), ...parts });
    const live = (version: number): Question => ["liveTaskOf", "default", "work", version];
    const asks = [live(0), live(1), live(2), ["liveTaskOf", "elsewhere", "work", 0]] as const;
    const found = (answers: readonly unknown[]) =>
      answers.map((answer) => (answer as { readonly name: string } | null)?.name ?? null);
    await subject.change({
      runs: [runRow("r")],
      newActions: [
        ofVersion("unregistered", 0),
        ofVersion("b", 2, { state: "PENDING" }),
        ofVersion("a", 2, { state: "RUNNING", sessionId: "s" }),
        ofVersion("c", 1, { state: "ASSIGNED", sessionId: "s" }),
        ofVersion("d", 1, { state: "FAILED" }),
      ],
    });
    expect(found(await subject.ask(...asks))).toEqual(["c", "c", "a", null]);
    const ended = { state: "SUCCEEDED", sessionId: undefined } as const;
    const said = [
      subject.change({ actions: [ofVersion("c", 1, ended), ofVersion("a", 2, ended)] }),
      subject.ask(...asks),
      subject.change({ actions: [ofVersion("b", 2, ended), ofVersion("d", 1)] }),
      subject.ask(...asks),
    ] as const;
    const [, first, , second] = await Promise.all(said);
    expect(found(first)).toEqual(["b", null, "b", null]);
    expect(found(second)).toEqual(["d", "d", null, null]);
  });

  test("what a session holds comes by run and name, and who holds a place in a counter is found", async () => {
    const held = { state: "RUNNING", sessionId: "s" } as const;
    const slow = "default/slow/";
    await subject.change({
      runs: [runRow("r"), runRow("q")],
      newActions: [
        actionRow("r", "b", { ...held, holds: [slow] }),
        actionRow("r", "a", { ...held, holds: ["default/slow/x", slow] }),
        actionRow("q", "z", held),
        actionRow("q", "y", { ...held, sessionId: "t", holds: [`${slow}"`] }),
        actionRow("q", "x", { ...held, sessionId: "t", holds: [slow] }),
      ],
    });
    expect(names(await subject.store.listHeld("s", 9))).toEqual(["z", "a", "b"]);
    expect(names(await subject.store.listHeld("s", 1))).toEqual(["z"]);
    expect(names(await subject.store.holders(slow, 9))).toEqual(["a", "b", "x"]);
    expect(names(await subject.store.holders(slow, 2))).toEqual(["a", "b"]);
    expect(names(await subject.store.holders(`${slow}"`, 2))).toEqual(["y"]);
    expect(await subject.store.holders("default/slow", 2)).toEqual([]);
    await subject.change({
      actions: [actionRow("r", "a", { state: "SUCCEEDED" }), actionRow("r", "b", held)],
    });
    expect(names(await subject.store.holders(slow, 9))).toEqual(["x"]);
    expect((await subject.store.action(keyOf("r"), "b"))?.holds).toEqual([]);
  });
}
