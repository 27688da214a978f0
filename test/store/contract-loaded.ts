import { describe, expect, test } from "vitest";
import type { StoredAnswer } from "../../src/core/loaded.ts";
import { by } from "../support/builders.ts";
import { actionRow, keyOf, opRow, runRow, sessionRow, taskSpec } from "../support/rows.ts";
import { plain, type Subject } from "./subject.ts";

const r = keyOf("r");

/** The names of the actions in an answer. */
function names(answer: unknown): readonly string[] {
  return (answer as readonly { readonly name: string }[]).map(({ name }) => name);
}

/** What the rules see: the state before the command, each list in its order. */
export function describeLoaded(subject: Subject): void {
  describe("the rules see", () => {
    test("the children of an action, and the top of a run, by name", async () => {
      const actions = ["b", "a", "a/y", "a/x", "a/x/z", "b/x"].map((name) => actionRow("r", name));
      await subject.change({ runs: [runRow("r")], newActions: actions });
      const [top, children, none] = await subject.ask(
        ["children", r, ""],
        ["children", r, "a"],
        ["children", r, "c"],
      );
      expect([names(top), names(children), names(none)]).toEqual([["a", "b"], ["a/x", "a/y"], []]);
    });

    test("the whole names of what depends on an action, by name, each once for each edge", async () => {
      const newEdges = ["c", "b"].map((to) => ({ run: r, from: "a", to }));
      const newActions = ["a", "b", "c"].map((name) => actionRow("r", name));
      await subject.change({ runs: [runRow("r")], newActions, newEdges });
      expect(await subject.ask(["dependents", r, "a"], ["dependents", r, "b"])).toEqual([["b", "c"], []]);
    });

    test("an action that changed, with the spec that it was created with", async () => {
      const inputs = { text: { value: { kind: "string", value: "x".repeat(100_000) } } } as const;
      const created = actionRow("r", "a", { spec: taskSpec({ inputs }) });
      const changed = {
        ...created,
        state: "RUNNING",
        attempt: 1,
        outputs: {},
        deviceIndexes: [1, 0],
        holds: ["default/slow/", "default//"],
        attemptInputs: { text: { kind: "string", value: "given" } },
      } as const;
      await subject.change({ runs: [runRow("r")], newActions: [created] });
      await subject.change({ actions: [changed] });
      expect(await subject.ask(["action", r, "a"])).toEqual([plain(changed)]);
      expect(await subject.store.action(r, "a")).toEqual(changed);
      const returned = { ...changed, deviceIndexes: [], holds: [], attemptInputs: undefined };
      await subject.change({ actions: [returned] });
      expect(await subject.store.action(r, "a")).toEqual(returned);
    });

    test("when a run was updated, also if nothing else of it moved", async () => {
      for (const parts of [
        {},
        { updateTimeMs: 5 },
        { updateTimeMs: 6, startTimeMs: 6 },
        { startTimeMs: 6 },
      ]) {
        const run = runRow("r", parts);
        await subject.change({ runs: [run] });
        expect(await subject.store.run(r)).toEqual(run);
        expect(await subject.ask(["run", r])).toEqual([plain(run)]);
      }
    });

    test("queued tasks: the highest priority first, then the oldest, then by run and name", async () => {
      const queued = { state: "QUEUED" } as const;
      await subject.change({
        runs: [runRow("r"), runRow("q")],
        newActions: [
          actionRow("r", "young", { ...queued, ageMs: 3 }),
          actionRow("r", "old", { ...queued, ageMs: 1 }),
          actionRow("r", "b", { ...queued, ageMs: 2 }),
          actionRow("r", "a", { ...queued, ageMs: 2 }),
          actionRow("q", "z", { ...queued, ageMs: 2 }),
          actionRow("r", "low", { ...queued, ageMs: 0, priority: -5 }),
          actionRow("r", "high", { ...queued, ageMs: 9, priority: 5 }),
          actionRow("r", "waiting"),
          actionRow("r", "other", { ...queued, spec: taskSpec({ op: "other" }) }),
          actionRow("elsewhere/r", "a", queued),
        ],
      });
      const [all, first] = await subject.ask(
        ["queued", "default", "work", "", 100],
        ["queued", "default", "work", "", 2],
      );
      expect(names(all)).toEqual(["high", "old", "z", "a", "b", "young", "low"]);
      expect(names(first)).toEqual(["high", "old"]);
    });

    test("a queue without what left it and with what moved in it, also in one breath", async () => {
      const queued = { state: "QUEUED" } as const;
      const said = [
        subject.change({
          runs: [runRow("r")],
          newActions: ["a", "b", "c"].map((name) => actionRow("r", name, queued)),
        }),
        subject.change({ actions: [actionRow("r", "b", { ...queued, priority: 1 })] }),
        subject.ask(["queued", "default", "work", "", 9]),
        subject.change({ actions: [actionRow("r", "a", { state: "ASSIGNED", sessionId: "s" })] }),
        subject.ask(["queued", "default", "work", "", 9], ["heldBy", "s"]),
        subject.change({
          actions: [actionRow("r", "a", queued), actionRow("r", "b", { state: "SUCCEEDED" })],
        }),
        subject.ask(["queued", "default", "work", "", 9], ["heldBy", "s"]),
      ] as const;
      const [, , moved, , left, , back] = await Promise.all(said);
      expect(names(moved[0])).toEqual(["b", "a", "c"]);
      expect([names(left[0]), names(left[1])]).toEqual([["b", "c"], ["a"]]);
      expect([names(back[0]), names(back[1])]).toEqual([["a", "c"], []]);
    });

    test("a signal that is kept until it is dropped, and all of a run by action", async () => {
      const kept = ["b", "a"].map((action) => ({
        run: r,
        action,
        value: { kind: "bool", value: true } as const,
        by: by("ana", { signalledBy: "me", groups: ["g"], comment: "so", channel: "link", origin: "::1" }),
        timeMs: 7,
      }));
      await subject.change({ runs: [runRow("r")], keptSignals: kept });
      expect(await subject.ask(["keptSignal", r, "a"], ["keptSignals", r])).toEqual([
        kept[1],
        [kept[1], kept[0]],
      ]);
      await subject.change({ droppedSignals: [{ run: r, action: "a" }] });
      expect(await subject.ask(["keptSignal", r, "a"], ["keptSignals", r])).toEqual([null, [kept[0]]]);
    });

    test("the first answer to a request id, and the oldest of them from before a time", async () => {
      const answers: StoredAnswer[] = [5, 3, 4, 9].map((timeMs) => {
        return { key: `k${timeMs}`, digest: "d", answer: { run: runRow("r"), list: [null, 1] }, timeMs };
      });
      await subject.change({ answers });
      const asked = await subject.ask(["answer", "k3"], ["answer", "k1"], ["answersBefore", 9, 2]);
      expect(asked).toEqual([plain(answers[1]), null, ["k3", "k4"]]);
      await subject.change({ droppedAnswers: ["k3", "k4"] });
      expect(await subject.ask(["answer", "k3"], ["answersBefore", 100, 9])).toEqual([null, ["k5", "k9"]]);
    });

    test("a version of an op, or the latest for 0", async () => {
      expect(await subject.ask(["op", "default", "work", 0])).toEqual([null]);
      const retry = { maxAttempts: 3 };
      await subject.change({ newOps: [opRow("work", 1, { description: "first" })] });
      await subject.change({ newOps: [opRow("work", 2, { retry })] });
      const asked = await subject.ask(
        ["op", "default", "work", 0],
        ["op", "default", "work", 1],
        ["op", "default", "work", 3],
        ["op", "elsewhere", "work", 0],
      );
      expect(asked).toMatchObject([{ version: 2, retry }, { version: 1, description: "first" }, null, null]);
    });

    test("sessions by id and by worker, and none that is gone", async () => {
      await subject.change({ sessions: [sessionRow("s2"), sessionRow("s1", { workerId: "v" })] });
      const [all, byId, byWorker] = await subject.ask(
        ["sessions"],
        ["session", "s1"],
        ["sessionOf", "default", "w"],
      );
      expect(all).toMatchObject([{ id: "s1" }, { id: "s2" }]);
      expect([byId, byWorker]).toMatchObject([{ id: "s1" }, { id: "s2" }]);
      await subject.change({ goneSessions: ["s2"], sessions: [sessionRow("s3", { isDraining: true })] });
      expect(await subject.ask(["session", "s2"], ["sessionOf", "default", "w"])).toEqual([
        null,
        sessionRow("s3", { isDraining: true }),
      ]);
      await subject.change({ goneSessions: ["s3"] });
      expect(await subject.ask(["sessionOf", "default", "w"], ["sessions"])).toMatchObject([
        null,
        [{ id: "s1" }],
      ]);
    });
  });
}
