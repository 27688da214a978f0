import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { NewActionSchema } from "../../gen/signalbox/v1/action_pb.ts";
import { Dependency_Requirement } from "../../gen/signalbox/v1/action_pb.ts";
import { EventKind } from "../../gen/signalbox/v1/event_pb.ts";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import { CreateRunRequestSchema } from "../../gen/signalbox/v1/run_service_pb.ts";
import { ValueType } from "../../gen/signalbox/v1/value_pb.ts";
import { toJson, toValue } from "../../src/api/mapping/to-proto-value.ts";
import { services } from "../../src/api/routes.ts";
import { printCursor, printToken, tokenScope } from "../../src/api/token.ts";
import type { Position } from "../../src/core/event.ts";
import type { Json } from "../../src/core/value.ts";
import { grpcJsClient } from "../support/grpc-js.ts";
import { refusalIn, type SeenRefusal, TestServer } from "../support/test-server.ts";
import { TestWorker } from "../support/test-worker.ts";

let server: TestServer;
let headBefore: Position;

type Case = NonNullable<MessageInitShape<typeof NewActionSchema>["kind"]>;
const condition: Case = { case: "condition", value: { type: ValueType.BOOL } };
const task: Case = { case: "task", value: { op: "nobody" } };
const yes = toValue({ kind: "bool", value: true });
const no = toValue({ kind: "bool", value: false });
const text = toValue({ kind: "string", value: "yes" });

/** A plan of these actions, as the work of a run. */
function plan(...actions: readonly MessageInitShape<typeof NewActionSchema>[]) {
  return { case: "plan" as const, value: { actions: [...actions] } };
}

/** Empties a stream, so that its refusal comes. */
async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}

/** What a worker stream ends with after these frames, the first of which attaches. */
async function afterFrames(...frames: readonly Parameters<TestWorker["send"]>[0][]): Promise<void> {
  const worker = await server.attach({ workerId: "bad" });
  for (const frame of frames) worker.send(frame);
  throw await worker.ended;
}

/** What a worker stream ends with that begins with this frame. */
async function firstFrame(frame: Parameters<TestWorker["send"]>[0]): Promise<void> {
  const worker = TestWorker.open(server.url);
  worker.send(frame);
  throw await worker.ended;
}

function token(kind: Parameters<typeof tokenScope>[0], filter: unknown, place: unknown): string {
  return printToken(tokenScope(kind, filter, server.store.feedId), place);
}

beforeAll(async () => {
  server = await TestServer.start();
  const { runs, conditions, events, ops, workers } = server;
  const work = plan(
    { name: "approve", kind: condition },
    { name: "asked", kind: condition },
    { name: "t", kind: task },
  );
  await runs.createRun({ run: { runId: "open", work }, requestId: "used" });
  await conditions.signalCondition({ runId: "open", name: "asked", value: yes, requestId: "used" });
  await runs.createRun({ run: { runId: "ended", work } });
  await runs.cancelRun({ runId: "ended", requestId: "used" });
  await runs.createRun({ run: { runId: "good", work: plan({ name: "approve", kind: condition }) } });
  await conditions.signalCondition({ runId: "good", name: "approve", value: yes });
  await runs.createRun({ run: { runId: "again", work: plan({ name: "approve", kind: condition }) } });
  await runs.cancelRun({ runId: "again" });
  await runs.retryRun({ runId: "again", requestId: "used" });
  await runs.updateRun({ runId: "open", priority: 1, requestId: "used" });
  await events.publishEvents({ events: [{ published: { source: "s", type: "t" } }], requestId: "used" });
  await ops.registerOp({ op: { name: "known" }, requestId: "used" });
  const worker = await server.attach({ workerId: "drained" });
  await workers.drainWorker({ workerId: "drained", requestId: "used" });
  worker.send({ case: "leave", value: {} });
  await worker.ended;
});

afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

beforeEach(async () => {
  headBefore = await server.store.head();
});

afterEach(async () => {
  // The server is up, and what was there is as it was.
  const { run } = await server.runs.getRun({ runId: "open" });
  expect(run).toMatchObject({ priority: 1, actionCount: 3, pausedConditionCount: 1, endedActionCount: 1 });
});

