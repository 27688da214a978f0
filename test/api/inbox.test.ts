import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Condition, ConditionSpec } from "../../gen/signalbox/v1/condition_pb.ts";
import {
  ConditionAnswer_Channel as Channel,
  Condition_Outcome as Outcome,
} from "../../gen/signalbox/v1/condition_pb.ts";
import {
  ConditionService,
  ListConditionsRequest_Order as Order,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { toValue } from "../../src/api/mapping/to-proto-value.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start({
    callers: {
      "token-rita": { subject: "rita", groups: ["devs"] },
      "token-ana": { subject: "ana", groups: ["leads"] },
      "token-bob": { subject: "bob", groups: ["leads"] },
      "token-cleo": { subject: "cleo", groups: ["devs"] },
    },
  });
});

afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

const yes = toValue({ kind: "bool", value: true });
const no = toValue({ kind: "bool", value: false });
type Who = "rita" | "ana" | "bob" | "cleo";

/** What somebody does who has a token. */
function as(who: Who) {
  return {
    conditions: server.client(ConditionService, `token-${who}`),
    runs: server.client(RunService, `token-${who}`),
  };
}

type Asked = Partial<Omit<ConditionSpec, "$typeName" | "answerRule">> & { readonly answerRule?: object };
let runCount = 0;

/** A run of rita's that asks, in a namespace of its own. */
async function ask(conditions: Readonly<Record<string, Asked>>) {
  runCount += 1;
  const run = { namespace: `inbox${runCount}`, runId: "r" };
  const actions = Object.entries(conditions).map(([name, { answerRule, ...asked }]) => ({
    name,
    kind: {
      case: "condition" as const,
      value: { type: ValueType.BOOL, ...asked, ...(answerRule === undefined ? {} : { answerRule }) },
    },
  }));
  await as("rita").runs.createRun({ run: { ...run, work: { case: "plan", value: { actions } } } });
  return { ...run, name: "approve" };
}

async function namesOf(
  who: Who,
  filter: object,
  order: Order = Order.UNSPECIFIED,
): Promise<readonly string[]> {
  const { conditions } = await as(who).conditions.listConditions({ filter, order });
  return conditions.map(({ name }) => name);
}

describe("a quorum of two of three leads", () => {
  const rule = { requiredCount: 2, voterCount: 3, groups: ["leads", "devs"], excludesRequester: true };

  test("is reached by two equal answers, of whom each is kept with who gave it and from where", async () => {
    const target = await ask({ approve: { answerRule: rule } });
    const first = await as("ana").conditions.signalCondition({ ...target, value: yes, comment: "ready" });
    expect(first.condition).toMatchObject({ outcome: 0, answers: [{ subject: "ana", comment: "ready" }] });
    const last = await as("bob").conditions.signalCondition({ ...target, value: yes });
    expect(last.condition).toMatchObject({ outcome: 1, answer: yes, requester: "rita" });
    const { condition } = await as("cleo").conditions.getCondition(target);
    expect(condition?.answers.map(({ subject, channel }) => ({ subject, channel }))).toEqual([
      { subject: "ana", channel: Channel.CALL },
      { subject: "bob", channel: Channel.CALL },
    ]);
    for (const { origin } of condition?.answers ?? []) expect(origin).toMatch(/^127\.0\.0\.1/);
  });

  test("does not count the requester, nor one voter twice", async () => {
    const target = await ask({ approve: { answerRule: rule } });
    const refused = await refusalIn(as("rita").conditions.signalCondition({ ...target, value: yes }));
    expect(refused).toMatchObject({ code: "PermissionDenied", reason: "NOT_ALLOWED" });
    await as("ana").conditions.signalCondition({ ...target, value: yes });
    const again = await as("ana").conditions.signalCondition({ ...target, value: yes });
    expect(again).toMatchObject({ repeated: true, condition: { outcome: 0 } });
    const other = await refusalIn(as("ana").conditions.signalCondition({ ...target, value: no }));
    expect(other.reason).toBe("ALREADY_ANSWERED");
  });

  test("is ended at once by a veto", async () => {
    const target = await ask({ approve: { answerRule: { ...rule, veto: no } } });
    const { condition } = await as("bob").conditions.signalCondition({ ...target, value: no });
    expect(condition).toMatchObject({ outcome: 1, answer: no });
  });

  test("makes no links in the name of others", async () => {
    const target = await ask({ approve: { answerRule: rule } });
    const refused = await refusalIn(as("ana").conditions.createAnswerLink({ ...target, subject: "bob" }));
    expect(refused).toMatchObject({ reason: "NOT_ALLOWED" });
    const { uri } = await as("ana").conditions.createAnswerLink(target);
    const response = await fetch(uri, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ value: true }),
    });
    expect(response.status).toBe(200);
    const { condition } = await as("cleo").conditions.getCondition(target);
    expect(condition?.answers).toMatchObject([{ subject: "ana", channel: Channel.LINK }]);
  });
});

