import type { Action, ActionError, ActionState, Outcome } from "../action.ts";
import { attemptOf, hasEnded } from "../action.ts";
import { assert } from "../assert.ts";
import { postEnd } from "../conditions/post-webhook.ts";
import { dropKeptSignal } from "../conditions/signals/kept-signal.ts";
import type { Draft } from "../draft.ts";
import type { Values } from "../value.ts";
import { earliest, graceEndMs, runningDueMs } from "./deadline.ts";
import { backoffMs, mayRetry } from "./retry.ts";

/** How an action ends. */
export interface End {
  readonly state: Extract<ActionState, "SUCCEEDED" | "FAILED" | "CANCELLED" | "TIMED_OUT" | "SKIPPED">;
  readonly outputs?: Values;
  readonly error?: ActionError;
  readonly outcome?: Outcome;
  readonly signalledBy?: string;
  /** The epoch of the report that ends it; none if no worker did. */
  readonly epoch?: number;
  /** Why somebody other than its worker ends it. */
  readonly cause?: string;
}

/**
 * Ends an action, once. What follows from it (dependents, children, the run) is drawn by `settle` before the
 * command is done.
 */
export function endAction(draft: Draft, action: Action, end: End): void {
  assert(!hasEnded(action), "an action ends once", {
    run: action.run,
    action: action.name,
    state: action.state,
  });
  if (action.spec.kind === "task" && action.sessionId !== undefined) recordAttempt(draft, action, end);
  const run = draft.runOf(action);
  draft.setRun({
    ...run,
    endedActionCount: run.endedActionCount + 1,
    pausedConditionCount: run.pausedConditionCount - (action.state === "PAUSED" ? 1 : 0),
  });
  const ended = draft.setAction({
    ...action,
    state: end.state,
    sessionId: undefined,
    retryTimeMs: undefined,
    dueMs: undefined,
    endTimeMs: draft.nowMs,
    outputs: end.outputs,
    error: end.error,
    outcome: action.spec.kind === "condition" ? (end.outcome ?? "WITHDRAWN") : undefined,
    signalledBy: end.signalledBy ?? "",
    progressPercent: end.state === "SUCCEEDED" && action.spec.kind === "task" ? 100 : action.progressPercent,
  });
  draft.emit(run, ended, {
    kind: "action_ended",
    state: end.state,
    outputs: end.outputs,
    error: end.error,
    epoch: end.epoch ?? 0,
    cause: end.cause ?? "",
  });
  // An answer is for this wait: should the condition be opened again, it asks anew.
  if (action.spec.kind === "condition") {
    dropKeptSignal(draft, draft.runOf(ended), { action: ended.name, cause: "ACTION_ENDED" });
    postEnd(draft, ended);
  }
  draft.ended.push(ended);
}

/**
 * Ends the running attempt of a task without success: another one follows if the policy allows it and nobody
 * asked for the end; otherwise the action ends with it.
 */
export function failAttempt(
  draft: Draft,
  action: Action,
  { state, error, epoch }: { state: "FAILED" | "TIMED_OUT"; error: ActionError; epoch?: number },
): void {
  assert(action.spec.kind === "task", "only tasks have attempts", { action: action.name });
  const attempts = action.attempt - action.attemptBase;
  if (action.cancelTimeMs !== undefined) {
    endAction(draft, action, { state: "CANCELLED", error, ...(epoch === undefined ? {} : { epoch }) });
    return;
  }
  if (!mayRetry(action.spec.retry, attempts, error)) {
    endAction(draft, action, { state, error, ...(epoch === undefined ? {} : { epoch }) });
    return;
  }
  recordAttempt(draft, action, { state, error });
  const retryTimeMs = draft.nowMs + backoffMs(action.spec.retry, attempts, draft.chance);
  const pending = draft.setAction({
    ...action,
    state: "PENDING",
    sessionId: undefined,
    error,
    retryTimeMs,
    dueMs: retryTimeMs,
    beatTimeMs: undefined,
    progressPercent: 0,
    progressMessage: "",
  });
  draft.emit(draft.runOf(pending), pending, { kind: "attempt_failed", state, error, retryTimeMs });
  draft.affect({ kind: "due", atMs: retryTimeMs });
}

/** Asks the worker of a held action to stop it; its grace runs from here. */
export function requestCancel(draft: Draft, action: Action, cause: string): void {
  if (action.cancelTimeMs !== undefined || action.spec.kind !== "task") return;
  const asked = { ...action, cancelTimeMs: draft.nowMs, cancelCause: cause };
  const dueMs =
    action.state === "ASSIGNED" ? earliest([action.dueMs, graceEndMs(asked)]) : runningDueMs(asked);
  const cancelled = draft.setAction({ ...asked, dueMs });
  draft.emit(draft.runOf(cancelled), cancelled, { kind: "action_cancel_requested", cause });
  if (dueMs !== undefined) draft.affect({ kind: "due", atMs: dueMs });
  tellToStop(draft, cancelled, { graceMs: action.spec.cancelGraceMs, cause });
}

/** Tells the session that holds an attempt to stop it. */
export function tellToStop(
  draft: Draft,
  action: Action,
  { graceMs, cause }: { readonly graceMs: number; readonly cause: string },
): void {
  if (action.sessionId === undefined) return;
  draft.affect({
    kind: "cancel",
    sessionId: action.sessionId,
    cancelled: {
      attempt: { run: action.run, action: action.name, attempt: action.attempt, epoch: action.epoch },
      graceMs,
      cause,
    },
  });
}

function recordAttempt(draft: Draft, action: Action, end: Pick<End, "state" | "outputs" | "error">): void {
  const { state, outputs, error } = end;
  draft.addAttempt(attemptOf(action, { state, outputs, error, endTimeMs: draft.nowMs }));
}
