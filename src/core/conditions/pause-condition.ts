import type { Action } from "../action.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import type { Refusal } from "../refusal.ts";
import { startRun } from "../runs/start-run.ts";
import type { Value } from "../value.ts";
import { checkAnswer, specOf } from "./answers/check-answer.ts";
import { objectionTo } from "./answers/rights.ts";
import { giveAnswer } from "./answers/take-answer.ts";
import { postWebhook } from "./post-webhook.ts";
import { type DropCause, dropKeptSignal, releaseKeptSignal } from "./signals/kept-signal.ts";
import { dropKeyedSignal } from "./signals/keyed-signal.ts";
import { type Answerer, pausedDueMs, standingOf, termsOf } from "./standing.ts";

/** The wait for the signal begins; a signal that came before may end it at once. */
export function pauseCondition(draft: Draft, action: Action): void {
  const { timeoutMs, type, prompt } = specOf(action);
  const deadlineMs = timeoutMs === undefined ? undefined : draft.nowMs + timeoutMs;
  const standing = action.standing === undefined ? undefined : { ...action.standing, deadlineMs };
  const opened: Action = { ...action, state: "PAUSED", queueTimeMs: draft.nowMs, standing };
  const dueMs = pausedDueMs(opened);
  const paused = draft.setAction({ ...opened, dueMs });
  const run = startRun(draft, draft.runOf(paused));
  draft.setRun({ ...run, pausedConditionCount: run.pausedConditionCount + 1 });
  const { instance, assignee } = standingOf(paused);
  const { correlationKey } = termsOf(paused);
  draft.emit(run, paused, {
    kind: "condition_paused",
    type,
    prompt,
    deadlineMs,
    instance: instance === 1 ? undefined : instance,
    assignee: assignee === "" ? undefined : assignee,
    correlationKey: correlationKey === "" ? undefined : correlationKey,
  });
  if (dueMs !== undefined) draft.affect({ kind: "due", atMs: dueMs });
  const isTaken = run.keptSignalCount > 0 && takeKept(draft, paused);
  if (!isTaken && correlationKey !== "") takeKeyed(draft, paused, correlationKey);
  const now = draft.action(paused.run, paused.name);
  if (now?.state === "PAUSED") postWebhook(draft, now, "condition_paused");
}

/** Takes the signal that was kept for the condition's name; true if there was one, and it was of use. */
function takeKept(draft: Draft, paused: Action): boolean {
  const kept = draft.keptSignal(paused.run, paused.name);
  if (kept === undefined) return false;
  const run = draft.runOf(paused);
  const taken = checkEarly(draft, paused, kept);
  if ("cause" in taken) {
    dropKeptSignal(draft, run, { action: paused.name, cause: taken.cause });
    return false;
  }
  releaseKeptSignal(draft, run, paused.name);
  giveAnswer(draft, paused, { ...taken, by: kept.by, timeMs: kept.timeMs });
  return true;
}

/** Takes the signal that was kept for the condition's correlation key. */
function takeKeyed(draft: Draft, paused: Action, correlationKey: string): void {
  const kept = draft.keyedSignal(namespaceOf(paused.run), correlationKey);
  if (kept === undefined) return;
  if (kept.expireMs <= draft.nowMs) {
    dropKeyedSignal(draft, kept);
    return;
  }
  const taken = checkEarly(draft, paused, kept);
  draft.dropKeyedSignal(kept.namespace, correlationKey);
  if ("cause" in taken) {
    const { cause } = taken;
    draft.emitNamed(draft.runOf(paused), paused.name, { kind: "signal_dropped", cause, correlationKey });
    return;
  }
  giveAnswer(draft, paused, { ...taken, by: kept.by, timeMs: kept.timeMs });
}

/** What a signal that came before is worth to a condition that opens. */
function checkEarly(
  draft: Draft,
  paused: Action,
  { value, by }: { readonly value: Value; readonly by: Answerer },
): { readonly value: Value } | { readonly cause: DropCause } {
  if (termsOf(paused).dropsEarly) return { cause: "TOO_EARLY" };
  const checked = checkAnswer(paused, value);
  if ("refusal" in checked) return { cause: causeOf(checked.refusal) };
  const requester = draft.runOf(paused).createdBy;
  return objectionTo(paused, { by, requester }) === undefined ? checked : { cause: "NOT_ALLOWED" };
}

function causeOf({ reason }: Refusal): DropCause {
  return reason === "SIGNAL_TYPE_MISMATCH" || reason === "LIMIT_REACHED" ? reason : "ANSWER_INVALID";
}
