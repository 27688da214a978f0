import { SpecType } from "../../../gen/signalbox/v1/op_pb.ts";
import { toValue } from "../../../src/api/mapping/to-proto-value.ts";
import { filterChanged, inputsInvalid, invalid, type Row, reused, text, token, yes } from "./row.ts";

const nothing = toValue({ kind: "null" });
const short = { minLength: 9 };

/** Everything that a registered op must not say of its inputs and outputs. */
const badSpecs = {
  inputs: {
    fine: { type: SpecType.STRING, defaultValue: text },
    "bad default": { type: SpecType.INT, defaultValue: text },
    "bad null": { type: SpecType.ANY, defaultValue: nothing },
    "bad schema": { type: SpecType.STRING, schema: { minLength: "3" } },
    "bad value": { type: SpecType.STRING, schema: short, defaultValue: text },
    reference: { type: SpecType.STRING, schema: { $ref: "https://example.com/schema" } },
  },
  outputs: { out: { type: SpecType.ANY, schema: { type: "number or text" } } },
};

/** What the registry of ops is asked for that it cannot give. */
export const opRows: readonly Row[] = [
  {
    rpc: "RegisterOp",
    given: "no op",
    call: (server) => server.ops.registerOp({}),
    ...invalid,
    fields: ["op"],
  },
  {
    rpc: "RegisterOp",
    given: "a policy out of its bounds",
    call: (server) =>
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
    call: (server) => server.ops.registerOp({ op: { name: "other" }, requestId: "used" }),
    ...reused,
  },
  {
    rpc: "GetOp",
    given: "an unknown op",
    call: (server) => server.ops.getOp({ name: "none" }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "none", version: "0" },
  },
  {
    rpc: "GetOp",
    given: "an unknown version",
    call: (server) => server.ops.getOp({ name: "known", version: 9 }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "known", version: "9" },
  },
  {
    rpc: "ListOps",
    given: "a token of another namespace",
    call: (server) => server.ops.listOps({ pageToken: token(server, "ops", { namespace: "other" }, "a") }),
    ...filterChanged,
  },
  {
    rpc: "RegisterOp",
    given: "specs that contradict themselves",
    call: (server) => server.ops.registerOp({ op: { name: "x", ...badSpecs } }),
    ...invalid,
    fields: [
      'op.inputs["bad default"].default_value',
      'op.inputs["bad null"].default_value',
      'op.inputs["bad schema"].schema/minLength',
      'op.inputs["bad value"].default_value',
      'op.inputs["reference"].schema/$ref',
      'op.outputs["out"].schema/type',
    ],
  },
  {
    rpc: "RegisterOp",
    given: "a type that is not said, and devices that contradict each other",
    call: (server) => {
      const resources = { deviceIndex: 1, deviceCount: 2 };
      return server.ops.registerOp({ op: { name: "x", resources, inputs: { n: {} } } });
    },
    ...invalid,
    fields: ['op.inputs["n"].type'],
  },
  {
    rpc: "GetOp",
    given: "a version by number and by name",
    call: (server) => server.ops.getOp({ name: "known", version: 1, versionName: "1.0.0" }),
    ...invalid,
    fields: ["version_name"],
  },
  {
    rpc: "GetOp",
    given: "an unknown version by name",
    call: (server) => server.ops.getOp({ name: "known", versionName: "9.0.0" }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "known", version: "9.0.0" },
  },
  {
    rpc: "UpdateOp",
    given: "an unknown op",
    call: (server) => server.ops.updateOp({ op: { name: "none", image: "a" } }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "none", version: "0" },
  },
  {
    rpc: "UpdateOp",
    given: "fields that cannot be changed",
    call: (server) => {
      return server.ops.updateOp({ op: { name: "known" }, updateMask: { paths: ["name", "image", "x"] } });
    },
    ...invalid,
    fields: ["update_mask.paths[0]", "update_mask.paths[2]"],
  },
  {
    rpc: "UpdateOp",
    given: "specs that contradict themselves",
    call: (server) => {
      const inputs = { n: { type: SpecType.INT, defaultValue: text } };
      return server.ops.updateOp({ op: { name: "known", inputs } });
    },
    ...invalid,
    fields: ['op.inputs["n"].default_value'],
  },
  {
    rpc: "DeleteOp",
    given: "an op with tasks that have not ended",
    call: (server) => server.ops.deleteOp({ name: "live" }),
    code: "FailedPrecondition",
    reason: "OP_IN_USE",
    metadata: { op: "live", version: "0", run_id: "using", action: "main" },
  },
  {
    rpc: "DeleteOp",
    given: "an unknown version",
    call: (server) => server.ops.deleteOp({ name: "known", version: 7 }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "known", version: "7" },
  },
  {
    rpc: "ValidateInputs",
    given: "inputs that do not fit",
    call: (server) => server.ops.validateInputs({ name: "typed", inputs: { x: yes, n: text } }),
    ...inputsInvalid,
    fields: ['inputs["x"]', 'inputs["n"]'],
  },
  {
    rpc: "ValidateInputs",
    given: "an unknown op",
    call: (server) => server.ops.validateInputs({ name: "none" }),
    code: "NotFound",
    reason: "OP_NOT_FOUND",
    metadata: { op: "none", version: "0" },
  },
  {
    rpc: "PrepareInputs",
    given: "inputs that do not fit",
    call: (server) => server.ops.prepareInputs({ name: "typed", inputs: {} }),
    ...inputsInvalid,
    fields: ['inputs["n"]'],
  },
  {
    rpc: "PrepareInputs",
    given: "a value without a kind",
    call: (server) => server.ops.prepareInputs({ name: "typed", inputs: { n: {} } }),
    ...invalid,
    fields: ['inputs["n"].kind'],
  },
];
