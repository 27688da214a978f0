import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Condition_Outcome } from "../../gen/signalbox/v1/condition_pb.ts";
import {
  ConditionService,
  type WatchConditionsResponse,
} from "../../gen/signalbox/v1/condition_service_pb.ts";
import { RunService } from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { toValue } from "../../src/api/mapping/to-proto-value.ts";
import { Random } from "../support/random.ts";
import { TestServer } from "../support/test-server.ts";

let server: TestServer;

beforeAll(async () => {
  server = await TestServer.start({
    callers: {
      "token-rita": { subject: "rita", groups: [] },
      "token-ana": { subject: "ana", groups: [] },
      "token-cleo": { subject: "cleo", groups: [] },
    },
  });
});

afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

function conditionsAs(who: "ana" | "cleo") {
  return server.client(ConditionService, `token-${who}`);
}

let runCount = 0;

/** Creates a run of rita's that asks. */
async function create(target: { readonly namespace: string; readonly runId: string }, conditions: object) {
  const actions = Object.entries(conditions).map(([name, spec]) => ({
    name,
    kind: { case: "condition" as const, value: { type: ValueType.BOOL, ...spec } },
  }));
  const run = { ...target, work: { case: "plan" as const, value: { actions } } };
  await server.client(RunService, "token-rita").createRun({ run });
}

/** The same in a namespace of its own, with one condition. */
async function ask(spec: object) {
  runCount += 1;
  const target = { namespace: `watched${runCount}`, runId: "r" };
  await create(target, { approve: spec });
  return { ...target, name: "approve" };
}

type Target = Awaited<ReturnType<typeof ask>>;

/** A watch of cleo's, frame by frame but for bookmarks. */
function watch(filter: object) {
  const stopping = new AbortController();
  const watched = conditionsAs("cleo").watchConditions({ filter }, { signal: stopping.signal });
  const frames = watched[Symbol.asyncIterator]();
  const next = async (): Promise<WatchConditionsResponse> => {
    for (;;) {
      const frame = (await frames.next()).value as WatchConditionsResponse;
      if (frame.conditions.length + frame.gone.length > 0) return frame;
    }
  };
  return { next, stop: () => stopping.abort() };
}

const yes = toValue({ kind: "bool", value: true });
const hourMs = 3_600_000;
const inHours = (count: number) => timestampFromMs(Date.now() + count * hourMs);

interface Parting {
  readonly what: string;
  readonly filter: () => object;
  readonly spec: object;
  readonly change: (target: Target) => Promise<unknown>;
  readonly gone: object;
}

const partings: readonly Parting[] = [
  {
    what: "one that somebody else claims from the assignee it asks for",
    filter: () => ({ assignee: "bob" }),
    spec: { assignee: "bob" },
    change: (target) => conditionsAs("ana").claimCondition({ ...target, force: true }),
    gone: { assignee: "ana" },
  },
  {
    what: "one whose deadline is moved beyond the one it asks for",
    filter: () => ({ dueBefore: inHours(1) }),
    spec: { timeout: { seconds: 300n } },
    change: (target) => conditionsAs("ana").extendCondition({ ...target, deadlineTime: inHours(24) }),
    gone: { name: "approve" },
  },
  {
    what: "one that the caller has handed on",
    filter: () => ({ answerable: true }),
    spec: { answerRule: { subjects: ["cleo"] } },
    change: (target) => conditionsAs("cleo").delegateCondition({ ...target, to: "bob" }),
    gone: { assignee: "bob" },
  },
  {
    what: "one that the caller has answered and others must too",
    filter: () => ({ answerable: true }),
    spec: { answerRule: { requiredCount: 2 } },
    change: (target) => conditionsAs("cleo").signalCondition({ ...target, value: yes }),
    gone: { answers: [{ subject: "cleo" }] },
  },
];

