import { describe, expect, test } from "vitest";
import { rowsPerPageScanMax } from "../../src/limits.ts";
import { type ConditionQuery, noDeadlineMs } from "../../src/store/store.ts";
import {
  actionRow,
  conditionRow,
  conditionWith,
  givenAnswer,
  keyOf,
  runRow,
  standingRow,
  taskSpec,
} from "../support/rows.ts";
import { anyCondition } from "./queries.ts";
import { plain, readPages, type Subject } from "./subject.ts";

/** The list of conditions as an inbox, and what is kept of a condition. */
export function describeConditions(subject: Subject): void {
  async function list(query: Partial<ConditionQuery>, limit = 100): Promise<readonly string[]> {
    const items = await readPages((after: ConditionQuery["after"]) =>
      subject.store.listConditions({ ...anyCondition, ...query, limit, after }),
    );
    return items.map(({ action }) => `${action.run} ${action.name}`);
  }

  describe("the list of conditions as an inbox", () => {
    const conditions = [
      conditionRow("r", "plain", { createTimeMs: 1 }),
      conditionRow("r", "later", {
        createTimeMs: 2,
        spec: conditionWith({ assignee: "ana" }, 80),
        queueTimeMs: 10,
      }),
      conditionRow("r", "moved", {
        createTimeMs: 3,
        spec: conditionWith({ assignee: "bo", correlationKey: "k" }, 500),
        queueTimeMs: 10,
        standing: standingRow({ assignee: "ana", deadlineMs: 40 }),
      }),
      conditionRow("other/r", "sooner", { createTimeMs: 4, spec: conditionWith({}, 10), queueTimeMs: 10 }),
      conditionRow("q", "asleep", {
        createTimeMs: 5,
        standing: standingRow({ snoozeEndMs: 900, deadlineMs: 30 }),
      }),
      conditionRow("q", "main/asked", { createTimeMs: 6, spec: conditionWith({ correlationKey: "k" }) }),
      conditionRow("a", "never", { createTimeMs: 7, spec: conditionWith({ assignee: "ana" }) }),
      conditionRow("q", "answered", {
        createTimeMs: 8,
        state: "SUCCEEDED",
        spec: conditionWith({ correlationKey: "k" }),
        standing: standingRow({ assignee: "ana", snoozeEndMs: 900, deadlineMs: 20 }),
      }),
      conditionRow("q", "pending", { state: "PENDING", spec: conditionWith({ assignee: "ana" }) }),
    ];
    const [plainOne, later, moved, sooner, asleep, asked, never, answered] = conditions.map(
      ({ run, name }) => `${run} ${name}`,
    );

    async function fill(): Promise<void> {
      const task = actionRow("q", "main", { state: "RUNNING", spec: taskSpec({ op: "deploy" }) });
      const runs = ["r", "q", "a", "other/r"].map((name) => runRow(name, { createdBy: `of ${name}` }));
      await subject.change({ runs, newActions: [task, ...conditions] });
    }

    test.each<{ wanted: string; query: Partial<ConditionQuery>; gives: readonly (string | undefined)[] }>([
      {
        wanted: "what is not snoozed, the oldest first",
        query: {},
        gives: [plainOne, later, moved, sooner, asked, never],
      },
      {
        wanted: "snoozed ones too",
        query: { includeSnoozed: true },
        gives: [plainOne, later, moved, sooner, asleep, asked, never],
      },
      {
        wanted: "ended ones, that somebody had put off or not",
        query: { includeEnded: true, namespace: "default" },
        gives: [plainOne, later, moved, asked, never, answered],
      },
      { wanted: "one assignee, as it stands", query: { assignee: "ana" }, gives: [later, moved, never] },
      { wanted: "one who has none any more", query: { assignee: "bo" }, gives: [] },
      { wanted: "nobody's", query: { assignee: "" }, gives: [plainOne, sooner, asked] },
      {
        wanted: "an assignee's ended ones too",
        query: { assignee: "ana", includeEnded: true },
        gives: [later, moved, never, answered],
      },
      { wanted: "an assignee in a namespace", query: { assignee: "ana", namespace: "other" }, gives: [] },
      { wanted: "a correlation key", query: { correlationKey: "k" }, gives: [moved, asked] },
      {
        wanted: "a correlation key, by deadline",
        query: { correlationKey: "k", order: "due" },
        gives: [moved, asked],
      },
      {
        wanted: "all that ever had a key",
        query: { correlationKey: "k", includeEnded: true },
        gives: [moved, asked, answered],
      },
      { wanted: "none with a key", query: { correlationKey: "no" }, gives: [] },
      { wanted: "those due before a time", query: { dueBeforeMs: 90 }, gives: [moved, sooner] },
      {
        wanted: "those of a run due before a time",
        query: { dueBeforeMs: 91, run: keyOf("r") },
        gives: [later, moved],
      },
      {
        wanted: "snoozed and ended ones due before a time",
        query: { dueBeforeMs: 35, includeSnoozed: true, includeEnded: true },
        gives: [sooner, asleep, answered],
      },
      { wanted: "what a task of an op asks", query: { op: "deploy" }, gives: [asked] },
      { wanted: "what a task of another op asks", query: { op: "work" }, gives: [] },
      { wanted: "no op, which nothing is", query: { op: "" }, gives: [] },
      {
        wanted: "all by deadline, those without one at the end by run and name",
        query: { order: "due" },
        gives: [sooner, moved, later, never, asked, plainOne],
      },
      {
        wanted: "a namespace by deadline, where ended ones are not listed",
        query: { order: "due", namespace: "default", includeEnded: true, includeSnoozed: true },
        gives: [asleep, moved, later, never, asked, plainOne],
      },
      {
        wanted: "a run by deadline",
        query: { order: "due", run: keyOf("r") },
        gives: [moved, later, plainOne],
      },
      {
        wanted: "an assignee's by deadline",
        query: { order: "due", assignee: "ana" },
        gives: [moved, later, never],
      },
      {
        wanted: "by deadline before a time",
        query: { order: "due", dueBeforeMs: 90, includeSnoozed: true },
        gives: [sooner, asleep, moved],
      },
    ])("of $wanted: $gives, in pages of any size", async ({ query, gives }) => {
      await fill();
      for (const limit of [1, 2, 100]) expect(await list(query, limit)).toEqual(gives);
    });

    test("goes on behind a place that has left the list meanwhile", async () => {
      await fill();
      const first = await subject.store.listConditions({ ...anyCondition, order: "due", limit: 4 });
      expect(first.next).toEqual({ timeMs: noDeadlineMs, run: keyOf("a"), name: "never" });
      await subject.change({
        actions: [{ ...(conditions[6] as (typeof conditions)[0]), state: "SUCCEEDED" }],
      });
      const { items } = await subject.store.listConditions({
        ...anyCondition,
        order: "due",
        after: first.next,
      });
      expect(items.map(({ action }) => `${action.run} ${action.name}`)).toEqual([asked, plainOne]);
    });

    test("is the same where more have something in common than a page looks at", async () => {
      const count = rowsPerPageScanMax + 5;
      const spec = conditionWith({ correlationKey: "k" }, 10);
      const many = Array.from({ length: count }, (_, index) =>
        conditionRow("r", `c${index}`, { spec, createTimeMs: index % 7, queueTimeMs: index % 11 }),
      );
      await subject.change({ runs: [runRow("r")], newActions: many });
      const sorted = (timeMsOf: (condition: (typeof many)[number]) => number) =>
        [...many]
          .sort((one, other) => timeMsOf(one) - timeMsOf(other) || (one.name < other.name ? -1 : 1))
          .map(({ name }) => `default/r ${name}`);
      const byAge = sorted(({ createTimeMs }) => createTimeMs);
      const byDeadline = sorted(({ queueTimeMs }) => queueTimeMs ?? 0);
      expect(await list({ dueBeforeMs: 1_000 }, 700)).toEqual(byAge);
      expect(await list({ correlationKey: "k", order: "due" }, 700)).toEqual(byDeadline);
      expect(await list({ run: keyOf("r"), order: "due" }, 700)).toEqual(byDeadline);
    });

    test("follows what is done to a condition", async () => {
      const condition = conditionRow("r", "c", {
        spec: conditionWith({ correlationKey: "k" }, 50),
        queueTimeMs: 0,
      });
      await subject.change({ runs: [runRow("r")], newActions: [condition] });
      const r = "default/r c";
      const put = (parts: Parameters<typeof standingRow>[0], state = condition.state) =>
        subject.change({ actions: [{ ...condition, state, standing: standingRow(parts) }] });
      expect([await list({ assignee: "ana" }), await list({ dueBeforeMs: 51 })]).toEqual([[], [r]]);
      await put({ assignee: "ana", deadlineMs: 70 });
      expect([await list({ assignee: "ana" }), await list({ dueBeforeMs: 51 })]).toEqual([[r], []]);
      await put({ assignee: "bo", snoozeEndMs: 9 });
      expect([await list({ assignee: "ana" }), await list({ assignee: "bo" })]).toEqual([[], []]);
      expect(await list({ assignee: "bo", includeSnoozed: true, order: "due" })).toEqual([r]);
      await put({ assignee: "bo" }, "SUCCEEDED");
      expect([await list({ assignee: "bo" }), await list({ correlationKey: "k" })]).toEqual([[], []]);
      expect(await subject.ask(["openByKey", "default", "k", 9])).toEqual([[]]);
    });

    test("says who created the run of each, and the op of the task that asks", async () => {
      await fill();
      const { items } = await subject.store.listConditions({ ...anyCondition, namespace: "default" });
      expect(items.map(({ requester, op }) => ({ requester, op }))).toEqual([
        { requester: "of r", op: "" },
        { requester: "of r", op: "" },
        { requester: "of r", op: "" },
        { requester: "of q", op: "deploy" },
        { requester: "of a", op: "" },
      ]);
    });
  });

  test("a condition has all of its terms and where it stands, and a run who created it and what it does over", async () => {
    const spec = conditionWith({
      schema: { type: "integer", maximum: 9 },
      choices: [{ value: { kind: "int", value: "9" }, label: "nine", description: "the most" }],
      link: "https://example.com",
      rule: {
        requiredCount: 2,
        voterCount: 3,
        veto: { kind: "bool", value: false },
        subjects: ["ana"],
        groups: ["board"],
        excludesRequester: true,
      },
      escalations: [{ afterMs: 5, notify: ["chat"], subjects: [], groups: ["g"], assignee: "bo" }],
      correlationKey: "k",
      dropsEarly: true,
      group: "first",
      webhook: {
        url: "https://example.com/hook",
        payload: { text: "{callback_uri}" },
        secret: "s",
        linkLifetimeMs: 7,
        headers: { a: "b" },
      },
    });
    const answers = [givenAnswer("ana", { comment: "so", channel: "link", origin: "::1", runId: "q" })];
    const standing = standingRow({
      instance: 3,
      answers,
      earlier: answers,
      delegations: [{ from: "ana", to: "bo", timeMs: 5 }],
      snoozeEndMs: 8,
      deadlineMs: 9,
      escalationCount: 1,
      linkRefusalCount: 2,
      mustEqual: { kind: "null" },
    });
    const whole = conditionRow("r", "c", { spec, standing });
    const recovered = actionRow("r", "a", { state: "RECOVERED", recoveredFrom: "q" });
    const run = runRow("r", { createdBy: "rita", rerunOf: "q" });
    await subject.change({ runs: [run, runRow("q", { createdBy: "" })], newActions: [recovered] });
    await subject.change({ newActions: [{ ...whole, standing: undefined }] });
    await subject.change({ actions: [whole] });
    expect(await subject.store.action(keyOf("r"), "c")).toEqual(whole);
    expect(await subject.store.action(keyOf("r"), "a")).toEqual(recovered);
    expect(await subject.store.run(keyOf("r"))).toEqual(run);
    expect((await subject.store.run(keyOf("q")))?.createdBy).toBe("");
    const asked = await subject.ask(["action", keyOf("r"), "c"], ["run", keyOf("r")]);
    expect(asked).toEqual(plain([whole, run]));
    await subject.change({
      actions: [
        { ...whole, standing: undefined },
        { ...recovered, recoveredFrom: undefined },
      ],
    });
    expect((await subject.store.action(keyOf("r"), "c"))?.standing).toBeUndefined();
    expect((await subject.store.action(keyOf("r"), "a"))?.recoveredFrom).toBeUndefined();
  });
}
