import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Action_State } from "../../gen/signalbox/v1/action_pb.ts";
import { ExplainActionResponse_Cause as Cause } from "../../gen/signalbox/v1/explanation_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { type NewRun, NewRunSchema, Run_State } from "../../gen/signalbox/v1/run_pb.ts";
import { CreateRunRequestSchema } from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { toValue } from "../../src/api/mapping/to-proto-value.ts";
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

/** A run of one task that nobody takes. */
function aTask(said: MessageInitShape<typeof NewRunSchema> = {}): NewRun {
  return create(NewRunSchema, { work: { case: "task", value: { op: "nobody" } }, ...said });
}

/** A plan: two tasks, the second one behind a condition and the first. */
function aPlan(said: MessageInitShape<typeof NewRunSchema> = {}): MessageInitShape<typeof NewRunSchema> {
  return {
    work: {
      case: "plan",
      value: {
        actions: [
          { name: "count", kind: { case: "task", value: { op: "count" } } },
          { name: "approve", kind: { case: "condition", value: { type: ValueType.BOOL, prompt: "go?" } } },
          {
            name: "publish",
            kind: {
              case: "task",
              value: {
                op: "publish",
                inputs: { n: { source: { case: "reference", value: { from: "count", output: "n" } } } },
              },
            },
            dependencies: [{ action: "approve" }],
          },
        ],
      },
    },
    ...said,
  };
}

describe("CreateRun", () => {
  test("makes a run of one task under the caller's id", async () => {
    const { run } = await server.runs.createRun({
      run: aTask({ namespace: newNamespace(), runId: "mine", labels: { a: "b" }, priority: 5 }),
    });
    expect(run).toMatchObject({
      runId: "mine",
      labels: { a: "b" },
      priority: 5,
      state: Run_State.QUEUED,
      actionCount: 1,
    });
  });

  test("chooses ids that sort as their runs were created", async () => {
    const namespace = newNamespace();
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      const { run } = await server.runs.createRun({ run: aTask({ namespace }) });
      ids.push(run?.runId ?? "");
    }
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(5);
  });

  test("makes a plan: what waits for nothing is queued or paused, the rest waits", async () => {
    const namespace = newNamespace();
    const { run } = await server.runs.createRun({ run: aPlan({ namespace, runId: "r" }) });
    expect(run).toMatchObject({ state: Run_State.RUNNING, actionCount: 3, pausedConditionCount: 1 });
    const { actions } = await server.runs.listActions({ namespace, runId: "r" });
    expect(actions.map(({ name, state }) => [name, state])).toEqual([
      ["approve", Action_State.PAUSED],
      ["count", Action_State.QUEUED],
      ["publish", Action_State.PENDING],
    ]);
  });

  test("with the same request_id gives the first answer again and makes no second run", async () => {
    const namespace = newNamespace();
    const request = { run: aTask({ namespace }), requestId: "q" };
    const first = await server.runs.createRun(request);
    const second = await server.runs.createRun(request);
    expect(second.run?.runId).toBe(first.run?.runId);
    const { runs } = await server.runs.listRuns({ filter: { namespace } });
    expect(runs).toHaveLength(1);
  });
});

describe("BatchCreateRuns", () => {
  test("answers each request by itself, in order", async () => {
    const namespace = newNamespace();
    const cyclic = {
      actions: ["a", "b"].map((name, index, names) => ({
        name,
        kind: { case: "condition" as const, value: { type: ValueType.BOOL } },
        dependencies: [{ action: names[1 - index] ?? "" }],
      })),
    };
    const { results } = await server.runs.batchCreateRuns({
      requests: [
        aTask({ namespace, runId: "one" }),
        aTask({ namespace, runId: "one" }),
        create(NewRunSchema, { namespace, work: { case: "plan", value: cyclic } }),
        aTask({ namespace, runId: "two" }),
        aTask({ namespace, runId: "not/an/id" }),
      ].map((run) => create(CreateRunRequestSchema, { run })),
    });
    const told = results.map(({ result }) => {
      if (result.case === "run") return result.value.runId;
      return result.case === "refusal"
        ? { reason: result.value.reason, metadata: result.value.metadata }
        : undefined;
    });
    expect(told).toEqual([
      "one",
      { reason: Reason.RUN_EXISTS, metadata: { run_id: "one" } },
      { reason: Reason.INVALID_REQUEST, metadata: { violation_count: "1" } },
      "two",
      { reason: Reason.INVALID_REQUEST, metadata: { violation_count: "1" } },
    ]);
  });

  test("makes a thousand at once", async () => {
    const namespace = newNamespace();
    const requests = Array.from({ length: 1_000 }, () => ({ run: aTask({ namespace }) }));
    const { results } = await server.runs.batchCreateRuns({ requests });
    expect(new Set(results.map(({ result }) => result.case === "run" && result.value.runId)).size).toBe(
      1_000,
    );
  });
});