test("links are made in any name only where anybody may answer alone", async () => {
  const makes = async (answerRule: object, subject: string) => {
    const target = await ask({ approve: { answerRule } });
    const made = as("ana").conditions.createAnswerLink({ ...target, subject });
    return made.then(
      () => "",
      () =>
        refusalIn(as("ana").conditions.createAnswerLink({ ...target, subject })).then(({ reason }) => reason),
    );
  };
  expect(await makes({}, "bob")).toBe("");
  expect(await makes({ requiredCount: 2 }, "bob")).toBe("NOT_ALLOWED");
  expect(await makes({ subjects: ["ana", "bob"] }, "bob")).toBe("NOT_ALLOWED");
  expect(await makes({ subjects: ["ana", "bob"], requiredCount: 2 }, "ana")).toBe("");
});

test("who has handed their right on has none left in a link that was made before", async () => {
  const target = await ask({ approve: { answerRule: { requiredCount: 2, subjects: ["ana", "bob"] } } });
  const { uri } = await as("ana").conditions.createAnswerLink(target);
  await as("ana").conditions.delegateCondition({ ...target, to: "cleo" });
  await as("cleo").conditions.signalCondition({ ...target, value: yes });
  const response = await fetch(uri, { method: "POST", body: new URLSearchParams({ value: "true" }) });
  expect(response.status).toBe(403);
  const { condition } = await as("bob").conditions.getCondition(target);
  expect(condition).toMatchObject({ outcome: 0, answers: [{ subject: "cleo" }] });
});

test("a link is made for what is open: not for what still waits", async () => {
  const namespace = "waiting";
  const actions = [
    { name: "work", kind: { case: "task" as const, value: { op: "x" } } },
    {
      name: "approve",
      kind: { case: "condition" as const, value: { type: ValueType.BOOL } },
      dependencies: [{ action: "work" }],
    },
  ];
  await as("rita").runs.createRun({
    run: { namespace, runId: "r", work: { case: "plan", value: { actions } } },
  });
  const target = { namespace, runId: "r", name: "approve" };
  expect(await refusalIn(as("ana").conditions.createAnswerLink(target))).toMatchObject({
    reason: "CONDITION_NOT_OPEN",
  });
});

/** The conditions that frames of a watch of cleo's tell of, one by one. */
function watch(filter: object) {
  const stopping = new AbortController();
  const frames = as("cleo").conditions.watchConditions({ filter }, { signal: stopping.signal });
  const told = (async function* () {
    for await (const { conditions } of frames) yield* conditions;
  })();
  const next = async () => (await told.next()).value as Condition;
  return { next, stop: () => stopping.abort() };
}