/** One bad request: whose, what is bad about it, how it is made, and what is expected of the refusal. */
interface Row {
  readonly rpc: string;
  readonly given: string;
  readonly call: () => Promise<unknown>;
  readonly code: string;
  readonly reason: string;
  /** All facts, but for those that only count violations. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly string[];
  /** For streams of workers, that attach before they go wrong: what they write themselves. */
  readonly attaches?: true;
}

const invalid = { code: "InvalidArgument", reason: "INVALID_REQUEST" } as const;
const tokenInvalid = { code: "InvalidArgument", reason: "TOKEN_INVALID", metadata: {} } as const;
const filterChanged = { code: "InvalidArgument", reason: "FILTER_CHANGED", metadata: {} } as const;
const noRun = {
  code: "NotFound",
  reason: "RUN_NOT_FOUND",
  metadata: { namespace: "default", run_id: "none" },
} as const;
const noAction = {
  code: "NotFound",
  reason: "ACTION_NOT_FOUND",
  metadata: { run_id: "open", action: "none" },
} as const;
const reused = {
  code: "AlreadyExists",
  reason: "REQUEST_ID_REUSED",
  metadata: { request_id: "used" },
} as const;
const noWorker = { code: "NotFound", reason: "WORKER_NOT_FOUND", metadata: { worker_id: "none" } } as const;
const long = "x".repeat(5_000);
const nested = (depth: number): Json => (depth === 0 ? 1 : [nested(depth - 1)]);

/** Creates a run and expects that it cannot be. */
function createRun(run: NonNullable<MessageInitShape<typeof CreateRunRequestSchema>["run"]>, requestId = "") {
  return server.runs.createRun({ run, requestId });
}

/** Creates a run of one task with an input that is wrong. */
function withInput(
  value: MessageInitShape<typeof NewActionSchema> extends never ? never : ReturnType<typeof toValue>,
) {
  const inputs = { x: { source: { case: "value" as const, value } } };
  return createRun({ work: { case: "task", value: { op: "x", inputs } } });
}

