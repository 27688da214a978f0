import type { Action, ActionError } from "../action.ts";
import { attemptEndMs, graceEndMs, silenceEndMs } from "../actions/deadline.ts";
import { endAction, failAttempt, tellToStop } from "../actions/end-action.ts";
import { queueAgain } from "../actions/ready.ts";
import { settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import { fireCondition } from "../conditions/fire-condition.ts";
import { dropKeyedSignal } from "../conditions/signals/keyed-signal.ts";
import type { Draft } from "../draft.ts";
import { unparkDue } from "../limits/unpark.ts";
import { timeOutRun } from "../runs/run-commands.ts";
import { returnAttempt } from "./attempt.ts";
import { expireSession } from "./session-commands.ts";

/** Does what a deadline says, if it is still due: what it was about may have moved on. */
export function fire(draft: Draft, { due }: CommandOf<"fire">): Decision<"fire"> {
  if (due.kind === "session") {
    const session = draft.session(due.sessionId);
    if (session !== undefined) expireSession(draft, session);
  } else if (due.kind === "counter") {
    unparkDue(draft, due.key);
  } else if (due.kind === "keyedSignal") {
    const kept = draft.keyedSignal(due.namespace, due.correlationKey);
    if (kept !== undefined && kept.expireMs <= draft.nowMs) dropKeyedSignal(draft, kept);
  } else if (due.kind === "run") {
    const run = draft.run(due.run);
    if (run?.dueMs !== undefined && run.dueMs <= draft.nowMs) timeOutRun(draft, run);
  } else {
    const action = draft.action(due.run, due.action);
    if (action?.dueMs !== undefined && action.dueMs <= draft.nowMs) fireAction(draft, action);
  }
  settle(draft);
  return draft.accept<"fire">({});
}

function fireAction(draft: Draft, action: Action): void {
  switch (action.state) {
    case "PENDING":
      queueAgain(draft, action);
      return;
    case "QUEUED":
      endAction(draft, action, { state: "TIMED_OUT", error: queueTimeout });
      return;
    case "ASSIGNED":
      fireAssigned(draft, action);
      return;
    case "RUNNING":
      fireRunning(draft, action);
      return;
    case "PAUSED":
      fireCondition(draft, action);
      return;
    default:
  }
}

function fireAssigned(draft: Draft, action: Action): void {
  const limit = action.spec.kind === "task" ? action.spec.timeouts.queueToStartMs : undefined;
  const isOver = limit !== undefined && (action.queueTimeMs ?? draft.nowMs) + limit <= draft.nowMs;
  if (isOver && action.cancelTimeMs === undefined) {
    tellToStop(draft, action, { graceMs: 0, cause: queueTimeout.message });
    endAction(draft, action, { state: "TIMED_OUT", error: queueTimeout });
  } else {
    tellToStop(draft, action, { graceMs: 0, cause: "not accepted in time" });
    returnAttempt(draft, action, "not accepted in time");
  }
}

function fireRunning(draft: Draft, action: Action): void {
  const graceEnd = graceEndMs(action);
  if (graceEnd !== undefined && graceEnd <= draft.nowMs) {
    const message = `${action.cancelCause} (its worker did not stop in time)`;
    endAction(draft, action, { state: "CANCELLED", error: errorOf("Cancelled", message) });
    return;
  }
  const attemptEnd = attemptEndMs(action);
  const silenceEnd = silenceEndMs(action);
  const isOver = attemptEnd !== undefined && attemptEnd <= draft.nowMs;
  if (!isOver && (silenceEnd === undefined || silenceEnd > draft.nowMs)) return;
  const message = isOver
    ? "the attempt took longer than start_to_end"
    : "the attempt was silent for too long";
  tellToStop(draft, action, { graceMs: 0, cause: message });
  failAttempt(draft, action, { state: "TIMED_OUT", error: errorOf("Timeout", message) });
}

const queueTimeout: ActionError = errorOf("Timeout", "no worker started it within queue_to_start");

function errorOf(type: string, message: string): ActionError {
  return { type, message, stack: "", nonRetryable: false };
}