describe("who follows conditions", () => {
  test("is told of answers that do not decide, of escalations, and that it asks again", async () => {
    const escalations = [{ after: durationFromMs(200), assignee: "bob" }] as ConditionSpec["escalations"];
    const target = await ask({ approve: { answerRule: { requiredCount: 2 }, escalations } });
    const { namespace } = target;
    const { next, stop } = watch({ namespace });
    while ((await next()).escalationCount === 0);
    await as("ana").conditions.signalCondition({ ...target, value: yes });
    expect(await next()).toMatchObject({ answers: [{ subject: "ana" }], outcome: 0, assignee: "bob" });
    await as("rita").runs.cancelRun(target);
    expect(await next()).toMatchObject({ outcome: Outcome.WITHDRAWN });
    await as("rita").runs.retryRun(target);
    expect(await next()).toMatchObject({ outcome: 0, answers: [], instance: 2 });
    stop();
  });

  test("is told that one is opened again which still waits for something else", async () => {
    const namespace = "again";
    const actions = [
      { name: "work", kind: { case: "task" as const, value: { op: "x" } } },
      {
        name: "approve",
        kind: { case: "condition" as const, value: { type: ValueType.BOOL } },
        dependencies: [{ action: "work" }],
      },
    ];
    const { next, stop } = watch({ namespace });
    const run = { namespace, runId: "r" };
    await as("rita").runs.createRun({ run: { ...run, work: { case: "plan", value: { actions } } } });
    await as("rita").runs.cancelRun(run);
    expect(await next()).toMatchObject({ name: "approve", outcome: Outcome.WITHDRAWN });
    await as("rita").runs.retryRun({ ...run, force: true });
    expect(await next()).toMatchObject({ name: "approve", outcome: 0, instance: 0 });
    stop();
  });

  test("and may answer them is told of their ends as well", async () => {
    const target = await ask({ approve: {}, others: { answerRule: { subjects: ["ana"] } } });
    const { next, stop } = watch({ namespace: target.namespace, answerable: true });
    expect(await next()).toMatchObject({ name: "approve", outcome: 0 });
    await as("cleo").conditions.signalCondition({ ...target, value: yes });
    expect(await next()).toMatchObject({ name: "approve", outcome: Outcome.ANSWERED });
    stop();
  });
});

