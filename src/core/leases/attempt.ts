import { returnedDelayMs } from "../../limits.ts";
import type { Action } from "../action.ts";
import { runningDueMs } from "../actions/deadline.ts";
import { endAction, failAttempt } from "../actions/end-action.ts";
import { settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { startRun } from "../runs/start-run.ts";
import type { AttemptReference } from "../stated.ts";
import { fenced } from "./fence.ts";

/**
 * A worker takes on what it was assigned: RUNNING from here on. One that is refused does not hold up another.
 */
export function accept(draft: Draft, command: CommandOf<"accept">): Decision<"accept"> {
  const refused: { attempt: AttemptReference; refusal: Refusal }[] = [];
  for (const attempt of command.attempts) {
    const found = fenced(draft, attempt);
    if ("refusal" in found) refused.push({ attempt, refusal: found.refusal });
    else if (found.action.state === "ASSIGNED") startAttempt(draft, found.action);
  }
  return draft.accept<"accept">({ refused });
}

/** A worker gives an assignment back. */
export function decline(draft: Draft, command: CommandOf<"decline">): Decision<"decline"> {
  const found = fenced(draft, command.attempt);
  if ("refusal" in found) return refuse(found.refusal);
  if (found.action.state === "ASSIGNED") returnAttempt(draft, found.action, command.cause);
  else {
    const error = { type: "Declined", message: command.cause, stack: "", nonRetryable: false };
    failAttempt(draft, found.action, { state: "FAILED", error });
  }
  settle(draft);
  return draft.accept<"decline">({});
}

/** The attempt begins: its time and its silence count from here. */
export function startAttempt(draft: Draft, assigned: Action): Action {
  const started = {
    ...assigned,
    state: "RUNNING" as const,
    startTimeMs: draft.nowMs,
    beatTimeMs: draft.nowMs,
    error: undefined,
  };
  const action = draft.setAction({ ...started, dueMs: runningDueMs(started) });
  const run = startRun(draft, draft.runOf(action));
  draft.emit(run, action, { kind: "action_started", workerId: action.workerId ?? "", epoch: action.epoch });
  if (action.dueMs !== undefined) draft.affect({ kind: "due", atMs: action.dueMs });
  return action;
}

/** An assignment that never started goes back to the queue; it costs no attempt. */
export function returnAttempt(draft: Draft, assigned: Action, cause: string): void {
  if (assigned.cancelTimeMs !== undefined) {
    const error = { type: "Cancelled", message: assigned.cancelCause, stack: "", nonRetryable: true };
    endAction(draft, assigned, { state: "CANCELLED", error });
    return;
  }
  const retryTimeMs = draft.nowMs + returnedDelayMs;
  const returned = draft.setAction({
    ...assigned,
    state: "PENDING",
    attempt: assigned.attempt - 1,
    sessionId: undefined,
    retryTimeMs,
    dueMs: retryTimeMs,
  });
  draft.emit(draft.runOf(returned), assigned, { kind: "action_returned", cause });
  draft.affect({ kind: "due", atMs: retryTimeMs });
}

/** What a session held when it went away: what had started has failed, what had not is returned. */
export function releaseHeld(draft: Draft, held: Action, cause: string): void {
  if (held.state === "ASSIGNED") {
    returnAttempt(draft, held, cause);
    return;
  }
  const error = { type: "LeaseExpired", message: cause, stack: "", nonRetryable: false };
  failAttempt(draft, held, { state: "FAILED", error });
}