describe("ListRuns", () => {
  test("pages through all runs, the newest first, each of them once", async () => {
    const namespace = newNamespace();
    for (let count = 0; count < 7; count += 1) {
      await server.runs.createRun({ run: aTask({ namespace, runId: `r${count}` }) });
    }
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await server.runs.listRuns({ filter: { namespace }, pageSize: 3, pageToken });
      expect(page.runs.length).toBeLessThanOrEqual(3);
      seen.push(...page.runs.map(({ runId }) => runId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(seen).toEqual(["r6", "r5", "r4", "r3", "r2", "r1", "r0"]);
  });

  test.each([
    { name: "a state", filter: { states: [Run_State.RUNNING] }, gives: ["plan"] },
    {
      name: "one of several states",
      filter: { states: [Run_State.RUNNING, Run_State.QUEUED] },
      gives: ["task", "plan"],
    },
    { name: "a label", filter: { labels: { env: "prod" } }, gives: ["task"] },
    { name: "a label that none has", filter: { labels: { env: "test" } }, gives: [] },
    { name: "a paused condition", filter: { pausedOnly: true }, gives: ["plan"] },
  ])("finds runs by $name", async ({ filter, gives }) => {
    const namespace = newNamespace();
    await server.runs.createRun({ run: aPlan({ namespace, runId: "plan" }) });
    await server.runs.createRun({ run: aTask({ namespace, runId: "task", labels: { env: "prod" } }) });
    const { runs } = await server.runs.listRuns({ filter: { namespace, ...filter } });
    expect(runs.map(({ runId }) => runId)).toEqual(gives);
  });

  test("of all namespaces finds the runs of each", async () => {
    const namespaces = [newNamespace(), newNamespace()];
    const labels = { both: namespaces.join("-") };
    for (const namespace of namespaces) await server.runs.createRun({ run: aTask({ namespace, labels }) });
    const { runs } = await server.runs.listRuns({ filter: { namespace: "-", labels } });
    expect(runs.map(({ namespace }) => namespace).toSorted()).toEqual(namespaces.toSorted());
  });

  test("sends a page that fits a message, however large its runs are", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace, workerId: "large", ops: ["large"] });
    for (let count = 0; count < 6; count += 1) {
      await server.runs.createRun({ run: { namespace, work: { case: "task", value: { op: "large" } } } });
      const { attempt } = await worker.take();
      const text = toValue({ kind: "string", value: "x".repeat(900_000) });
      await worker.report(attempt, 1n, { case: "succeeded", value: { outputs: { text } } });
    }
    worker.send({ case: "leave", value: {} });
    const first = await server.runs.listRuns({ filter: { namespace } });
    expect(first.runs).toHaveLength(2);
    const second = await server.runs.listRuns({ filter: { namespace }, pageToken: first.nextPageToken });
    expect(second.runs).toHaveLength(2);
  });
});

describe("a run", () => {
  test("is cancelled with everything in it, and a second cancel is refused", async () => {
    const namespace = newNamespace();
    await server.runs.createRun({ run: aPlan({ namespace, runId: "r" }) });
    const { run } = await server.runs.cancelRun({ namespace, runId: "r", cause: "wrong input" });
    expect(run).toMatchObject({ state: Run_State.CANCELLED, cancelRequested: true, endedActionCount: 3 });
    expect(await refusalIn(server.runs.cancelRun({ namespace, runId: "r" }))).toMatchObject({
      reason: "RUN_ENDED",
    });
  });

  test("is opened again by RetryRun", async () => {
    const namespace = newNamespace();
    await server.runs.createRun({ run: aPlan({ namespace, runId: "r" }) });
    await server.runs.cancelRun({ namespace, runId: "r" });
    const { run } = await server.runs.retryRun({ namespace, runId: "r" });
    expect(run).toMatchObject({ state: Run_State.RUNNING, retryCount: 1, pausedConditionCount: 1 });
  });

  test("gets another priority and other labels", async () => {
    const namespace = newNamespace();
    await server.runs.createRun({ run: aTask({ namespace, runId: "r", labels: { a: "1", b: "2" } }) });
    const { run } = await server.runs.updateRun({
      namespace,
      runId: "r",
      priority: 0,
      setLabels: { c: "3" },
      removeLabels: ["a"],
    });
    expect(run).toMatchObject({ priority: 0, labels: { b: "2", c: "3" } });
    expect((await server.runs.getRun({ namespace, runId: "r" })).run).toEqual(run);
  });
});

describe("ListActions", () => {
  test("pages by name, and only under the filter that its token was given for", async () => {
    const namespace = newNamespace();
    await server.runs.createRun({ run: aPlan({ namespace, runId: "r" }) });
    const first = await server.runs.listActions({ namespace, runId: "r", pageSize: 2 });
    expect(first.actions.map(({ name }) => name)).toEqual(["approve", "count"]);
    const pageToken = first.nextPageToken;
    const second = await server.runs.listActions({ namespace, runId: "r", pageToken });
    expect(second.actions.map(({ name }) => name)).toEqual(["publish"]);
    expect(second.nextPageToken).toBe("");
    const states = [Action_State.PAUSED];
    const other = refusalIn(server.runs.listActions({ namespace, runId: "r", states, pageToken }));
    expect(await other).toMatchObject({ reason: "FILTER_CHANGED" });
  });
});

