import { filterChanged, invalid, type Row, reused, token, tokenInvalid } from "./row.ts";

const op = { case: "op", value: "count" } as const;
const noLimit = { code: "NotFound", reason: "LIMIT_NOT_FOUND", metadata: { limit: "none" } } as const;

/** What limits are asked to be that they cannot. */
export const limitRows: readonly Row[] = [
  {
    rpc: "SetLimit",
    given: "no limit",
    call: (server) => server.limits.setLimit({}),
    ...invalid,
    fields: ["limit"],
  },
  {
    rpc: "SetLimit",
    given: "a limit without name and scope, out of its bounds",
    call: (server) =>
      server.limits.setLimit({
        limit: { concurrentMax: -1, shareWeight: 1_001, rate: { count: 0, period: { seconds: 2_678_401n } } },
      }),
    ...invalid,
    fields: [
      "limit.name",
      "limit.scope",
      "limit.concurrent_max",
      "limit.share_weight",
      "limit.rate.count",
      "limit.rate.period",
    ],
  },
  {
    rpc: "SetLimit",
    given: "a rate without a period",
    call: (server) => server.limits.setLimit({ limit: { name: "x", scope: op, rate: { count: 1 } } }),
    ...invalid,
    fields: ["limit.rate.period"],
  },
  {
    rpc: "SetLimit",
    given: "a share of anything but a namespace",
    call: (server) => server.limits.setLimit({ limit: { name: "x", scope: op, shareWeight: 2 } }),
    ...invalid,
    fields: ["limit.share_weight"],
  },
  {
    rpc: "SetLimit",
    given: "other content under a used request_id",
    call: (server) => server.limits.setLimit({ limit: { name: "other", scope: op }, requestId: "used" }),
    ...reused,
  },
  {
    rpc: "GetLimit",
    given: "an unknown limit",
    call: (server) => server.limits.getLimit({ name: "none" }),
    ...noLimit,
  },
  {
    rpc: "ListLimits",
    given: "a token that is none",
    call: (server) => server.limits.listLimits({ pageToken: "nonsense" }),
    ...tokenInvalid,
  },
  {
    rpc: "ListLimits",
    given: "a token of another namespace",
    call: (server) =>
      server.limits.listLimits({ pageToken: token(server, "limits", { namespace: "other" }, "a") }),
    ...filterChanged,
  },
  {
    rpc: "DeleteLimit",
    given: "an unknown limit",
    call: (server) => server.limits.deleteLimit({ name: "none" }),
    ...noLimit,
  },
  {
    rpc: "DeleteLimit",
    given: "other content under a used request_id",
    call: (server) => server.limits.deleteLimit({ name: "known", requestId: "used" }),
    ...reused,
  },
];