describe("the inbox", () => {
  test("is of those who may answer and have not", async () => {
    const { namespace } = await ask({
      all: {},
      leads: { answerRule: { groups: ["leads"], requiredCount: 2 } },
      others: { answerRule: { subjects: ["cleo"], excludesRequester: true } },
      notRita: { answerRule: { excludesRequester: true } },
    });
    const filter = { namespace, answerable: true };
    expect(await namesOf("rita", filter)).toEqual(["all"]);
    expect(await namesOf("ana", filter)).toEqual(["all", "leads", "notRita"]);
    await as("ana").conditions.signalCondition({ namespace, runId: "r", name: "leads", value: yes });
    expect(await namesOf("ana", filter)).toEqual(["all", "notRita"]);
    expect(await namesOf("cleo", filter)).toEqual(["all", "notRita", "others"]);
  });

  test("is listed by what is due first, and by who is on it", async () => {
    const { namespace } = await ask({
      late: { timeout: { $typeName: "google.protobuf.Duration", seconds: 7_200n, nanos: 0 } },
      never: { assignee: "bob" },
      soon: { timeout: { $typeName: "google.protobuf.Duration", seconds: 60n, nanos: 0 } },
    });
    expect(await namesOf("ana", { namespace }, Order.DUE)).toEqual(["soon", "late", "never"]);
    const inAnHour = { seconds: BigInt(Math.floor(Date.now() / 1000) + 3_600) };
    expect(await namesOf("ana", { namespace, dueBefore: inAnHour })).toEqual(["soon"]);
    expect(await namesOf("ana", { namespace, assignee: "bob" })).toEqual(["never"]);
    const pages: string[] = [];
    for (let pageToken = ""; ; ) {
      const request = { filter: { namespace }, order: Order.DUE, pageSize: 1, pageToken };
      const page = await as("ana").conditions.listConditions(request);
      pages.push(...page.conditions.map(({ name }) => name));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(pages).toEqual(["soon", "late", "never"]);
  });

  test("tells its watchers of claims, delegations, snoozes and extensions", async () => {
    const target = await ask({ approve: {} });
    const { namespace } = target;
    const stopping = new AbortController();
    const frames = as("cleo").conditions.watchConditions(
      { filter: { namespace } },
      { signal: stopping.signal },
    );
    const iterator = frames[Symbol.asyncIterator]();
    const nextOne = async () => {
      for (;;) {
        const { value } = await iterator.next();
        const [condition] = value?.conditions ?? [];
        if (condition !== undefined) return condition;
      }
    };
    expect(await nextOne()).toMatchObject({ name: "approve", assignee: "" });
    await as("ana").conditions.claimCondition(target);
    expect(await nextOne()).toMatchObject({ assignee: "ana" });
    const refused = await refusalIn(as("bob").conditions.claimCondition(target));
    expect(refused).toMatchObject({ reason: "ALREADY_CLAIMED", metadata: { assignee: "ana" } });
    await as("ana").conditions.delegateCondition({ ...target, to: "bob" });
    expect(await nextOne()).toMatchObject({ assignee: "bob", delegations: [{ from: "ana", to: "bob" }] });
    const endTime = { seconds: BigInt(Math.floor(Date.now() / 1000) + 60) };
    await as("bob").conditions.snoozeCondition({ ...target, endTime });
    expect(await nextOne()).toMatchObject({ snoozeEndTime: endTime });
    expect(await namesOf("ana", { namespace })).toEqual([]);
    expect(await namesOf("ana", { namespace, includeSnoozed: true })).toEqual(["approve"]);
    await as("bob").conditions.snoozeCondition(target);
    expect((await nextOne()).snoozeEndTime).toBeUndefined();
    await as("bob").conditions.extendCondition({ ...target, deadlineTime: endTime });
    expect(await nextOne()).toMatchObject({ deadlineTime: endTime });
    await as("bob").conditions.releaseCondition(target);
    expect(await nextOne()).toMatchObject({ assignee: "" });
    stopping.abort();
    await iterator.return?.();
  });
});

describe("a signal by correlation key", () => {
  test("answers the one condition that has the key, and is kept for the next one if asked to", async () => {
    const { namespace } = await ask({ approve: { correlationKey: "order-1" } });
    const signal = { namespace, correlationKey: "order-1", value: yes };
    const taken = await as("ana").conditions.signalCondition(signal);
    expect(taken).toMatchObject({ kept: false, condition: { runId: "r", name: "approve", outcome: 1 } });
    const kept = await as("ana").conditions.signalCondition({ ...signal, keepFor: { seconds: 60n } });
    expect(kept).toMatchObject({ kept: true });
    const actions = [
      {
        name: "approve",
        kind: {
          case: "condition" as const,
          value: { type: ValueType.BOOL, correlationKey: "order-1" },
        },
      },
    ];
    const work = { case: "plan" as const, value: { actions } };
    const { run } = await as("rita").runs.createRun({ run: { namespace, runId: "r2", work } });
    expect(run?.pausedConditionCount).toBe(0);
  });
});

describe("a request id", () => {
  test("makes a repeat safe by another connection, and is its caller's own", async () => {
    const target = await ask({ approve: {} });
    const request = { ...target, value: yes, requestId: "once" };
    await as("ana").conditions.signalCondition(request);
    expect(await as("ana").conditions.signalCondition(request)).toMatchObject({ repeated: false });
    const other = await refusalIn(as("bob").conditions.signalCondition(request));
    expect(other.reason).toBe("REQUEST_ID_REUSED");
  });

  test.each([{ comment: "other" }, { signalledBy: "other" }, { instance: 1 }, { value: no }])(
    "with another content is refused: %o",
    async (parts) => {
      const request = { ...(await ask({ approve: {} })), value: yes, requestId: "content" };
      await as("ana").conditions.signalCondition(request);
      const refused = await refusalIn(as("ana").conditions.signalCondition({ ...request, ...parts }));
      expect(refused.reason).toBe("REQUEST_ID_REUSED");
    },
  );
});
