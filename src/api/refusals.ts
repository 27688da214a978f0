import { Code } from "@connectrpc/connect";
import { Reason } from "../../gen/signalbox/v1/reason_pb.ts";
import type { Refusal as CoreRefusal, Violation } from "../core/refusal.ts";

/** Every refusal that a caller can meet: those of the rules, and those of the wire itself. */
export type Refusal =
  | CoreRefusal
  | { readonly reason: "TOKEN_INVALID" }
  | { readonly reason: "FILTER_CHANGED" }
  | { readonly reason: "CURSOR_EXPIRED"; readonly oldestCursor: string }
  | { readonly reason: "ATTACH_EXPECTED"; readonly found: string }
  | { readonly reason: "STOPPING" }
  | { readonly reason: "STORE_UNAVAILABLE" }
  | { readonly reason: "TOO_SLOW"; readonly limit: string; readonly maximum: number };

/** What a refusal of one reason looks like on the wire and in docs/errors.md. */
export interface RefusalRow<Facts> {
  readonly number: Reason;
  readonly code: Code;
  /** Lower case, no full stop, subject first: the value that was wrong, then what to do. */
  readonly message: (facts: Facts) => string;
  /** The facts by name; everything that varies in the message is among them. */
  readonly metadata: (facts: Facts) => Readonly<Record<string, string | number>>;
  /** True if the same call may well succeed a little later. */
  readonly waitingHelps?: true;
  /** For the documentation: what happened, and what to do about it. Markdown, whole sentences. */
  readonly happened: string;
  readonly remedy: string;
}

type RowsOf<R extends { readonly reason: string }> = {
  readonly [Name in R["reason"]]: RefusalRow<Extract<R, { readonly reason: Name }>>;
};

/** How many violations are told in words; all of them are counted. */
const violationsToldMax = 20;

