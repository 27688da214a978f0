import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Condition_Outcome } from "../../gen/signalbox/v1/condition_pb.ts";
import type { WatchConditionsResponse } from "../../gen/signalbox/v1/condition_service_pb.ts";
import type { Value as ValueMessage } from "../../gen/signalbox/v1/value_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { toValue } from "../../src/api/mapping/to-proto-value.ts";
import type { Value } from "../../src/core/value.ts";
import { refusalIn, TestServer } from "../support/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(async () => {
  const { errors } = server;
  await server.close();
  expect(errors).toEqual([]);
});

let namespaceCount = 0;
/** A namespace that no other test uses. */
function newNamespace(): string {
  namespaceCount += 1;
  return `ns${namespaceCount}`;
}

const yes = toValue({ kind: "bool", value: true });
const no = toValue({ kind: "bool", value: false });

interface Asked {
  readonly namespace: string;
  readonly runId: string;
  readonly type?: ValueType;
  readonly names?: readonly string[];
  readonly labels?: Record<string, string>;
}

/** Creates a run of nothing but conditions. */
async function ask({ namespace, runId, type = ValueType.BOOL, names = ["approve"], labels = {} }: Asked) {
  const actions = names.map((name) => ({
    name,
    kind: { case: "condition" as const, value: { type, prompt: "go?" } },
  }));
  await server.runs.createRun({
    run: { namespace, runId, labels, work: { case: "plan", value: { actions } } },
  });
}

describe("SignalCondition", () => {
  test.each<{ type: keyof typeof ValueType; value: Value; taken?: ValueMessage }>([
    { type: "BOOL", value: { kind: "bool", value: false } },
    { type: "INT", value: { kind: "int", value: "-9223372036854775808" } },
    { type: "FLOAT", value: { kind: "float", value: "NaN" } },
    {
      type: "FLOAT",
      value: { kind: "int", value: "3" },
      taken: toValue({ kind: "float", value: 3 }),
    },
    { type: "STRING", value: { kind: "string", value: "" } },
    { type: "JSON", value: { kind: "json", value: { a: [1, null] } } },
  ])(
    "answers a condition of type $type with $value.kind",
    async ({ type, value, taken = toValue(value) }) => {
      const namespace = newNamespace();
      await ask({ namespace, runId: "r", type: ValueType[type] });
      const target = { namespace, runId: "r", name: "approve" };
      const answer = await server.conditions.signalCondition({
        ...target,
        value: toValue(value),
        signalledBy: "ada",
      });
      expect(answer).toMatchObject({ kept: false, repeated: false });
      expect(answer.condition).toMatchObject({ outcome: Condition_Outcome.ANSWERED, signalledBy: "ada" });
      expect(answer.condition?.answer).toEqual(taken);
      const { condition } = await server.conditions.getCondition(target);
      expect(condition).toEqual(answer.condition);
    },
  );

  test("with an equal value again changes nothing, with another one is refused", async () => {
    const namespace = newNamespace();
    await ask({ namespace, runId: "r" });
    const target = { namespace, runId: "r", name: "approve" };
    await server.conditions.signalCondition({ ...target, value: yes });
    const head = await server.store.head();
    expect(await server.conditions.signalCondition({ ...target, value: yes })).toMatchObject({
      repeated: true,
    });
    expect(await refusalIn(server.conditions.signalCondition({ ...target, value: no }))).toMatchObject({
      reason: "ALREADY_ANSWERED",
    });
    expect(await server.store.head()).toBe(head);
  });

  test("that comes before its condition is kept, and answers it when it is there", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace, ops: ["parent"] });
    await server.runs.createRun({
      run: { namespace, runId: "r", work: { case: "task", value: { op: "parent" } } },
    });
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    const target = { namespace, runId: "r", name: "main/approve" };
    const early = await server.conditions.signalCondition({ ...target, value: yes, signalledBy: "ada" });
    expect(early).toMatchObject({ kept: true, repeated: false });
    expect(early.condition).toBeUndefined();
    worker.send({
      case: "addActions",
      value: {
        ...(attempt && { attempt }),
        callId: 1n,
        actions: [{ name: "approve", kind: { case: "condition", value: { type: ValueType.BOOL } } }],
      },
    });
    const { actions } = await worker.next("actionsAdded");
    expect(actions[0]?.condition).toMatchObject({ outcome: Condition_Outcome.ANSWERED, signalledBy: "ada" });
    worker.send({ case: "leave", value: {} });
    await worker.ended;
  });
});

