import { Code } from "@connectrpc/connect";
import { Reason } from "../../../gen/signalbox/v1/reason_pb.ts";
import { describeViolations, type RowsOf } from "./row.ts";

type Reasons =
  | "ACTION_NOT_CONDITION"
  | "ALREADY_ANSWERED"
  | "SIGNAL_TYPE_MISMATCH"
  | "ANSWER_INVALID"
  | "NOT_ALLOWED"
  | "INSTANCE_CHANGED"
  | "CORRELATION_NOT_FOUND"
  | "CORRELATION_AMBIGUOUS"
  | "ALREADY_CLAIMED"
  | "CONDITION_NOT_OPEN"
  | "LINK_INVALID"
  | "LINK_EXPIRED"
  | "LINK_USED";

/** Refusals about conditions, their answers and the links that answer them. */
export const conditionRows = {
  ANSWER_INVALID: {
    number: Reason.ANSWER_INVALID,
    code: Code.InvalidArgument,
    message: ({ runId, action, violations }) =>
      `the answer does not keep the schema of condition ${action} in run ${runId}: ` +
      describeViolations(violations),
    metadata: ({ runId, action, violations }) => ({
      run_id: runId,
      action,
      violation_count: violations.length,
    }),
    happened:
      "The answer has the condition's type and does not keep its JSON Schema. `BadRequest` names each place " +
      "in it, all of them at once. The condition goes on waiting.",
    remedy: "Correct all of the places named; `GetCondition` shows the schema.",
  },
  NOT_ALLOWED: {
    number: Reason.NOT_ALLOWED,
    code: Code.PermissionDenied,
    message: ({ runId, action, subject, rule }) =>
      `${subject} may not do this to condition ${action} in run ${runId}: ${rule}`,
    metadata: ({ runId, action, subject, rule }) => ({ run_id: runId, action, subject, rule }),
    happened:
      "The condition says who may answer it, and the caller is not among them, has handed its right on, or " +
      "created the run where the requester may not answer.",
    remedy:
      "Let somebody answer who may (`GetCondition` shows the rule), or have the right handed on with " +
      "`DelegateCondition`. Without a token nobody is among named subjects: see `signalbox token create`.",
  },
  INSTANCE_CHANGED: {
    number: Reason.INSTANCE_CHANGED,
    code: Code.FailedPrecondition,
    message: ({ runId, action, instance, currentInstance }) =>
      `condition ${action} in run ${runId} is at opening ${currentInstance}, not ${instance}; look at what ` +
      "it asks now",
    metadata: ({ runId, action, instance, currentInstance }) => ({
      run_id: runId,
      action,
      instance,
      current_instance: currentInstance,
    }),
    happened: "The answer was meant for one opening of the condition, and another one is current.",
    remedy: "Read the condition and answer what it asks now, or leave `instance` out.",
  },
  CORRELATION_NOT_FOUND: {
    number: Reason.CORRELATION_NOT_FOUND,
    code: Code.NotFound,
    message: ({ correlationKey }) =>
      `no open condition has the correlation key ${correlationKey}; say keep_for to have the signal wait ` +
      "for one",
    metadata: ({ correlationKey }) => ({ correlation_key: correlationKey }),
    happened: "No condition with this correlation key is open in the namespace.",
    remedy: "Check the key, or say with `keep_for` how long the signal is to wait for the next one.",
  },
  CORRELATION_AMBIGUOUS: {
    number: Reason.CORRELATION_AMBIGUOUS,
    code: Code.FailedPrecondition,
    message: ({ correlationKey, conditions }) =>
      `several open conditions have the correlation key ${correlationKey}: ${conditions.join(", ")}; ` +
      "answer one of them by its run and name",
    metadata: ({ correlationKey, conditions }) => ({
      correlation_key: correlationKey,
      conditions: conditions.join(", "),
    }),
    happened: "More than one open condition of the namespace has this correlation key.",
    remedy: "Answer the one that is meant by its run and name; use a key that only one wait has at a time.",
  },
  ALREADY_CLAIMED: {
    number: Reason.ALREADY_CLAIMED,
    code: Code.FailedPrecondition,
    message: ({ runId, action, assignee }) =>
      `${assignee} is on condition ${action} in run ${runId}; say force to take it over`,
    metadata: ({ runId, action, assignee }) => ({ run_id: runId, action, assignee }),
    happened: "Somebody else is on the condition.",
    remedy: "Leave it to them, or say `force`.",
  },
  CONDITION_NOT_OPEN: {
    number: Reason.CONDITION_NOT_OPEN,
    code: Code.FailedPrecondition,
    message: ({ runId, action, state }) =>
      `condition ${action} in run ${runId} is ${state} and does not ask yet; wait until it is PAUSED`,
    metadata: ({ runId, action, state }) => ({ run_id: runId, action, state }),
    happened: "The condition still waits for other actions itself.",
    remedy: "Follow it with `WatchConditions`. A signal may come before; claims and links may not.",
  },
  LINK_INVALID: {
    number: Reason.LINK_INVALID,
    code: Code.PermissionDenied,
    message: () => "this is no answer link of this server, or it was changed; ask for a new one",
    metadata: () => ({}),
    happened: "The link was cut off or changed on its way, or another server made it.",
    remedy: "Use the link exactly as it was sent, or ask for a new one.",
  },
  LINK_EXPIRED: {
    number: Reason.LINK_EXPIRED,
    code: Code.FailedPrecondition,
    message: ({ expireTime }) => `this answer link could be used until ${expireTime}; ask for a new one`,
    metadata: ({ expireTime }) => ({ expire_time: expireTime }),
    happened: "The time of the answer link is over.",
    remedy: "Ask for a new one (`CreateAnswerLink`), or answer with `SignalCondition`.",
  },
  LINK_USED: {
    number: Reason.LINK_USED,
    code: Code.FailedPrecondition,
    message: ({ runId, action }) =>
      `this answer link was for condition ${action} in run ${runId}, which asks no more or has this ` +
      "link's answer already",
    metadata: ({ runId, action }) => ({ run_id: runId, action }),
    happened: "The link has been used, or its condition has ended or asks anew.",
    remedy: "Nothing, if the answer was given; otherwise ask for a new link.",
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
      runId === ""
        ? `another signal is kept for the correlation key ${action}; it keeps one`
        : `condition ${action} of run ${runId} has another answer, or keeps another signal; it takes one`,
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
} as const satisfies RowsOf<Reasons>;
