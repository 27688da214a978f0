import { filterChanged, invalid, noAction, noRun, type Row, token } from "./row.ts";

/** What is asked about actions that are not there. */
export const actionRows: readonly Row[] = [
  {
    rpc: "ListActions",
    given: "an unknown run",
    call: (server) => server.runs.listActions({ runId: "none" }),
    ...noRun,
  },
  {
    rpc: "ListActions",
    given: "a token of another run",
    call: (server) => {
      const pageToken = token(server, "actions", { run: "default/ended", states: [] }, "a");
      return server.runs.listActions({ runId: "open", pageToken });
    },
    ...filterChanged,
  },
  {
    rpc: "GetAction",
    given: "an unknown run",
    call: (server) => server.runs.getAction({ runId: "none", name: "t" }),
    ...noRun,
  },
  {
    rpc: "GetAction",
    given: "an unknown action",
    call: (server) => server.runs.getAction({ runId: "open", name: "none" }),
    ...noAction,
  },
  {
    rpc: "GetAction",
    given: "a name that is no path",
    call: (server) => server.runs.getAction({ runId: "open", name: "a//b" }),
    ...invalid,
    fields: ["name"],
  },
  {
    rpc: "ListAttempts",
    given: "an unknown run",
    call: (server) => server.runs.listAttempts({ runId: "none", name: "t" }),
    ...noRun,
  },
  {
    rpc: "ListAttempts",
    given: "an unknown action",
    call: (server) => server.runs.listAttempts({ runId: "open", name: "none" }),
    ...noAction,
  },
  {
    rpc: "ExplainAction",
    given: "an unknown run",
    call: (server) => server.runs.explainAction({ runId: "none", name: "t" }),
    ...noRun,
  },
  {
    rpc: "ExplainAction",
    given: "an unknown action",
    call: (server) => server.runs.explainAction({ runId: "open", name: "none" }),
    ...noAction,
  },
];
