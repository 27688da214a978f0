import { filterChanged, invalid, type Row, reused, token } from "./row.ts";

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
];
