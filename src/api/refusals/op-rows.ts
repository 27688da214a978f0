import { Code } from "@connectrpc/connect";
import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import { describeViolations, type RowsOf } from "./row.ts";

type Reasons =
  | "OP_NOT_FOUND"
  | "OP_IN_USE"
  | "INPUTS_INVALID"
  | "STALE_EPOCH"
  | "SESSION_GONE"
  | "WORKER_NOT_FOUND"
  | "LIMIT_NOT_FOUND"
  | "SUBSCRIPTION_NOT_FOUND"
  | "SUBSCRIPTION_EXISTS"
  | "SUBSCRIPTION_NOT_PULLED"
  | "ADDRESS_FORBIDDEN"
  | "NATS_NOT_CONFIGURED";

/** Refusals about ops, workers, limits and subscriptions. */
export const opRows = {
  OP_NOT_FOUND: {
    number: Reason.OP_NOT_FOUND,
    code: Code.NotFound,
    message: ({ op, version, versionName }) => {
      const isAny = version === 0 && versionName === undefined;
      const fault = isAny ? "is not registered" : `has no version ${versionName ?? version}`;
      return `op ${op} ${fault}; register it with RegisterOp`;
    },
    metadata: ({ op, version, versionName }) => ({ op, version: versionName ?? version }),
    happened: "There is no such op in the namespace, or not in this version.",
    remedy: "Check name and version with `ListOps`; a task that says version 0 needs no registered op.",
  },
  OP_IN_USE: {
    number: Reason.OP_IN_USE,
    code: Code.FailedPrecondition,
    message: ({ op, version, runId, action }) =>
      `op ${op}${version === 0 ? "" : ` in version ${version}`} has tasks that have not ended, such as ` +
      `${action} of run ${runId}; wait for them, or say force`,
    metadata: ({ op, version, runId, action }) => ({ op, version, run_id: runId, action }),
    happened: "The op was to be deleted, and a task of it has not ended. One such task is named.",
    remedy: "Wait for its tasks, cancel their runs, or say `force`: they keep what they copied from the op.",
  },
  INPUTS_INVALID: {
    number: Reason.INPUTS_INVALID,
    code: Code.InvalidArgument,
    message: ({ op, version, violations }) =>
      `the inputs do not fit op ${op} in version ${version}: ${describeViolations(violations)}`,
    metadata: ({ op, version, violations }) => ({ op, version, violation_count: violations.length }),
    happened:
      "Inputs do not fit the input specs of their op. `BadRequest` names each, all of them at once; for a " +
      "plan `op` and `version` are those of the first task that is wrong.",
    remedy: "Correct all of the inputs named; `GetOp` shows the specs, and `ValidateInputs` checks by them.",
  },
  STALE_EPOCH: {
    number: Reason.STALE_EPOCH,
    code: Code.FailedPrecondition,
    message: ({ runId, action, epoch, currentEpoch }) =>
      `epoch ${epoch} of action ${action} in run ${runId} is over, the current one is ${currentEpoch}; ` +
      "stop the attempt",
    metadata: ({ runId, action, epoch, currentEpoch }) => ({
      run_id: runId,
      action,
      epoch,
      current_epoch: currentEpoch,
    }),
    happened: "The lease on the attempt has moved on or the action has ended; the report changed nothing.",
    remedy: "Stop the attempt and drop what it did: another attempt has its place.",
  },
  SESSION_GONE: {
    number: Reason.SESSION_GONE,
    code: Code.FailedPrecondition,
    message: ({ sessionId }) => `session ${sessionId} is gone; attach again with the attempts that still run`,
    metadata: ({ sessionId }) => ({ session_id: sessionId }),
    happened: "The session's lease ran out, it said goodbye, or a newer stream of the worker took its place.",
    remedy: "Attach again and name the attempts that still run; stop those that come back in `drop`.",
  },
  WORKER_NOT_FOUND: {
    number: Reason.WORKER_NOT_FOUND,
    code: Code.NotFound,
    message: ({ workerId }) => `worker ${workerId} is not attached; see ListWorkers for those that are`,
    metadata: ({ workerId }) => ({ worker_id: workerId }),
    happened: "No worker of this name is attached in the namespace, and no lease of one runs.",
    remedy: "Check the name and the namespace; `ListWorkers` shows who is there.",
  },
  LIMIT_NOT_FOUND: {
    number: Reason.LIMIT_NOT_FOUND,
    code: Code.NotFound,
    message: ({ limit }) => `limit ${limit} is not there; see ListLimits for those that are`,
    metadata: ({ limit }) => ({ limit }),
    happened: "There is no limit of this name in the namespace.",
    remedy: "Check the name and the namespace; `ListLimits` shows what there is.",
  },
  SUBSCRIPTION_NOT_FOUND: {
    number: Reason.SUBSCRIPTION_NOT_FOUND,
    code: Code.NotFound,
    message: ({ subscription }) =>
      `subscription ${subscription} is not there; see ListSubscriptions for those that are`,
    metadata: ({ subscription }) => ({ subscription }),
    happened: "There is no subscription of this name in the namespace.",
    remedy: "Check the name and the namespace; `CreateSubscription` makes one.",
  },
  SUBSCRIPTION_EXISTS: {
    number: Reason.SUBSCRIPTION_EXISTS,
    code: Code.AlreadyExists,
    message: ({ subscription }) =>
      `subscription ${subscription} exists with other content; choose another name`,
    metadata: ({ subscription }) => ({ subscription }),
    happened: "There is a subscription of this name, and it takes other events or sends them elsewhere.",
    remedy: "Choose another name, or delete the subscription that has it.",
  },
  SUBSCRIPTION_NOT_PULLED: {
    number: Reason.SUBSCRIPTION_NOT_PULLED,
    code: Code.FailedPrecondition,
    message: ({ subscription, target }) =>
      `subscription ${subscription} is delivered by the server (${target}) and cannot be pulled`,
    metadata: ({ subscription, target }) => ({ subscription, target }),
    happened: "The server itself delivers this subscription, so no subscriber can open it.",
    remedy: "Create another subscription of the same events that is pulled.",
  },
  ADDRESS_FORBIDDEN: {
    number: Reason.ADDRESS_FORBIDDEN,
    code: Code.InvalidArgument,
    message: ({ address }) =>
      `the server may not send to ${address}: it points inside; allow it, or choose another`,
    metadata: ({ address }) => ({ address }),
    happened:
      "A webhook's address is one of the server's own network, which callers could else reach through it.",
    remedy: "Choose a public address, or allow private ones in the server's configuration.",
  },
  NATS_NOT_CONFIGURED: {
    number: Reason.NATS_NOT_CONFIGURED,
    code: Code.FailedPrecondition,
    message: () => "the server has no connection to NATS configured; give it one, or choose another target",
    metadata: () => ({}),
    happened: "A subscription was to deliver to NATS, and the server does not know of a NATS server.",
    remedy: "Start the server with the address of NATS, or deliver to a webhook or by pulling.",
  },
} as const satisfies RowsOf<Reasons>;
