import { Action_State } from "../../../gen/signalbox/v1/action_pb.ts";
import { toValue } from "../../../src/api/mapping/to-proto-value.ts";
import { invalid, noAction, noRun, type Row, yes } from "./row.ts";

const large = toValue({ kind: "string", value: "x".repeat(600_000) });

/** What attempts are asked for that they cannot give. */
export const attemptRows: readonly Row[] = [
  {
    rpc: "ListTimeline",
    given: "an unknown run",
    call: (server) => server.runs.listTimeline({ runId: "none", name: "t" }),
    ...noRun,
  },
  {
    rpc: "ListTimeline",
    given: "an unknown action",
    call: (server) => server.runs.listTimeline({ runId: "open", name: "none" }),
    ...noAction,
  },
  {
    rpc: "ListTimeline",
    given: "an action without an attempt yet",
    call: (server) => server.runs.listTimeline({ runId: "open", name: "t" }),
    code: "NotFound",
    reason: "ATTEMPT_NOT_FOUND",
    metadata: { run_id: "open", action: "t", attempt: "0" },
  },
  {
    rpc: "ListTimeline",
    given: "a condition, which has no attempts",
    call: (server) => server.runs.listTimeline({ runId: "open", name: "approve", attempt: 1 }),
    code: "NotFound",
    reason: "ATTEMPT_NOT_FOUND",
    metadata: { run_id: "open", action: "approve", attempt: "1" },
  },
  {
    rpc: "EndAction",
    given: "an unknown run",
    call: (server) => server.runs.endAction({ runId: "none", name: "t", state: Action_State.CANCELLED }),
    ...noRun,
  },
  {
    rpc: "EndAction",
    given: "an unknown action",
    call: (server) => server.runs.endAction({ runId: "open", name: "none", state: Action_State.CANCELLED }),
    ...noAction,
  },
  {
    rpc: "EndAction",
    given: "an action that has ended",
    call: (server) => server.runs.endAction({ runId: "ended", name: "t", state: Action_State.SUCCEEDED }),
    code: "FailedPrecondition",
    reason: "ACTION_ENDED",
    metadata: { run_id: "ended", action: "t", state: "CANCELLED" },
  },
  {
    rpc: "EndAction",
    given: "a state that is no end",
    call: (server) => server.runs.endAction({ runId: "open", name: "t", state: Action_State.RUNNING }),
    ...invalid,
    fields: ["state"],
  },
  {
    rpc: "EndAction",
    given: "a failure without an error, and with outputs",
    call: (server) => {
      const outputs = { n: yes };
      return server.runs.endAction({ runId: "open", name: "t", state: Action_State.FAILED, outputs });
    },
    ...invalid,
    fields: ["outputs", "error"],
  },
  {
    rpc: "EndAction",
    given: "an answer for a condition",
    call: (server) => {
      const outputs = { value: yes };
      return server.runs.endAction({
        runId: "open",
        name: "approve",
        state: Action_State.SUCCEEDED,
        outputs,
      });
    },
    ...invalid,
    fields: ["state"],
  },
  {
    rpc: "EndAction",
    given: "outputs that are too large",
    call: (server) => {
      const outputs = { a: large, b: large };
      return server.runs.endAction({ runId: "open", name: "t", state: Action_State.SUCCEEDED, outputs });
    },
    code: "ResourceExhausted",
    reason: "LIMIT_REACHED",
    metadata: { limit: "outputSizeBytesMax", maximum: "1048576" },
  },
];
