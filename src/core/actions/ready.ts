import { inputSizeBytesMax } from "../../limits.ts";
import type { Action, ActionError } from "../action.ts";
import { queueKey } from "../command.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import { startRun } from "../runs/start-run.ts";
import { valuesSizeBytes } from "../value.ts";
import { earliest } from "./deadline.ts";
import { resolveInputs, unmet } from "./dependency.ts";
import { endAction } from "./end-action.ts";
import { takeAnswer } from "./take-answer.ts";

/**
 * Lets an action go on whose dependencies have ended: a task is QUEUED, a condition PAUSED, and either is
 * SKIPPED if a dependency did not end as it must have. A task whose inputs cannot be resolved FAILS.
 */
export function makeReady(draft: Draft, action: Action, { isNew }: { readonly isNew: boolean }): void {
  const error = unmet(draft, action);
  if (error !== undefined) {
    endAction(draft, action, { state: "SKIPPED", error });
    return;
  }
  if (action.spec.kind === "condition") pauseCondition(draft, action);
  else queueTask(draft, action, { isNew });
}

/** Queues a task, for its first attempt or for a further one. */
export function queueTask(draft: Draft, action: Action, { isNew }: { readonly isNew: boolean }): void {
  if (action.spec.kind !== "task") return;
  const broken = inputError(draft, action);
  if (broken !== undefined) {
    endAction(draft, action, { state: "FAILED", error: broken });
    return;
  }
  const { queueToStartMs } = action.spec.timeouts;
  const queued = draft.setAction({
    ...action,
    state: "QUEUED",
    queueTimeMs: draft.nowMs,
    ageMs: action.queueTimeMs === undefined ? draft.nowMs : action.ageMs,
    retryTimeMs: undefined,
    dueMs: queueToStartMs === undefined ? undefined : draft.nowMs + queueToStartMs,
  });
  if (!isNew) draft.emit(draft.runOf(queued), queued, { kind: "action_queued" });
  if (queued.dueMs !== undefined) draft.affect({ kind: "due", atMs: queued.dueMs });
  draft.affect({ kind: "queued", queue: queueKey(namespaceOf(action.run), action.spec.op) });
}

/** The wait for the signal begins; a signal that came before ends it at once. */
function pauseCondition(draft: Draft, action: Action): void {
  if (action.spec.kind !== "condition") return;
  const { timeoutMs, type, prompt } = action.spec;
  const dueMs = timeoutMs === undefined ? undefined : draft.nowMs + timeoutMs;
  const paused = draft.setAction({ ...action, state: "PAUSED", queueTimeMs: draft.nowMs, dueMs });
  const run = startRun(draft, draft.runOf(paused));
  draft.setRun({ ...run, pausedConditionCount: run.pausedConditionCount + 1 });
  draft.emit(run, paused, { kind: "condition_paused", type, prompt, deadlineMs: dueMs });
  if (dueMs !== undefined) draft.affect({ kind: "due", atMs: dueMs });
  const kept = draft.keptSignal(action.run, action.name);
  if (kept !== undefined) takeKept(draft, paused, kept);
}

function takeKept(draft: Draft, paused: Action, kept: NonNullable<ReturnType<Draft["keptSignal"]>>): void {
  draft.dropSignal(paused.run, paused.name);
  const run = draft.runOf(paused);
  draft.setRun({ ...run, keptSignalCount: run.keptSignalCount - 1 });
  if (!takeAnswer(draft, paused, kept)) {
    draft.emit(run, paused, { kind: "signal_dropped", cause: "SIGNAL_TYPE_MISMATCH" });
  }
}

function inputError(draft: Draft, action: Action): ActionError | undefined {
  const resolved = resolveInputs(draft, action);
  if ("missing" in resolved) {
    return { type: "InputMissing", message: resolved.missing, stack: "", nonRetryable: true };
  }
  const size = valuesSizeBytes(resolved.inputs);
  if (size <= inputSizeBytesMax) return undefined;
  const message = `the inputs take ${size} bytes, more than ${inputSizeBytesMax}; pass references instead`;
  return { type: "InputTooLarge", message, stack: "", nonRetryable: true };
}

/** When a leased task that nobody accepted is taken back, or its time in the queue is over. */
export function acceptDueMs(action: Action, nowMs: number, acceptTimeoutMs: number): number {
  const limit = action.spec.kind === "task" ? action.spec.timeouts.queueToStartMs : undefined;
  const queueEndMs =
    limit === undefined || action.queueTimeMs === undefined ? undefined : action.queueTimeMs + limit;
  return earliest([nowMs + acceptTimeoutMs, queueEndMs]) ?? nowMs + acceptTimeoutMs;
}
