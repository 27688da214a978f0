import { describe, expect, test } from "vitest";
import type { RunState } from "../../src/core/run.ts";
import { rowsPerPageScanMax } from "../../src/limits.ts";
import type { ConditionQuery, OpPlace, RunQuery } from "../../src/store/store.ts";
import { actionRow, attemptRow, conditionRow, keyOf, opRow, runRow, sessionRow } from "../support/rows.ts";
import { anyCondition, anyRun } from "./queries.ts";
import { plain, readPages, type Subject } from "./subject.ts";

/** Everything that can be read, with the order and the pages of each list. */
export function describeLists(subject: Subject): void {
  describe("the list of runs", () => {
    const labelled = { team: "a", site: "x" };
    const rows = [
      runRow("old", { createTimeMs: 1, state: "SUCCEEDED", labels: labelled }),
      runRow("b", { createTimeMs: 5, state: "RUNNING", pausedConditionCount: 1, labels: { team: "a" } }),
      runRow("a", { createTimeMs: 5, state: "FAILED" }),
      runRow("other/new", { createTimeMs: 9, labels: { team: '"a":' } }),
      runRow("other/paused", { createTimeMs: 8, pausedConditionCount: 2, state: "RUNNING" }),
    ];
    const all = ["other/new", "other/paused", "default/b", "default/a", "default/old"];

    test.each([
      { wanted: "all, the newest first", query: {}, gives: all },
      { wanted: "a namespace", query: { namespace: "other" }, gives: all.slice(0, 2) },
      { wanted: "states", query: { states: ["FAILED", "SUCCEEDED"] as RunState[] }, gives: all.slice(3) },
      { wanted: "a label", query: { labels: { team: "a" } }, gives: ["default/b", "default/old"] },
      { wanted: "labels", query: { labels: labelled }, gives: ["default/old"] },
      { wanted: "a label with quotes", query: { labels: { team: '"a":' } }, gives: ["other/new"] },
      { wanted: "paused ones", query: { pausedOnly: true }, gives: ["other/paused", "default/b"] },
      {
        wanted: "paused in a namespace",
        query: { pausedOnly: true, namespace: "default" },
        gives: ["default/b"],
      },
      { wanted: "what nothing is", query: { states: ["TIMED_OUT"] as RunState[] }, gives: [] },
    ])("of $wanted: $gives, in pages of any size", async ({ query, gives }) => {
      await subject.change({ runs: rows });
      for (const limit of [1, 2, 100]) {
        const items = await readPages((after: RunQuery["after"]) =>
          subject.store.listRuns({ ...anyRun, ...query, limit, after }),
        );
        expect(items.map(({ key }) => key)).toEqual(gives);
      }
    });

    test("has no next page behind its last run", async () => {
      await subject.change({ runs: rows });
      expect((await subject.store.listRuns({ ...anyRun, limit: 5 })).next).toBeUndefined();
      expect((await subject.store.listRuns({ ...anyRun, limit: 4 })).next).toEqual({
        timeMs: 5,
        run: keyOf("a"),
      });
    });

    test(`looks at ${rowsPerPageScanMax} runs for a page, which is short then and goes on behind them`, async () => {
      const count = rowsPerPageScanMax + 10;
      const runs = Array.from({ length: count }, (_, index) =>
        runRow(`r${index}`, { createTimeMs: index, state: index === 0 ? "FAILED" : "SUCCEEDED" }),
      );
      await subject.change({ runs });
      const query = { ...anyRun, states: ["FAILED"] as const };
      const first = await subject.store.listRuns(query);
      expect(first).toEqual({ items: [], next: { timeMs: 10, run: keyOf("r10") } });
      const second = await subject.store.listRuns({ ...query, after: first.next });
      expect(second).toEqual({ items: [runs[0]], next: undefined });
    });

    test("has all of a run, its outputs and its error too", async () => {
      const error = { type: "Broken", message: "it broke", stack: "at", nonRetryable: true };
      const whole = runRow("r", {
        isSingle: true,
        timeoutMs: 4,
        deadlineMs: 5,
        dueMs: 5,
        startTimeMs: 6,
        endTimeMs: 7,
        worst: "FAILED",
        error,
        outputs: { x: { kind: "float", value: "NaN" } },
        cancelRequested: true,
        cancelCause: "enough",
        timedOut: true,
        retryCount: 2,
        keptSignalCount: 3,
        actionCount: 9,
        endedActionCount: 8,
        op: "work",
        opVersion: 3,
        image: "work:3",
        delivery: { topic: "t", attributes: { a: "b" } },
        updateTimeMs: 11,
      });
      await subject.change({ runs: [whole] });
      expect(await subject.store.run(keyOf("r"))).toEqual(whole);
      expect((await subject.store.listRuns(anyRun)).items).toEqual([whole]);
      expect(await subject.ask(["run", keyOf("r")])).toEqual([whole]);
    });
  });

  test("the list of a run's actions goes by name, of all or of some states, in pages of any size", async () => {
    const names = ["c", "a", "b", "a/x", "B"];
    await subject.change({
      runs: [runRow("r"), runRow("q")],
      newActions: [
        ...names.map((name) => actionRow("r", name, { state: name === "b" ? "FAILED" : "QUEUED" })),
        actionRow("q", "other"),
      ],
    });
    for (const limit of [1, 2, 100]) {
      const list = (states: readonly "QUEUED"[]) =>
        readPages((after: string | undefined) =>
          subject.store.listActions({ run: keyOf("r"), states, after, limit }),
        );
      expect((await list([])).map(({ name }) => name)).toEqual(["B", "a", "a/x", "b", "c"]);
      expect((await list(["QUEUED"])).map(({ name }) => name)).toEqual(["B", "a", "a/x", "c"]);
    }
  });

  test("the list of attempts goes by number, and ends with the last 1,000", async () => {
    const newAttempts = Array.from({ length: 1_005 }, (_, index) => attemptRow("r", "a", index + 1));
    const error = { type: "E", message: "m", stack: "s", nonRetryable: false };
    const outputs = { value: { kind: "int", value: "9007199254740993" } } as const;
    const whole = attemptRow("r", "b", 1, { error, outputs, inputs: outputs, deviceIndexes: [0, 2] });
    await subject.change({ newAttempts: [...newAttempts, whole] });
    const attempts = await subject.store.listAttempts(keyOf("r"), "a");
    expect([attempts.length, attempts[0]?.number, attempts.at(-1)?.number]).toEqual([1_000, 6, 1_005]);
    expect(await subject.store.listAttempts(keyOf("r"), "b")).toEqual([whole]);
    expect(await subject.store.listAttempts(keyOf("r"), "c")).toEqual([]);
  });

  describe("the list of conditions", () => {
    const rows = [
      conditionRow("r", "young", { createTimeMs: 9 }),
      conditionRow("r", "b", { createTimeMs: 5 }),
      conditionRow("r", "a", { createTimeMs: 5 }),
      conditionRow("q", "z", { createTimeMs: 5 }),
      conditionRow("other/r", "c", { createTimeMs: 1 }),
      conditionRow("r", "answered", {
        createTimeMs: 2,
        state: "SUCCEEDED",
        outcome: "ANSWERED",
        signalledBy: "me",
      }),
      conditionRow("r", "not-yet", { createTimeMs: 3, state: "PENDING" }),
      actionRow("r", "task", { state: "QUEUED" }),
    ];
    const open = ["other/r c", "default/q z", "default/r a", "default/r b", "default/r young"];
    const ended = "default/r answered";
    const ofR = open.slice(2);

    test.each([
      { wanted: "the open ones, the oldest first", query: {}, gives: open },
      { wanted: "a namespace", query: { namespace: "default" }, gives: open.slice(1) },
      { wanted: "a run", query: { run: keyOf("r") }, gives: ofR },
      { wanted: "labels of their runs", query: { labels: { team: "a" } }, gives: ["default/q z"] },
      { wanted: "ended ones too", query: { includeEnded: true }, gives: [open[0], ended, ...open.slice(1)] },
      { wanted: "all of a run", query: { run: keyOf("r"), includeEnded: true }, gives: [ended, ...ofR] },
      {
        wanted: "all of a namespace",
        query: { namespace: "default", includeEnded: true },
        gives: [ended, ...open.slice(1)],
      },
    ])("of $wanted: $gives, in pages of any size", async ({ query, gives }) => {
      const runs = [runRow("r"), runRow("q", { labels: { team: "a" } }), runRow("other/r")];
      await subject.change({ runs, newActions: rows });
      for (const limit of [1, 2, 100]) {
        const items = await readPages((after: ConditionQuery["after"]) =>
          subject.store.listConditions({ ...anyCondition, ...query, limit, after }),
        );
        expect(items.map(({ action }) => `${action.run} ${action.name}`)).toEqual(gives);
      }
    });

    test("has each condition as it stands, with the labels of its run", async () => {
      const condition = conditionRow("r", "c", { dueMs: 9 });
      await subject.change({ runs: [runRow("r", { labels: { team: "a" } })], newActions: [condition] });
      const [row] = (await subject.store.listConditions(anyCondition)).items;
      expect(row).toEqual({ action: condition, runLabels: { team: "a" }, requester: "anonymous", op: "" });
    });
  });

  test("the list of ops has the latest version of each, by name, of one namespace", async () => {
    const newOps = [
      opRow("b", 1),
      opRow("b", 2),
      opRow("a", 1),
      opRow("c", 1),
      opRow("x", 1, { namespace: "other" }),
    ];
    for (const op of newOps) await subject.change({ newOps: [op] });
    for (const limit of [1, 2, 100]) {
      const items = await readPages((after: OpPlace | undefined) =>
        subject.store.listOps({ namespace: "default", allVersions: false, namePrefix: "", after, limit }),
      );
      expect(items).toEqual([opRow("a", 1), opRow("b", 2), opRow("c", 1)]);
    }
    expect(await subject.store.op("default", "b", 1)).toEqual(opRow("b", 1));
    expect(await subject.store.op("default", "b", 0)).toEqual(opRow("b", 2));
    expect(await subject.store.op("default", "b", 7)).toBeUndefined();
  });

  test("the list of sessions goes by namespace and worker, of one namespace or all", async () => {
    await subject.change({
      sessions: [
        sessionRow("1", { workerId: "b" }),
        sessionRow("2", { workerId: "a", ops: ["x", "y"], labels: { site: "s" }, state: "DETACHED" }),
        sessionRow("3", { workerId: "c", namespace: "default-2" }),
      ],
    });
    for (const limit of [1, 2, 100]) {
      const list = (namespace: string | undefined) =>
        readPages((after: string | undefined) =>
          subject.store.listSessions({ namespace, labels: {}, after, limit }),
        );
      expect((await list(undefined)).map(({ id }) => id)).toEqual(["2", "1", "3"]);
      expect((await list("default")).map(({ id }) => id)).toEqual(["2", "1"]);
      const labelled = await readPages((after: string | undefined) =>
        subject.store.listSessions({ namespace: undefined, labels: { site: "s" }, after, limit }),
      );
      expect(labelled.map(({ id }) => id)).toEqual(["2"]);
    }
  });

  test("a session has what its worker offers and what is reserved of it, which moves", async () => {
    const session = sessionRow("s", {
      capacity: { cpuMilli: 4_000, ramMb: undefined, devices: [{ index: 0, kind: "gpu", vramMb: 8_000 }] },
      taints: [{ key: "gpu", value: "" }],
      sharedNamespaces: ["other"],
    });
    await subject.change({ sessions: [session] });
    const reserved = {
      cpuMilli: 500,
      ramMb: 0,
      devices: [{ index: 0, vramMb: 8_000, actionCount: 1, whole: true }],
    };
    for (const moved of [{ ...session, reserved }, session]) {
      await subject.change({ sessions: [moved] });
      expect(await subject.store.sessionOf("default", "w")).toEqual(moved);
      expect(await subject.ask(["session", "s"])).toEqual([plain(moved)]);
    }
  });

  test("the count of what a session holds, and an action's place in its queue, up to a limit", async () => {
    const held = { state: "RUNNING", sessionId: "s" } as const;
    const queued = Array.from({ length: 5 }, (_, index) =>
      actionRow("r", `q${index}`, { state: "QUEUED", ageMs: index, priority: index === 4 ? 1 : 0 }),
    );
    const newActions = [actionRow("r", "a", held), actionRow("r", "b", held), ...queued];
    await subject.change({ runs: [runRow("r")], newActions });
    expect(await subject.store.heldCount("s")).toBe(2);
    expect(await subject.store.heldCount("t")).toBe(0);
    const places = await Promise.all(queued.map((action) => subject.store.queuePlace(action, 3)));
    expect(places).toEqual([1, 2, 3, 3, 0]);
  });

  test("what is due at a time comes with the longest due first, and with when the next is", async () => {
    await subject.change({
      runs: [runRow("r", { dueMs: 30 }), runRow("q")],
      newActions: [
        actionRow("r", "a", { dueMs: 20 }),
        actionRow("r", "b", { dueMs: 40 }),
        actionRow("r", "c"),
      ],
      sessions: [sessionRow("s", { leaseEndMs: 10 })],
    });
    const s = { kind: "session", sessionId: "s" };
    const a = { kind: "action", run: keyOf("r"), action: "a" };
    const run = { kind: "run", run: keyOf("r") };
    expect(await subject.store.due(9, 10)).toEqual({ due: [], nextMs: 10 });
    expect(await subject.store.due(30, 10)).toEqual({ due: [s, a, run], nextMs: 40 });
    expect(await subject.store.due(30, 2)).toEqual({ due: [s, a], nextMs: 30 });
    await subject.change({ actions: [actionRow("r", "b")], runs: [runRow("r")], goneSessions: ["s"] });
    expect(await subject.store.due(100, 10)).toEqual({ due: [a], nextMs: undefined });
  });
}
