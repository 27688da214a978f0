import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Dependency_Requirement } from "../../../gen/signalbox/v1/action_pb.ts";
import { CreateRunRequestSchema } from "../../../gen/signalbox/v1/run_service_pb.ts";
import { type Value, ValueType } from "../../../gen/signalbox/v1/value_pb.ts";
import { toJson, toValue } from "../../../src/api/mapping/to-proto-value.ts";
import type { Json } from "../../../src/core/value.ts";
import type { TestServer } from "../../support/test-server.ts";
import {
  condition,
  filterChanged,
  inputsInvalid,
  invalid,
  noRun,
  plan,
  type Row,
  readAll,
  reused,
  task,
  text,
  token,
  tokenInvalid,
  yes,
} from "./row.ts";

const long = "x".repeat(5_000);
const nested = (depth: number): Json => (depth === 0 ? 1 : [nested(depth - 1)]);

/** Creates a run and expects that it cannot be. */
function createRun(
  server: TestServer,
  run: NonNullable<MessageInitShape<typeof CreateRunRequestSchema>["run"]>,
  requestId = "",
) {
  return server.runs.createRun({ run, requestId });
}

/** Creates a run of one task with an input that is wrong. */
function withInput(server: TestServer, value: Value, op = "x") {
  const inputs = { x: { source: { case: "value" as const, value } } };
  return createRun(server, { work: { case: "task", value: { op, inputs } } });
}