describe("ListConditions", () => {
  test("shows what waits across runs, the oldest first, with the labels of its run", async () => {
    const namespace = newNamespace();
    await ask({ namespace, runId: "one", names: ["a", "b"], labels: { env: "prod" } });
    await ask({ namespace, runId: "two", labels: { env: "test" } });
    const list = async (filter: object) => {
      const { conditions } = await server.conditions.listConditions({ filter: { namespace, ...filter } });
      return conditions.map(({ runId, name, runLabels }) => `${runId}/${name} ${runLabels["env"]}`);
    };
    expect(await list({})).toEqual(["one/a prod", "one/b prod", "two/approve test"]);
    expect(await list({ runId: "one" })).toEqual(["one/a prod", "one/b prod"]);
    expect(await list({ labels: { env: "test" } })).toEqual(["two/approve test"]);
    await server.conditions.signalCondition({ namespace, runId: "one", name: "a", value: yes });
    expect(await list({})).toEqual(["one/b prod", "two/approve test"]);
    expect(await list({ includeEnded: true })).toEqual(["one/a prod", "one/b prod", "two/approve test"]);
    expect(await list({ namespace: "-", runId: "two" })).toContain("two/approve test");
  });

  test("pages through all of them, each once", async () => {
    const namespace = newNamespace();
    const names = Array.from({ length: 7 }, (_, index) => `c${index}`);
    await ask({ namespace, runId: "r", names });
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await server.conditions.listConditions({ filter: { namespace }, pageSize: 2, pageToken });
      seen.push(...page.conditions.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(names);
  });
});

describe("WatchConditions", () => {
  /** What is said of a frame: each of its conditions with how it ended, and its marks. */
  function describeFrame({ conditions, snapshot, atHead, cursor }: WatchConditionsResponse) {
    return {
      conditions: conditions.map(({ name, outcome }) => `${name} ${outcome}`),
      snapshot,
      atHead,
      hasCursor: cursor !== "",
    };
  }

  test("begins with what waits, then tells every change, and goes on behind a cursor", async () => {
    const namespace = newNamespace();
    await ask({ namespace, runId: "r", names: ["a", "b", "c"] });
    await ask({ namespace: newNamespace(), runId: "elsewhere" });
    const frames = server.conditions.watchConditions({ filter: { namespace } })[Symbol.asyncIterator]();
    const next = async () => (await frames.next()).value as WatchConditionsResponse;
    const nextChange = async () => {
      for (;;) {
        const frame = await next();
        if (frame.conditions.length > 0) return frame;
      }
    };
    expect(describeFrame(await next())).toMatchObject({
      conditions: ["a 0", "b 0", "c 0"],
      snapshot: true,
      atHead: true,
      hasCursor: true,
    });
    await server.conditions.signalCondition({
      namespace,
      runId: "r",
      name: "a",
      value: yes,
      signalledBy: "ada",
    });
    const answered = await nextChange();
    expect(answered.conditions).toMatchObject([{ name: "a", signalledBy: "ada" }]);
    expect(answered.events.map(({ detail }) => detail.case)).toEqual(["conditionAnswered", "actionEnded"]);
    await server.runs.cancelRun({ namespace, runId: "r" });
    const withdrawn = await nextChange();
    expect(withdrawn.conditions.map(({ name, outcome }) => [name, outcome])).toEqual([
      ["b", Condition_Outcome.WITHDRAWN],
      ["c", Condition_Outcome.WITHDRAWN],
    ]);
    await frames.return?.();

    const { cursor } = answered;
    const resumed = server.conditions
      .watchConditions({ filter: { namespace }, cursor })
      [Symbol.asyncIterator]();
    const bookmark = (await resumed.next()).value as WatchConditionsResponse;
    expect(describeFrame(bookmark)).toMatchObject({ conditions: [], snapshot: false });
    expect(bookmark.cursor).toBe(cursor);
    const again = (await resumed.next()).value as WatchConditionsResponse;
    expect(again.conditions.map(({ name }) => name)).toEqual(["b", "c"]);
    expect(again.cursor).toBe(withdrawn.cursor);
    await resumed.return?.();
  });

  test("does not tell ends of tasks", async () => {
    const namespace = newNamespace();
    const frames = server.conditions.watchConditions({ filter: { namespace } })[Symbol.asyncIterator]();
    await frames.next();
    await server.runs.createRun({
      run: { namespace, runId: "t", work: { case: "task", value: { op: "x" } } },
    });
    await server.runs.cancelRun({ namespace, runId: "t" });
    await ask({ namespace, runId: "r" });
    for (;;) {
      const { value } = (await frames.next()) as { value: WatchConditionsResponse };
      if (value.conditions.length === 0) {
        expect(value.events).toEqual([]);
        continue;
      }
      expect(value.conditions.map(({ runId }) => runId)).toEqual(["r"]);
      break;
    }
    await frames.return?.();
  });
});