/** One row for each reason. A reason without a row does not compile. */
export const refusalRows = {
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
  ACTION_NOT_CONDITION: {
    number: Reason.ACTION_NOT_CONDITION,
    code: Code.FailedPrecondition,
    message: ({ runId, action, kind }) =>
      `action ${action} of run ${runId} is a ${kind}, not a condition; see ListConditions for those that wait`,
    metadata: ({ runId, action, kind }) => ({ run_id: runId, action, kind }),
    happened: "Only a condition can be read as one or take a signal.",
    remedy: "Check the name; `ListConditions` shows the conditions that wait.",
  },
  ALREADY_ANSWERED: {
    number: Reason.ALREADY_ANSWERED,
    code: Code.FailedPrecondition,
    message: ({ runId, action }) =>
      `condition ${action} of run ${runId} has another answer, or keeps another signal; it takes one`,
    metadata: ({ runId, action }) => ({ run_id: runId, action }),
    happened: "A condition takes one answer, and this one has a different one already.",
    remedy:
      "Accept the answer that is there: `GetCondition` shows it, or the event `signal_kept` while it is kept.",
  },
  SIGNAL_TYPE_MISMATCH: {
    number: Reason.SIGNAL_TYPE_MISMATCH,
    code: Code.InvalidArgument,
    message: ({ expected, actual }) => `the value is of type ${actual}, the condition takes ${expected}`,
    metadata: ({ expected, actual }) => ({ expected, actual }),
    happened:
      "The signal has another type than the condition asks for. Only an int for a float is converted.",
    remedy: "Send a value of the type in `expected`.",
  },
  OP_NOT_FOUND: {
    number: Reason.OP_NOT_FOUND,
    code: Code.NotFound,
    message: ({ op, version }) =>
      `op ${op} ${version === 0 ? "is not registered" : `has no version ${version}`}; register it with RegisterOp`,
    metadata: ({ op, version }) => ({ op, version }),
    happened: "There is no such op in the namespace, or not in this version.",
    remedy: "Check name and version with `ListOps`; a task that says version 0 needs no registered op.",
  },
  REQUEST_ID_REUSED: {
    number: Reason.REQUEST_ID_REUSED,
    code: Code.AlreadyExists,
    message: ({ requestId }) => `request_id ${requestId} was used with other content; choose another one`,
    metadata: ({ requestId }) => ({ request_id: requestId }),
    happened: "The same `request_id` was sent to this method before, in this namespace, with other content.",
    remedy: "Choose a new id for a new request, and keep an id only for repeats of the very same one.",
  },
  LIMIT_REACHED: {
    number: Reason.LIMIT_REACHED,
    code: Code.ResourceExhausted,
    message: ({ limit, maximum }) => `the limit ${limit} of ${maximum} is reached`,
    metadata: ({ limit, maximum }) => ({ limit, maximum }),
    happened: "What was asked would go over a bound of the server. `limit` names it as in `src/limits.ts`.",
    remedy: "Ask for less, or split it: another run, a smaller output, a reference for a large value.",
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
  ACTION_EXISTS: {
    number: Reason.ACTION_EXISTS,
    code: Code.AlreadyExists,
    message: ({ runId, action }) =>
      `action ${action} of run ${runId} exists with another kind or content; choose another name`,
    metadata: ({ runId, action }) => ({ run_id: runId, action }),
    happened: "A child of this name exists, and it is of another kind or does something else.",
    remedy: "Give each child a name of its own that stays the same over retries of its parent.",
  },
  TOKEN_INVALID: {
    number: Reason.TOKEN_INVALID,
    code: Code.InvalidArgument,
    message: () => "the page token or cursor is not one that this method gave; begin without one",
    metadata: () => ({}),
    happened: "The page token or cursor was changed, or comes from another method or another server.",
    remedy: "Begin without one, and hand tokens back exactly as they came.",
  },
  FILTER_CHANGED: {
    number: Reason.FILTER_CHANGED,
    code: Code.InvalidArgument,
    message: () =>
      "the page token or cursor was given under another filter; use that filter, or begin without one",
    metadata: () => ({}),
    happened: "A page token or cursor means a place under one filter, and the request has another one.",
    remedy: "Use the same filter for all pages of a list and for resuming; begin anew to change it.",
  },
  CURSOR_EXPIRED: {
    number: Reason.CURSOR_EXPIRED,
    code: Code.OutOfRange,
    message: ({ oldestCursor }) => `what follows the cursor is not kept any more; go on from ${oldestCursor}`,
    metadata: ({ oldestCursor }) => ({ oldest_cursor: oldestCursor }),
    happened:
      "Events behind the cursor were removed, or the data was replaced since (restored, or made anew).",
    remedy: "Read the state anew (`ListRuns`, `ListConditions`), then follow from `oldest_cursor`.",
  },
  ATTACH_EXPECTED: {
    number: Reason.ATTACH_EXPECTED,
    code: Code.InvalidArgument,
    message: ({ found }) =>
      `the first frame of a worker stream is attach, and only the first; found ${found}`,
    metadata: ({ found }) => ({ found }),
    happened: "A worker stream did not begin with `Attach`, sent nothing in time, or sent `Attach` twice.",
    remedy: "Send `Attach` as soon as the stream is open, and open a new stream to attach again.",
  },
  STOPPING: {
    number: Reason.STOPPING,
    code: Code.Unavailable,
    message: () => "the server is stopping; try another one, or this one a little later",
    metadata: () => ({}),
    waitingHelps: true,
    happened: "The server is shutting down and takes nothing new. What was acknowledged is kept.",
    remedy: "Try again after the delay in `RetryInfo`, with the same `request_id`; resume streams by cursor.",
  },
  STORE_UNAVAILABLE: {
    number: Reason.STORE_UNAVAILABLE,
    code: Code.Unavailable,
    message: () => "the store cannot be read or written at the moment; try again a little later",
    metadata: () => ({}),
    waitingHelps: true,
    happened: "The store failed or has too much waiting. Whether the request took effect is not known.",
    remedy: "Try again after the delay in `RetryInfo`, with the same `request_id`, which makes it safe.",
  },
  TOO_SLOW: {
    number: Reason.TOO_SLOW,
    code: Code.ResourceExhausted,
    message: ({ limit, maximum }) =>
      `frames were not taken in time, ${limit} of ${maximum} is reached; read faster`,
    metadata: ({ limit, maximum }) => ({ limit, maximum }),
    happened: "A worker did not read its frames, and the bound on what waits for it was reached.",
    remedy: "Attach again and keep reading while tasks run; leases run on, so that nothing is lost by it.",
  },
} as const satisfies RowsOf<Refusal>;

function describeViolations(violations: readonly Violation[]): string {
  const told = violations.slice(0, violationsToldMax).map(({ field, description }) => {
    return field === "" ? description : `${field}: ${description}`;
  });
  const rest = violations.length - told.length;
  return `${told.join("; ")}${rest === 0 ? "" : `; and ${rest} more`}`;
}