describe("ListAttempts", () => {
  test("shows the ended attempts and the one that runs", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace, workerId: "twice", ops: ["twice"] });
    await server.runs.createRun({
      run: {
        namespace,
        runId: "r",
        work: { case: "task", value: { op: "twice", retry: { maxAttempts: 3, initialBackoff: {} } } },
      },
    });
    const first = await worker.take();
    await worker.report(first.attempt, 1n, { case: "failed", value: { type: "E", message: "no" } });
    const second = await worker.take();
    await worker.report(second.attempt, 1n, { case: "progress", value: { percent: 40, message: "on" } });
    const { attempts } = await server.runs.listAttempts({ namespace, runId: "r", name: "main" });
    expect(attempts).toMatchObject([
      {
        attemptId: "r_att_1",
        number: 1,
        state: Action_State.FAILED,
        workerId: "twice",
        error: { type: "E" },
      },
      {
        attemptId: "r_att_2",
        number: 2,
        state: Action_State.RUNNING,
        progressPercent: 40,
        progressMessage: "on",
      },
    ]);
    await worker.report(second.attempt, 2n, { case: "succeeded", value: {} });
    const after = await server.runs.listAttempts({ namespace, runId: "r", name: "main" });
    expect(after.attempts.map(({ state }) => state)).toEqual([Action_State.FAILED, Action_State.SUCCEEDED]);
    worker.send({ case: "leave", value: {} });
    await worker.ended;
  });
});

describe("ExplainAction", () => {
  test("says why an action does not run, at each step of its life", async () => {
    const namespace = newNamespace();
    await server.runs.createRun({ run: aPlan({ namespace, runId: "r" }) });
    const explain = async (name: string) => {
      const { cause, waitsFor, workerCount, queuePosition } = await server.runs.explainAction({
        namespace,
        runId: "r",
        name,
      });
      return { cause, waitsFor, workerCount, queuePosition };
    };
    const nothing = { waitsFor: [], workerCount: 0, queuePosition: 0 };
    expect(await explain("approve")).toEqual({ ...nothing, cause: Cause.WAITS_FOR_SIGNAL });
    expect(await explain("publish")).toEqual({
      ...nothing,
      cause: Cause.WAITS_FOR_ACTIONS,
      waitsFor: ["approve", "count"],
    });
    expect(await explain("count")).toEqual({ ...nothing, cause: Cause.NO_WORKER });
    const worker = await server.attach({ namespace });
    expect(await explain("count")).toEqual({ ...nothing, cause: Cause.NO_CREDIT, workerCount: 1 });
    worker.send({ case: "credit", value: { amount: 1 } });
    const { assignments } = await worker.next("assign");
    expect(await explain("count")).toEqual({ ...nothing, cause: Cause.WAITS_FOR_ACCEPT });
    const attempt = assignments[0]?.attempt;
    await worker.report(attempt, 1n, { case: "heartbeat", value: {} });
    expect(await explain("count")).toEqual({ ...nothing, cause: Cause.RUNNING });
    const outputs = { n: toValue({ kind: "int", value: "1" }) };
    await worker.report(attempt, 2n, { case: "succeeded", value: { outputs } });
    expect(await explain("count")).toEqual({ ...nothing, cause: Cause.ENDED });
    expect(await explain("publish")).toEqual({
      ...nothing,
      cause: Cause.WAITS_FOR_ACTIONS,
      waitsFor: ["approve"],
    });
    worker.send({ case: "leave", value: {} });
    await worker.ended;
  });

  test("says how many come before, and when the next attempt is due", async () => {
    const namespace = newNamespace();
    const worker = await server.attach({ namespace, ops: ["other"] });
    for (const runId of ["first", "second"]) {
      await server.runs.createRun({ run: aTask({ namespace, runId }) });
    }
    const queued = await server.runs.explainAction({ namespace, runId: "second", name: "main" });
    expect(queued).toMatchObject({ cause: Cause.NO_WORKER, queuePosition: 1 });
    await server.runs.createRun({
      run: {
        namespace,
        runId: "failing",
        work: {
          case: "task",
          value: { op: "other", retry: { maxAttempts: 2, initialBackoff: { seconds: 3_600n } } },
        },
      },
    });
    const { attempt } = await worker.take();
    await worker.report(attempt, 1n, { case: "failed", value: { type: "E", message: "no" } });
    const explained = await server.runs.explainAction({ namespace, runId: "failing", name: "main" });
    expect(explained.cause).toBe(Cause.WAITS_FOR_RETRY);
    expect(explained.retryTime).toBeDefined();
    worker.send({ case: "leave", value: {} });
    await worker.ended;
  });
});