/** What runs are asked for that they cannot give. */
export const runRows: readonly Row[] = [
  {
    rpc: "CreateRun",
    given: "no run",
    call: (server) => server.runs.createRun({}),
    ...invalid,
    fields: ["run"],
  },
  {
    rpc: "CreateRun",
    given: "no work",
    call: (server) => createRun(server, {}),
    ...invalid,
    fields: ["run.work"],
  },
  {
    rpc: "CreateRun",
    given: "several bad fields",
    call: (server) =>
      createRun(server, {
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
    call: (server) => createRun(server, { work: plan({ name: long, kind: task }) }),
    ...invalid,
    fields: ["run.plan.actions[0].name"],
  },
  {
    rpc: "CreateRun",
    given: "a cyclic plan",
    call: (server) =>
      createRun(server, {
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
    call: (server) =>
      createRun(server, { work: plan({ name: "a", kind: task, dependencies: [{ action: "a" }] }) }),
    ...invalid,
    fields: ["run.plan.actions"],
  },
  {
    rpc: "CreateRun",
    given: "unknown dependencies, in both their forms",
    call: (server) => {
      const inputs = { x: { source: { case: "reference" as const, value: { from: "nobody" } } } };
      return createRun(server, {
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
    call: (server) =>
      createRun(server, { work: plan({ name: "a", kind: task }, { name: "a", kind: condition }) }),
    ...invalid,
    fields: ["run.plan.actions[1].name"],
  },
  {
    rpc: "CreateRun",
    given: "a value asked of an action however it ends",
    call: (server) => {
      const requirement = Dependency_Requirement.ENDED;
      const dependencies = [{ action: "a", requirement, equals: yes }];
      return createRun(server, {
        work: plan({ name: "a", kind: condition }, { name: "b", kind: task, dependencies }),
      });
    },
    ...invalid,
    fields: ["run.plan.actions[1].dependencies[0].equals"],
  },
  {
    rpc: "CreateRun",
    given: "a default of another type than the condition's",
    call: (server) => {
      const value = { type: ValueType.BOOL, timeout: { seconds: 1n }, defaultValue: text };
      return createRun(server, { work: plan({ name: "a", kind: { case: "condition", value } }) });
    },
    ...invalid,
    fields: ["run.plan.actions[0].condition.default_value"],
  },
  {
    rpc: "CreateRun",
    given: "a condition without a type",
    call: (server) =>
      createRun(server, { work: plan({ name: "a", kind: { case: "condition", value: {} } }) }),
    ...invalid,
    fields: ["run.plan.actions[0].condition.type"],
  },
  {
    rpc: "CreateRun",
    given: "a trace in a plan",
    call: (server) => createRun(server, { work: plan({ name: "a", kind: { case: "trace", value: {} } }) }),
    ...invalid,
    fields: ["run.plan.actions[0].trace"],
  },
  {
    rpc: "CreateRun",
    given: "an input that refers to another action, in a run of one task",
    call: (server) => {
      const inputs = { x: { source: { case: "reference" as const, value: { from: "main" } } } };
      return createRun(server, { work: { case: "task", value: { op: "x", inputs } } });
    },
    ...invalid,
    fields: ['run.task.inputs["x"].reference'],
  },
  {
    rpc: "CreateRun",
    given: "JSON that is too deep",
    call: (server) => withInput(server, toValue({ kind: "json", value: nested(31) })),
    ...invalid,
    fields: ['run.task.inputs["x"].value.json_value'],
  },
  {
    rpc: "CreateRun",
    given: "JSON with NaN",
    call: (server) => {
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
    call: (server) => withInput(server, toValue({ kind: "string", value: "x".repeat(1024 * 1024 + 1) })),
    ...invalid,
    fields: ['run.task.inputs["x"].value.string_value'],
  },
  {
    rpc: "CreateRun",
    given: "a version of an op that is not registered",
    call: (server) => createRun(server, { work: { case: "task", value: { op: "known", opVersion: 2 } } }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "known", version: "2" },
  },
  {
    rpc: "CreateRun",
    given: "an id that is taken",
    call: (server) => createRun(server, { runId: "open", work: { case: "task", value: { op: "x" } } }),
    code: "AlreadyExists",
    reason: "RUN_EXISTS",
    metadata: { run_id: "open" },
  },
  {
    rpc: "CreateRun",
    given: "other content under a used request_id",
    call: (server) => createRun(server, { work: { case: "task", value: { op: "x" } } }, "used"),
    ...reused,
  },
  {
    rpc: "CreateRun",
    given: "a request_id with a space",
    call: (server) => createRun(server, { work: { case: "task", value: { op: "x" } } }, "a b"),
    ...invalid,
    fields: ["request_id"],
  },
  {
    rpc: "BatchCreateRuns",
    given: "no requests",
    call: (server) => server.runs.batchCreateRuns({}),
    ...invalid,
    fields: ["requests"],
  },
  {
    rpc: "GetRun",
    given: "an unknown run",
    call: (server) => server.runs.getRun({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "GetRun",
    given: "no run",
    call: (server) => server.runs.getRun({}),
    ...invalid,
    fields: ["run_id"],
  },
  {
    rpc: "GetRun",
    given: "all namespaces",
    call: (server) => server.runs.getRun({ namespace: "-", runId: "open" }),
    ...invalid,
    fields: ["namespace"],
  },
  {
    rpc: "ListRuns",
    given: "a token that is none",
    call: (server) => server.runs.listRuns({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListRuns",
    given: "a token of another method",
    call: (server) =>
      server.runs.listRuns({ pageToken: token(server, "ops", { namespace: "default" }, "a") }),
    ...tokenInvalid,
  },
  {
    rpc: "ListRuns",
    given: "a token under another filter",
    call: (server) => server.runs.listRuns({ pageToken: token(server, "runs", {}, {}) }),
    ...filterChanged,
  },
  {
    rpc: "ListRuns",
    given: "a page that is too large",
    call: (server) => server.runs.listRuns({ pageSize: 1_001 }),
    ...invalid,
    fields: ["page_size"],
  },
  {
    rpc: "ListRuns",
    given: "a state that does not exist",
    call: (server) => server.runs.listRuns({ filter: { states: [99 as never] } }),
    ...invalid,
    fields: ["filter.states[0]"],
  },
  {
    rpc: "WatchRun",
    given: "an unknown run",
    call: (server) => readAll(server.runs.watchRun({ runId: "none" })),
    ...noRun,
  },
  {
    rpc: "WatchRun",
    given: "a cursor that is none",
    call: (server) => readAll(server.runs.watchRun({ runId: "open", cursor: "nonsense" })),
    ...tokenInvalid,
  },
  {
    rpc: "WatchRun",
    given: "a cursor of the feed",
    call: async (server) => {
      const { nextPageToken } = await server.events.listEvents({});
      await readAll(server.runs.watchRun({ runId: "open", cursor: nextPageToken }));
    },
    ...tokenInvalid,
  },
  {
    rpc: "CreateRun",
    given: "inputs that do not fit the op of its task",
    call: (server) => withInput(server, text, "typed"),
    ...inputsInvalid,
    fields: ['run.task.inputs["x"]', 'run.task.inputs["n"]'],
  },
  {
    rpc: "RetryRun",
    given: "all without force",
    call: (server) => server.runs.retryRun({ runId: "ended", all: true }),
    ...invalid,
    fields: ["all"],
  },
  {
    rpc: "ListRuns",
    given: "a run to start after that is not there, beside a page token",
    call: (server) => {
      return server.runs.listRuns({ startingAfter: "a", endingBefore: "b", pageToken: "c" });
    },
    ...invalid,
    fields: ["starting_after", "ending_before"],
  },
  {
    rpc: "ListRuns",
    given: "a run to end before that is not there",
    call: (server) => server.runs.listRuns({ endingBefore: "none" }),
    ...invalid,
    fields: ["ending_before"],
  },
  {
    rpc: "ListRuns",
    given: "a run to start after in all namespaces",
    call: (server) => server.runs.listRuns({ filter: { namespace: "-" }, startingAfter: "open" }),
    ...invalid,
    fields: ["filter.namespace"],
  },
  {
    rpc: "CancelRun",
    given: "an unknown run",
    call: (server) => server.runs.cancelRun({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "CancelRun",
    given: "an ended run",
    call: (server) => server.runs.cancelRun({ runId: "ended" }),
    code: "FailedPrecondition",
    reason: "RUN_ENDED",
    metadata: { run_id: "ended", state: "CANCELLED" },
  },
  {
    rpc: "CancelRun",
    given: "other content under a used request_id",
    call: (server) => server.runs.cancelRun({ runId: "open", requestId: "used" }),
    ...reused,
  },
  {
    rpc: "RetryRun",
    given: "an unknown run",
    call: (server) => server.runs.retryRun({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "RetryRun",
    given: "a run that has not ended",
    call: (server) => server.runs.retryRun({ runId: "open" }),
    code: "FailedPrecondition",
    reason: "RUN_NOT_ENDED",
    metadata: { run_id: "open", state: "RUNNING" },
  },
  {
    rpc: "RetryRun",
    given: "a run that succeeded, without force",
    call: (server) => server.runs.retryRun({ runId: "good" }),
    code: "FailedPrecondition",
    reason: "RUN_SUCCEEDED",
    metadata: { run_id: "good" },
  },
  {
    rpc: "RetryRun",
    given: "other content under a used request_id",
    call: (server) => server.runs.retryRun({ runId: "ended", requestId: "used" }),
    ...reused,
  },
  {
    rpc: "CreateRun",
    given: "a condition with a webhook that leads inside",
    call: (server) =>
      server.runs.createRun({
        run: {
          work: plan({
            name: "approve",
            kind: {
              case: "condition",
              value: { type: ValueType.BOOL, webhook: { url: "http://169.254.169.254/" } },
            },
          }),
        },
      }),
    code: "InvalidArgument",
    reason: "ADDRESS_FORBIDDEN",
    metadata: { address: "169.254.169.254" },
  },
  {
    rpc: "RerunRun",
    given: "an unknown run",
    call: (server) => server.runs.rerunRun({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "RerunRun",
    given: "one that has not ended",
    call: (server) => server.runs.rerunRun({ runId: "open" }),
    code: "FailedPrecondition",
    reason: "RUN_NOT_ENDED",
    metadata: { run_id: "open", state: "RUNNING" },
  },
  {
    rpc: "RerunRun",
    given: "an action that is not there, to be done again",
    call: (server) => server.runs.rerunRun({ runId: "ended", again: ["none"] }),
    code: "NotFound",
    reason: "ACTION_NOT_FOUND",
    metadata: { run_id: "ended", action: "none" },
  },
  {
    rpc: "UpdateRun",
    given: "an unknown run",
    call: (server) => server.runs.updateRun({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "UpdateRun",
    given: "more labels than a run may have",
    call: (server) => server.runs.updateRun({ runId: "again", setLabels: { more: "" } }),
    code: "ResourceExhausted",
    reason: "LIMIT_REACHED",
    metadata: { limit: "labelsMax", maximum: "64" },
  },
  {
    rpc: "UpdateRun",
    given: "a priority out of its bounds",
    call: (server) => server.runs.updateRun({ runId: "open", priority: -1_001 }),
    ...invalid,
    fields: ["priority"],
  },
  {
    rpc: "UpdateRun",
    given: "other content under a used request_id",
    call: (server) => server.runs.updateRun({ runId: "open", priority: 2, requestId: "used" }),
    ...reused,
  },
];