describe("a watch of conditions", () => {
  test.each(partings)("tells as gone $what", async ({ filter, spec, change, gone }) => {
    const target = await ask(spec);
    const { next, stop } = watch({ namespace: target.namespace, ...filter() });
    expect((await next()).conditions).toMatchObject([{ name: "approve" }]);
    await change(target);
    const frame = await next();
    expect(frame).toMatchObject({ conditions: [], gone: [gone] });
    expect(frame.events.map(({ action }) => action)).toEqual(["approve"]);
    stop();
  });

  test("tells one again that comes back to the assignee it asks for", async () => {
    const target = await ask({ assignee: "cleo" });
    const { next, stop } = watch({ namespace: target.namespace, assignee: "cleo" });
    await next();
    await conditionsAs("ana").claimCondition({ ...target, force: true });
    expect((await next()).gone).toHaveLength(1);
    await conditionsAs("ana").releaseCondition(target);
    expect((await next()).gone).toHaveLength(1);
    await conditionsAs("cleo").claimCondition(target);
    expect((await next()).conditions).toMatchObject([{ assignee: "cleo" }]);
    stop();
  });

  test("does not tell as gone what it never asked for and is new, or ends", async () => {
    const { namespace } = await ask({ assignee: "cleo" });
    const { next, stop } = watch({ namespace, assignee: "cleo" });
    await next();
    await create({ namespace, runId: "others" }, { others: {} });
    await conditionsAs("ana").signalCondition({ namespace, runId: "others", name: "others", value: yes });
    await create({ namespace, runId: "theirs" }, { theirs: { assignee: "cleo" } });
    expect(await next()).toMatchObject({ conditions: [{ name: "theirs" }], gone: [] });
    stop();
  });

  const kept = [
    { wants: "one assignee", filter: () => ({ assignee: "cleo" }) },
    { wants: "what is due", filter: () => ({ dueBefore: inHours(1) }) },
    { wants: "what the caller may answer", filter: () => ({ answerable: true }) },
    { wants: "all of that", filter: () => ({ assignee: "cleo", dueBefore: inHours(1), answerable: true }) },
  ];
  test.each(kept)("that wants $wants keeps the same list as ListConditions", async ({ filter }) => {
    runCount += 1;
    const namespace = `watched${runCount}`;
    const wanted = { namespace, ...filter() };
    const random = new Random(runCount);
    const targets = Array.from({ length: 8 }, (_, index) => ({
      namespace,
      runId: `r${index}`,
      name: "approve",
    }));
    const rules = [{}, { subjects: ["cleo", "ana"] }, { requiredCount: 2 }];
    const askAll = targets.map(({ runId }) => {
      const spec = { answerRule: random.pick(rules), assignee: random.pick(["", "cleo", "ana"]) };
      const timeout = { seconds: random.percent(50) ? 300n : 86_400n };
      return create({ namespace, runId }, { approve: { ...spec, timeout } });
    });
    await Promise.all(askAll);
    const open = new Set<string>();
    const last = { assignee: "cleo", timeout: { seconds: 60n } };
    const following = (async () => {
      const stopping = new AbortController();
      const calls = conditionsAs("cleo").watchConditions({ filter: wanted }, { signal: stopping.signal });
      for await (const { conditions, gone } of calls) {
        for (const { runId } of gone) open.delete(runId);
        for (const { runId, outcome } of conditions) {
          if (outcome === Condition_Outcome.UNSPECIFIED) open.add(runId);
          else open.delete(runId);
        }
        if (open.has("last")) break;
      }
      stopping.abort();
    })();
    for (let step = 0; step < 150; step += 1) {
      // Mostly one after the other, now and then several at once; most of what makes no sense is refused.
      const acts = Array.from({ length: random.percent(30) ? 4 : 1 }, () =>
        act(random, random.pick(targets)),
      );
      await Promise.allSettled(acts);
    }
    await create({ namespace, runId: "last" }, { approve: last });
    await following;
    const listed = await conditionsAs("cleo").listConditions({ filter: wanted });
    expect([...open].toSorted()).toEqual(listed.conditions.map(({ runId }) => runId).toSorted());
  });
});

/** Something that moves a condition, or ends it, or opens it again. */
function act(random: Random, target: Target): Promise<unknown> {
  const conditions = conditionsAs(random.pick(["ana", "cleo"]));
  const runs = server.client(RunService, "token-rita");
  switch (
    random.weighed({ claim: 25, release: 10, delegate: 10, extend: 20, answer: 15, cancel: 10, retry: 10 })
  ) {
    case "claim":
      return conditions.claimCondition({ ...target, force: true });
    case "release":
      return conditions.releaseCondition(target);
    case "delegate":
      return conditions.delegateCondition({ ...target, to: random.pick(["ana", "cleo"]) });
    case "extend":
      return conditions.extendCondition({ ...target, deadlineTime: inHours(random.pick([0.5, 24])) });
    case "answer":
      return conditions.signalCondition({ ...target, value: yes });
    case "cancel":
      return runs.cancelRun(target);
    case "retry":
      return runs.retryRun({ ...target, force: true });
  }
}
