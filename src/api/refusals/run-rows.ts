import { Code } from "@connectrpc/connect";
import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import { describeViolations, type RowsOf } from "./row.ts";

type Reasons =
  | "INVALID_REQUEST"
  | "RUN_NOT_FOUND"
  | "RUN_EXISTS"
  | "RUN_ENDED"
  | "RUN_NOT_ENDED"
  | "RUN_SUCCEEDED"
  | "ATTEMPTS_EXHAUSTED"
  | "ATTEMPT_NOT_FOUND"
  | "ACTION_NOT_FOUND"
  | "ACTION_ENDED"
  | "ACTION_EXISTS";

/** Refusals about runs, their actions and attempts. */
export const runRows = {
  INVALID_REQUEST: {
    number: Reason.INVALID_REQUEST,
    code: Code.InvalidArgument,
    message: ({ violations }) => describeViolations(violations),
    metadata: ({ violations }) => ({ violation_count: violations.length }),
    happened:
      "The request breaks a bound or contradicts itself. `BadRequest` names each field that is wrong.",
    remedy: "Correct all of the fields named. The same request is refused again.",
  },
  RUN_NOT_FOUND: {
    number: Reason.RUN_NOT_FOUND,
    code: Code.NotFound,
    message: ({ namespace, runId }) =>
      `run ${runId} is not in namespace ${namespace}; see ListRuns for those that are`,
    metadata: ({ namespace, runId }) => ({ namespace, run_id: runId }),
    happened: "There is no run with this id in the namespace.",
    remedy: "Check the id and the namespace; `ListRuns` shows what there is.",
  },
  RUN_EXISTS: {
    number: Reason.RUN_EXISTS,
    code: Code.AlreadyExists,
    message: ({ runId }) => `run ${runId} exists already; choose another run_id, or read it with GetRun`,
    metadata: ({ runId }) => ({ run_id: runId }),
    happened: "The `run_id` that the caller chose is taken by another run.",
    remedy: "Choose another id. To make a repeat safe, send a `request_id` with it.",
  },
  RUN_ENDED: {
    number: Reason.RUN_ENDED,
    code: Code.FailedPrecondition,
    message: ({ runId, state }) => `run ${runId} has ended (${state}); open it again with RetryRun`,
    metadata: ({ runId, state }) => ({ run_id: runId, state }),
    happened: "The run has ended, and what was asked can only be done to one that has not.",
    remedy: "Nothing, if the end is what was wanted; `RetryRun` opens the run again.",
  },
  RUN_NOT_ENDED: {
    number: Reason.RUN_NOT_ENDED,
    code: Code.FailedPrecondition,
    message: ({ runId, state }) => `run ${runId} has not ended (${state}); wait for its end, or cancel it`,
    metadata: ({ runId, state }) => ({ run_id: runId, state }),
    happened: "Only a run that has ended can be opened again.",
    remedy: "Wait for its end with `WatchRun`, or cancel it first.",
  },
  RUN_SUCCEEDED: {
    number: Reason.RUN_SUCCEEDED,
    code: Code.FailedPrecondition,
    message: ({ runId }) => `run ${runId} succeeded; say force to do all of it again`,
    metadata: ({ runId }) => ({ run_id: runId }),
    happened: "The run succeeded, so nothing in it needs another try.",
    remedy: "Say `force` to do all of it again from the beginning.",
  },
  ATTEMPTS_EXHAUSTED: {
    number: Reason.ATTEMPTS_EXHAUSTED,
    code: Code.FailedPrecondition,
    message: ({ runId, action, attempts, maxAttempts }) =>
      `action ${action} of run ${runId} has had ${attempts} of ${maxAttempts} attempts; say force to go beyond`,
    metadata: ({ runId, action, attempts, maxAttempts }) => ({
      run_id: runId,
      action,
      attempts,
      max_attempts: maxAttempts,
    }),
    happened:
      "The run was to be opened again, and an action that would be has no attempt left by its policy.",
    remedy: "Say `force` to go beyond the policy: the action counts its attempts anew from there.",
  },
  ATTEMPT_NOT_FOUND: {
    number: Reason.ATTEMPT_NOT_FOUND,
    code: Code.NotFound,
    message: ({ runId, action, attempt }) =>
      `action ${action} of run ${runId} has no attempt ${attempt}; see ListAttempts for those it has`,
    metadata: ({ runId, action, attempt }) => ({ run_id: runId, action, attempt }),
    happened: "The action has no attempt of this number, or none at all yet.",
    remedy: "Check the number with `ListAttempts`; 0 means the current or last one.",
  },
  ACTION_NOT_FOUND: {
    number: Reason.ACTION_NOT_FOUND,
    code: Code.NotFound,
    message: ({ runId, action }) =>
      `action ${action} is not in run ${runId}; see ListActions for those that are`,
    metadata: ({ runId, action }) => ({ run_id: runId, action }),
    happened: "There is no such action in the run and, for a signal, none that a running task may still add.",
    remedy: "Check the whole name, such as `build/test`; `ListActions` shows what there is.",
  },
  ACTION_ENDED: {
    number: Reason.ACTION_ENDED,
    code: Code.FailedPrecondition,
    message: ({ runId, action, state }) =>
      `action ${action} of run ${runId} has ended (${state}); read it with GetAction`,
    metadata: ({ runId, action, state }) => ({ run_id: runId, action, state }),
    happened: "The action has ended without what was asked for.",
    remedy: "Read it with `GetAction`; `RetryRun` opens it again together with its run.",
  },
  ACTION_EXISTS: {
    number: Reason.ACTION_EXISTS,
    code: Code.AlreadyExists,
    message: ({ runId, action }) =>
      `action ${action} of run ${runId} exists with another kind or content; choose another name`,
    metadata: ({ runId, action }) => ({ run_id: runId, action }),
    happened: "A child of this name exists, and it is of another kind or does something else.",
    remedy: "Give each child a name of its own that stays the same over retries of its parent.",
  },
} as const satisfies RowsOf<Reasons>;