const runRows: readonly Row[] = [
  { rpc: "CreateRun", given: "no run", call: () => server.runs.createRun({}), ...invalid, fields: ["run"] },
  { rpc: "CreateRun", given: "no work", call: () => createRun({}), ...invalid, fields: ["run.work"] },
  {
    rpc: "CreateRun",
    given: "several bad fields",
    call: () =>
      createRun({
        namespace: "Not A Namespace",
        runId: "-",
        priority: 1_001,
        labels: { "": "x" },
        timeout: { seconds: -1n },
        work: { case: "task", value: { op: "" } },
      }),
    ...invalid,
    fields: ["run.namespace", "run.run_id", 'run.labels[""]', "run.priority", "run.timeout", "run.task.op"],
  },
  {
    rpc: "CreateRun",
    given: "a name that is too long",
    call: () => createRun({ work: plan({ name: long, kind: task }) }),
    ...invalid,
    fields: ["run.plan.actions[0].name"],
  },
  {
    rpc: "CreateRun",
    given: "a cyclic plan",
    call: () =>
      createRun({
        work: plan(
          { name: "a", kind: task, dependencies: [{ action: "c" }] },
          { name: "b", kind: task, dependencies: [{ action: "a" }] },
          { name: "c", kind: task, dependencies: [{ action: "b" }] },
        ),
      }),
    ...invalid,
    fields: ["run.plan.actions"],
  },
  {
    rpc: "CreateRun",
    given: "an action that waits for itself",
    call: () => createRun({ work: plan({ name: "a", kind: task, dependencies: [{ action: "a" }] }) }),
    ...invalid,
    fields: ["run.plan.actions"],
  },
  {
    rpc: "CreateRun",
    given: "unknown dependencies, in both their forms",
    call: () => {
      const inputs = { x: { source: { case: "reference" as const, value: { from: "nobody" } } } };
      return createRun({
        work: plan(
          { name: "a", kind: task, dependencies: [{ action: "none" }] },
          { name: "b", kind: { case: "task", value: { op: "x", inputs } } },
        ),
      });
    },
    ...invalid,
    fields: [
      "run.plan.actions[0].dependencies[0].action",
      'run.plan.actions[1].task.inputs["x"].reference.from',
    ],
  },
  {
    rpc: "CreateRun",
    given: "two actions of one name",
    call: () => createRun({ work: plan({ name: "a", kind: task }, { name: "a", kind: condition }) }),
    ...invalid,
    fields: ["run.plan.actions[1].name"],
  },
  {
    rpc: "CreateRun",
    given: "a value asked of an action however it ends",
    call: () => {
      const requirement = Dependency_Requirement.ENDED;
      const dependencies = [{ action: "a", requirement, equals: yes }];
      return createRun({
        work: plan({ name: "a", kind: condition }, { name: "b", kind: task, dependencies }),
      });
    },
    ...invalid,
    fields: ["run.plan.actions[1].dependencies[0].equals"],
  },
  {
    rpc: "CreateRun",
    given: "a default of another type than the condition's",
    call: () => {
      const value = { type: ValueType.BOOL, timeout: { seconds: 1n }, defaultValue: text };
      return createRun({ work: plan({ name: "a", kind: { case: "condition", value } }) });
    },
    ...invalid,
    fields: ["run.plan.actions[0].condition.default_value"],
  },
  {
    rpc: "CreateRun",
    given: "a condition without a type",
    call: () => createRun({ work: plan({ name: "a", kind: { case: "condition", value: {} } }) }),
    ...invalid,
    fields: ["run.plan.actions[0].condition.type"],
  },
  {
    rpc: "CreateRun",
    given: "a trace in a plan",
    call: () => createRun({ work: plan({ name: "a", kind: { case: "trace", value: {} } }) }),
    ...invalid,
    fields: ["run.plan.actions[0].trace"],
  },
  {
    rpc: "CreateRun",
    given: "an input that refers to another action, in a run of one task",
    call: () => {
      const inputs = { x: { source: { case: "reference" as const, value: { from: "main" } } } };
      return createRun({ work: { case: "task", value: { op: "x", inputs } } });
    },
    ...invalid,
    fields: ['run.task.inputs["x"].reference'],
  },
  {
    rpc: "CreateRun",
    given: "JSON that is too deep",
    call: () => withInput(toValue({ kind: "json", value: nested(31) })),
    ...invalid,
    fields: ['run.task.inputs["x"].value.json_value'],
  },
  {
    rpc: "CreateRun",
    given: "JSON with NaN",
    call: () => {
      const value = create(CreateRunRequestSchema, {
        run: {
          work: {
            case: "task",
            value: {
              op: "x",
              inputs: {
                x: {
                  source: {
                    case: "value",
                    value: { kind: { case: "jsonValue", value: toJson(Number.NaN) } },
                  },
                },
              },
            },
          },
        },
      });
      return server.runs.createRun(value);
    },
    ...invalid,
    fields: ['run.task.inputs["x"].value.json_value'],
  },
  {
    rpc: "CreateRun",
    given: "a text that is too large",
    call: () => withInput(toValue({ kind: "string", value: "x".repeat(1024 * 1024 + 1) })),
    ...invalid,
    fields: ['run.task.inputs["x"].value.string_value'],
  },
  {
    rpc: "CreateRun",
    given: "a version of an op that is not registered",
    call: () => createRun({ work: { case: "task", value: { op: "known", opVersion: 2 } } }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "known", version: "2" },
  },
  {
    rpc: "CreateRun",
    given: "an id that is taken",
    call: () => createRun({ runId: "open", work: { case: "task", value: { op: "x" } } }),
    code: "AlreadyExists",
    reason: "RUN_EXISTS",
    metadata: { run_id: "open" },
  },
  {
    rpc: "CreateRun",
    given: "other content under a used request_id",
    call: () => createRun({ work: { case: "task", value: { op: "x" } } }, "used"),
    ...reused,
  },
  {
    rpc: "CreateRun",
    given: "a request_id with a space",
    call: () => createRun({ work: { case: "task", value: { op: "x" } } }, "a b"),
    ...invalid,
    fields: ["request_id"],
  },
  {
    rpc: "BatchCreateRuns",
    given: "no requests",
    call: () => server.runs.batchCreateRuns({}),
    ...invalid,
    fields: ["requests"],
  },
  {
    rpc: "BatchCreateRuns",
    given: "a request that breaks a bound",
    call: () =>
      server.runs.batchCreateRuns({ requests: [create(CreateRunRequestSchema, { run: { runId: "-" } })] }),
    ...invalid,
    fields: ["requests[0].run.run_id", "requests[0].run.work"],
  },
  { rpc: "GetRun", given: "an unknown run", call: () => server.runs.getRun({ runId: "none" }), ...noRun },
  { rpc: "GetRun", given: "no run", call: () => server.runs.getRun({}), ...invalid, fields: ["run_id"] },
  {
    rpc: "GetRun",
    given: "all namespaces",
    call: () => server.runs.getRun({ namespace: "-", runId: "open" }),
    ...invalid,
    fields: ["namespace"],
  },
  {
    rpc: "ListRuns",
    given: "a token that is none",
    call: () => server.runs.listRuns({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListRuns",
    given: "a token of another method",
    call: () => server.runs.listRuns({ pageToken: token("ops", { namespace: "default" }, "a") }),
    ...tokenInvalid,
  },
  {
    rpc: "ListRuns",
    given: "a token under another filter",
    call: () => server.runs.listRuns({ pageToken: token("runs", {}, {}) }),
    ...filterChanged,
  },
  {
    rpc: "ListRuns",
    given: "a page that is too large",
    call: () => server.runs.listRuns({ pageSize: 1_001 }),
    ...invalid,
    fields: ["page_size"],
  },
  {
    rpc: "ListRuns",
    given: "a state that does not exist",
    call: () => server.runs.listRuns({ filter: { states: [99 as never] } }),
    ...invalid,
    fields: ["filter.states[0]"],
  },
  {
    rpc: "WatchRun",
    given: "an unknown run",
    call: () => readAll(server.runs.watchRun({ runId: "none" })),
    ...noRun,
  },
  {
    rpc: "WatchRun",
    given: "a cursor that is none",
    call: () => readAll(server.runs.watchRun({ runId: "open", cursor: "nonsense" })),
    ...tokenInvalid,
  },
  {
    rpc: "WatchRun",
    given: "a cursor of the feed",
    call: async () => {
      const { nextPageToken } = await server.events.listEvents({});
      await readAll(server.runs.watchRun({ runId: "open", cursor: nextPageToken }));
    },
    ...tokenInvalid,
  },
  {
    rpc: "CancelRun",
    given: "an unknown run",
    call: () => server.runs.cancelRun({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "CancelRun",
    given: "an ended run",
    call: () => server.runs.cancelRun({ runId: "ended" }),
    code: "FailedPrecondition",
    reason: "RUN_ENDED",
    metadata: { run_id: "ended", state: "CANCELLED" },
  },
  {
    rpc: "CancelRun",
    given: "other content under a used request_id",
    call: () => server.runs.cancelRun({ runId: "open", requestId: "used" }),
    ...reused,
  },
  { rpc: "RetryRun", given: "an unknown run", call: () => server.runs.retryRun({ runId: "none" }), ...noRun },
  {
    rpc: "RetryRun",
    given: "a run that has not ended",
    call: () => server.runs.retryRun({ runId: "open" }),
    code: "FailedPrecondition",
    reason: "RUN_NOT_ENDED",
    metadata: { run_id: "open", state: "RUNNING" },
  },
  {
    rpc: "RetryRun",
    given: "a run that succeeded, without force",
    call: () => server.runs.retryRun({ runId: "good" }),
    code: "FailedPrecondition",
    reason: "RUN_SUCCEEDED",
    metadata: { run_id: "good" },
  },
  {
    rpc: "RetryRun",
    given: "other content under a used request_id",
    call: () => server.runs.retryRun({ runId: "ended", requestId: "used" }),
    ...reused,
  },
  {
    rpc: "UpdateRun",
    given: "an unknown run",
    call: () => server.runs.updateRun({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "UpdateRun",
    given: "a priority for an ended run",
    call: () => server.runs.updateRun({ runId: "ended", priority: 2 }),
    code: "FailedPrecondition",
    reason: "RUN_ENDED",
    metadata: { run_id: "ended", state: "CANCELLED" },
  },
  {
    rpc: "UpdateRun",
    given: "more labels than a run may have",
    call: async () => {
      const labels = (prefix: string) =>
        Object.fromEntries(Array.from({ length: 64 }, (_, i) => [prefix + i, ""]));
      await server.runs.updateRun({ runId: "again", setLabels: labels("a") });
      headBefore = await server.store.head();
      return server.runs.updateRun({ runId: "again", setLabels: labels("b") });
    },
    code: "ResourceExhausted",
    reason: "LIMIT_REACHED",
    metadata: { limit: "labelsMax", maximum: "64" },
  },
  {
    rpc: "UpdateRun",
    given: "a priority out of its bounds",
    call: () => server.runs.updateRun({ runId: "open", priority: -1_001 }),
    ...invalid,
    fields: ["priority"],
  },
  {
    rpc: "UpdateRun",
    given: "other content under a used request_id",
    call: () => server.runs.updateRun({ runId: "open", priority: 2, requestId: "used" }),
    ...reused,
  },
];

const actionRows: readonly Row[] = [
  {
    rpc: "ListActions",
    given: "an unknown run",
    call: () => server.runs.listActions({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "ListActions",
    given: "a token of another run",
    call: () => {
      const pageToken = token("actions", { run: "default/ended", states: [] }, "a");
      return server.runs.listActions({ runId: "open", pageToken });
    },
    ...filterChanged,
  },
  {
    rpc: "GetAction",
    given: "an unknown run",
    call: () => server.runs.getAction({ runId: "none", name: "t" }),
    ...noRun,
  },
  {
    rpc: "GetAction",
    given: "an unknown action",
    call: () => server.runs.getAction({ runId: "open", name: "none" }),
    ...noAction,
  },
  {
    rpc: "GetAction",
    given: "a name that is no path",
    call: () => server.runs.getAction({ runId: "open", name: "a//b" }),
    ...invalid,
    fields: ["name"],
  },
  {
    rpc: "ListAttempts",
    given: "an unknown run",
    call: () => server.runs.listAttempts({ runId: "none", name: "t" }),
    ...noRun,
  },
  {
    rpc: "ListAttempts",
    given: "an unknown action",
    call: () => server.runs.listAttempts({ runId: "open", name: "none" }),
    ...noAction,
  },
  {
    rpc: "ExplainAction",
    given: "an unknown run",
    call: () => server.runs.explainAction({ runId: "none", name: "t" }),
    ...noRun,
  },
  {
    rpc: "ExplainAction",
    given: "an unknown action",
    call: () => server.runs.explainAction({ runId: "open", name: "none" }),
    ...noAction,
  },
];

const conditionRows: readonly Row[] = [
  {
    rpc: "ListConditions",
    given: "a token that is none",
    call: () => server.conditions.listConditions({ pageToken: "AAAA" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListConditions",
    given: "a token under another filter",
    call: () => server.conditions.listConditions({ pageToken: token("conditions", {}, {}) }),
    ...filterChanged,
  },
  {
    rpc: "GetCondition",
    given: "an unknown run",
    call: () => server.conditions.getCondition({ runId: "none", name: "approve" }),
    ...noRun,
  },
  {
    rpc: "GetCondition",
    given: "an unknown action",
    call: () => server.conditions.getCondition({ runId: "open", name: "none" }),
    ...noAction,
  },
  {
    rpc: "GetCondition",
    given: "a task",
    call: () => server.conditions.getCondition({ runId: "open", name: "t" }),
    code: "FailedPrecondition",
    reason: "ACTION_NOT_CONDITION",
    metadata: { run_id: "open", action: "t", kind: "task" },
  },
  {
    rpc: "SignalCondition",
    given: "no value",
    call: () => server.conditions.signalCondition({ runId: "open", name: "approve" }),
    ...invalid,
    fields: ["value"],
  },
  {
    rpc: "SignalCondition",
    given: "a value without a kind",
    call: () => server.conditions.signalCondition({ runId: "open", name: "approve", value: {} }),
    ...invalid,
    fields: ["value.kind"],
  },
  {
    rpc: "SignalCondition",
    given: "an unknown run",
    call: () => server.conditions.signalCondition({ runId: "none", name: "approve", value: yes }),
    ...noRun,
  },
  {
    rpc: "SignalCondition",
    given: "a name that nothing can ever have",
    call: () => server.conditions.signalCondition({ runId: "open", name: "none", value: yes }),
    ...noAction,
  },
  {
    rpc: "SignalCondition",
    given: "a task",
    call: () => server.conditions.signalCondition({ runId: "open", name: "t", value: yes }),
    code: "FailedPrecondition",
    reason: "ACTION_NOT_CONDITION",
    metadata: { run_id: "open", action: "t", kind: "task" },
  },
  {
    rpc: "SignalCondition",
    given: "a value of another type",
    call: () => server.conditions.signalCondition({ runId: "open", name: "approve", value: text }),
    code: "InvalidArgument",
    reason: "SIGNAL_TYPE_MISMATCH",
    metadata: { expected: "bool", actual: "string" },
  },
  {
    rpc: "SignalCondition",
    given: "a condition that was withdrawn",
    call: () => server.conditions.signalCondition({ runId: "ended", name: "approve", value: yes }),
    code: "FailedPrecondition",
    reason: "ACTION_ENDED",
    metadata: { run_id: "ended", action: "approve", state: "CANCELLED" },
  },
  {
    rpc: "SignalCondition",
    given: "another answer than it has",
    call: () => server.conditions.signalCondition({ runId: "open", name: "asked", value: no }),
    code: "FailedPrecondition",
    reason: "ALREADY_ANSWERED",
    metadata: { run_id: "open", action: "asked" },
  },
  {
    rpc: "SignalCondition",
    given: "other content under a used request_id",
    call: () =>
      server.conditions.signalCondition({ runId: "open", name: "approve", value: yes, requestId: "used" }),
    ...reused,
  },
  {
    rpc: "WatchConditions",
    given: "a cursor that is none",
    call: () => readAll(server.conditions.watchConditions({ cursor: "nonsense" })),
    ...tokenInvalid,
  },
];

const eventRows: readonly Row[] = [
  {
    rpc: "ListEvents",
    given: "a token that is none",
    call: () => server.events.listEvents({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListEvents",
    given: "a token under another filter",
    call: async () => {
      const { nextPageToken: pageToken } = await server.events.listEvents({ filter: { namespace: "other" } });
      return server.events.listEvents({ pageToken });
    },
    ...filterChanged,
  },
  {
    rpc: "ListEvents",
    given: "a kind that does not exist, and one twice",
    call: () =>
      server.events.listEvents({
        filter: { kinds: [EventKind.RUN_ENDED, EventKind.RUN_ENDED, 16 as never] },
      }),
    ...invalid,
    fields: ["filter.kinds", "filter.kinds[2]"],
  },
  {
    rpc: "WatchEvents",
    given: "a cursor that is none",
    call: () => readAll(server.events.watchEvents({ start: { case: "cursor", value: "nonsense" } })),
    ...tokenInvalid,
  },
  {
    rpc: "WatchEvents",
    given: "a cursor that was changed",
    call: async () => {
      const { nextPageToken } = await server.events.listEvents({});
      const value = `${nextPageToken.slice(0, -1)}${nextPageToken.endsWith("A") ? "B" : "A"}`;
      await readAll(server.events.watchEvents({ start: { case: "cursor", value } }));
    },
    ...tokenInvalid,
  },
  {
    rpc: "PublishEvents",
    given: "no events",
    call: () => server.events.publishEvents({}),
    ...invalid,
    fields: ["events"],
  },
  {
    rpc: "PublishEvents",
    given: "one event of two without a source",
    call: () =>
      server.events.publishEvents({
        events: [{ published: { source: "s", type: "t" } }, { published: { type: "t" } }],
      }),
    ...invalid,
    fields: ["events[1].published.source"],
  },
  {
    rpc: "PublishEvents",
    given: "a payload with infinity",
    call: () => {
      const payload = toJson(Number.POSITIVE_INFINITY);
      return server.events.publishEvents({ events: [{ published: { source: "s", type: "t", payload } }] });
    },
    ...invalid,
    fields: ["events[0].published.payload"],
  },
  {
    rpc: "PublishEvents",
    given: "an action without a run",
    call: () =>
      server.events.publishEvents({ events: [{ action: "t", published: { source: "s", type: "t" } }] }),
    ...invalid,
  },
  {
    rpc: "PublishEvents",
    given: "an unknown run, behind an event that is well",
    call: () =>
      server.events.publishEvents({
        events: [
          { published: { source: "s", type: "t" } },
          { runId: "none", published: { source: "s", type: "t" } },
        ],
      }),
    ...noRun,
  },
  {
    rpc: "PublishEvents",
    given: "an unknown action",
    call: () =>
      server.events.publishEvents({
        events: [{ runId: "open", action: "none", published: { source: "s", type: "t" } }],
      }),
    ...noAction,
  },
  {
    rpc: "PublishEvents",
    given: "other content under a used request_id",
    call: () =>
      server.events.publishEvents({ events: [{ published: { source: "s", type: "u" } }], requestId: "used" }),
    ...reused,
  },
];

const opRows: readonly Row[] = [
  { rpc: "RegisterOp", given: "no op", call: () => server.ops.registerOp({}), ...invalid, fields: ["op"] },
  {
    rpc: "RegisterOp",
    given: "a policy out of its bounds",
    call: () =>
      server.ops.registerOp({
        op: {
          name: "x",
          retry: { maxAttempts: 101, multiplier: Number.NaN, jitter: 2 },
          timeouts: { heartbeat: {} },
        },
      }),
    ...invalid,
    fields: ["op.retry.max_attempts", "op.retry.multiplier", "op.retry.jitter", "op.timeouts.heartbeat"],
  },
  {
    rpc: "RegisterOp",
    given: "other content under a used request_id",
    call: () => server.ops.registerOp({ op: { name: "other" }, requestId: "used" }),
    ...reused,
  },
  {
    rpc: "GetOp",
    given: "an unknown op",
    call: () => server.ops.getOp({ name: "none" }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "none", version: "0" },
  },
  {
    rpc: "GetOp",
    given: "an unknown version",
    call: () => server.ops.getOp({ name: "known", version: 9 }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "known", version: "9" },
  },
  {
    rpc: "ListOps",
    given: "a token of another namespace",
    call: () => server.ops.listOps({ pageToken: token("ops", { namespace: "other" }, "a") }),
    ...filterChanged,
  },
];

const attempt = { runId: "open", action: "t", attempt: 1, epoch: 1n };
const report = (epoch: bigint, sequence: bigint) => ({
  case: "report" as const,
  value: {
    reports: [
      { attempt: { ...attempt, epoch }, sequence, content: { case: "heartbeat" as const, value: {} } },
    ],
  },
});

const workerRows: readonly Row[] = [
  {
    rpc: "Attach",
    given: "another first frame",
    call: () => firstFrame({ case: "drain", value: {} }),
    code: "InvalidArgument",
    reason: "ATTACH_EXPECTED",
    metadata: { found: "drain" },
  },
  {
    rpc: "Attach",
    given: "an attach that says nothing",
    call: () => firstFrame({ case: "attach", value: {} }),
    ...invalid,
    fields: ["attach.worker_id", "attach.incarnation", "attach.ops"],
  },
  {
    rpc: "Attach",
    given: "an attempt with an epoch that nobody gave out",
    call: () => {
      const running = [{ ...attempt, epoch: 2n ** 60n }];
      return firstFrame({
        case: "attach",
        value: { workerId: "bad", incarnation: "i", ops: ["x"], running },
      });
    },
    ...invalid,
    fields: ["attach.running[0].epoch"],
  },
  {
    rpc: "Attach",
    given: "a second attach",
    call: () => afterFrames({ case: "attach", value: { workerId: "bad", incarnation: "i1", ops: ["x"] } }),
    code: "InvalidArgument",
    reason: "ATTACH_EXPECTED",
    metadata: { found: "a second attach" },
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "no credit",
    call: () => afterFrames({ case: "credit", value: { amount: 0 } }),
    ...invalid,
    fields: ["credit.amount"],
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "a report with numbers that nobody gave out",
    call: () => afterFrames(report(2n ** 63n, 2n ** 63n)),
    ...invalid,
    fields: ["report.reports[0].attempt.epoch", "report.reports[0].sequence"],
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "a report without a number",
    call: () => afterFrames(report(0n, 0n)),
    ...invalid,
    fields: ["report.reports[0].attempt.epoch", "report.reports[0].sequence"],
    attaches: true,
  },
  {
    rpc: "Attach",
    given: "children without names",
    call: () =>
      afterFrames({ case: "addActions", value: { attempt, callId: 1n, actions: [{ kind: task }] } }),
    ...invalid,
    fields: ["add_actions.actions[0].name"],
    attaches: true,
  },
  {
    rpc: "ListWorkers",
    given: "a token that is none",
    call: () => server.workers.listWorkers({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListWorkers",
    given: "a token of another namespace",
    call: () => server.workers.listWorkers({ pageToken: token("workers", {}, "a/b") }),
    ...filterChanged,
  },
  {
    rpc: "GetWorker",
    given: "an unknown worker",
    call: () => server.workers.getWorker({ workerId: "none" }),
    ...noWorker,
  },
  {
    rpc: "DrainWorker",
    given: "an unknown worker",
    call: () => server.workers.drainWorker({ workerId: "none" }),
    ...noWorker,
  },
  {
    rpc: "DrainWorker",
    given: "other content under a used request_id",
    call: () => server.workers.drainWorker({ workerId: "other", requestId: "used" }),
    ...reused,
  },
];

const rows = [...runRows, ...actionRows, ...conditionRows, ...eventRows, ...opRows, ...workerRows];

describe("bad input", () => {
  test.each(rows)("to $rpc, $given: $reason", async ({ call, code, reason, metadata, fields, attaches }) => {
    const seen: SeenRefusal = await refusalIn(call());
    expect({ code: seen.code, reason: seen.reason }).toEqual({ code, reason });
    if (metadata !== undefined) expect(seen.metadata).toEqual(metadata);
    if (fields !== undefined) expect([...new Set(seen.fields)].toSorted()).toEqual(fields.toSorted());
    if (reason === "INVALID_REQUEST")
      expect(seen.metadata["violation_count"]).toBe(String(seen.fields.length));
    if (attaches === undefined) expect(await server.store.head()).toBe(headBefore);
  });

  test("is tried on every method", () => {
    const methods = services.flatMap((service) => service.methods.map(({ name }) => name));
    expect([...new Set(rows.map(({ rpc }) => rpc))].toSorted()).toEqual(methods.toSorted());
  });

  test("meets every reason that a call can be refused with", () => {
    // Declared for streams and servers in other states; shown in the tests of those.
    const elsewhere = [
      "CURSOR_EXPIRED",
      "STALE_EPOCH",
      "SESSION_GONE",
      "ACTION_EXISTS",
      "STOPPING",
      "TOO_SLOW",
    ];
    const reasons = Object.keys(Reason).filter(
      (name) => !["UNSPECIFIED", "STORE_UNAVAILABLE"].includes(name),
    );
    const met = new Set(rows.map(({ reason }) => reason));
    expect(reasons.filter((reason) => !met.has(reason)).toSorted()).toEqual(elsewhere.toSorted());
  });
});

describe("bytes that are no message", () => {
  const garbage = Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
  const methods = services.flatMap((service) =>
    service.methods.map((method) => ({ service, method, path: `/${service.typeName}/${method.name}` })),
  );

  test.each(methods)(
    "sent to $path end that call alone, as the client's mistake",
    async ({ service, method, path }) => {
      const client = grpcJsClient(service, server.carrier.address.url.replace("http://", ""));
      const asSent = (bytes: Buffer) => bytes;
      const ended = new Promise<{ code?: number }>((resolve) => {
        if (method.methodKind === "unary") {
          client.makeUnaryRequest(path, asSent, asSent, garbage, (error) => resolve(error ?? {}));
          return;
        }
        const call =
          method.methodKind === "server_streaming"
            ? client.makeServerStreamRequest(path, asSent, asSent, garbage)
            : client.makeBidiStreamRequest(path, asSent, asSent);
        if (call instanceof ClientDuplexStreamImpl) call.write(garbage);
        call.on("data", () => {});
        call.on("error", resolve);
        call.on("end", () => resolve({}));
      });
      // INVALID_ARGUMENT
      expect((await ended).code).toBe(3);
      client.close();
      expect(await server.store.head()).toBe(headBefore);
    },
  );

  test.each([
    { name: "a field that does not exist", body: { runId: "open", nonsense: true } },
    { name: "a number for a text", body: { runId: 5 } },
    { name: "a list for a message", body: [] },
  ])("but JSON with $name end the call with 400", async ({ body }) => {
    const response = await fetch(`${server.url}/signalbox.v1.RunService/GetRun`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_argument" });
  });
});
