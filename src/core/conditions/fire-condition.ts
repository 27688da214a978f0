import type { Action } from "../action.ts";
import { assert } from "../assert.ts";
import type { Draft } from "../draft.ts";
import { takeDefault } from "./answers/take-answer.ts";
import { postWebhook } from "./post-webhook.ts";
import { type ConditionStanding, nextEscalationMs, pausedDueMs, standingOf, termsOf } from "./standing.ts";

/**
 * Does everything that is due of a paused condition, in the order of its times: after a long stop each step
 * is taken and told. At one time its deadline comes first: with it nothing else is to be done.
 */
export function fireCondition(draft: Draft, paused: Action): void {
  let condition = paused;
  for (;;) {
    const dueMs = pausedDueMs(condition);
    if (dueMs === undefined || dueMs > draft.nowMs) break;
    const { deadlineMs, snoozeEndMs } = standingOf(condition);
    if (deadlineMs === dueMs) {
      takeDefault(draft, condition, { state: "TIMED_OUT", error: timeout });
      return;
    }
    condition = snoozeEndMs === dueMs ? wake(draft, condition, "") : escalate(draft, condition);
  }
  rearm(draft, condition);
}

/** The condition is in sight again: because its time has come, or by somebody. */
export function wake(draft: Draft, condition: Action, subject: string): Action {
  const awake = withStanding(draft, condition, { snoozeEndMs: undefined });
  tellChange(draft, awake, { change: "woken", subject });
  return awake;
}

/** Says in the feed what was done to a condition, with where it stands by it. */
export function tellChange(
  draft: Draft,
  condition: Action,
  {
    change,
    subject,
  }: {
    readonly change: "claimed" | "released" | "delegated" | "snoozed" | "woken" | "extended";
    readonly subject: string;
  },
): void {
  const { assignee, snoozeEndMs, deadlineMs } = standingOf(condition);
  const run = draft.runOf(condition);
  draft.emit(run, condition, {
    kind: "condition_changed",
    change,
    subject,
    assignee,
    snoozeEndMs,
    deadlineMs,
  });
}

/** Sets when a paused condition is to be looked at next, by where it stands. */
export function rearm(draft: Draft, condition: Action): Action {
  const dueMs = pausedDueMs(condition);
  if (dueMs !== undefined) draft.affect({ kind: "due", atMs: dueMs });
  return draft.setAction({ ...condition, dueMs });
}

/** The condition with parts of where it stands set anew. */
export function withStanding(draft: Draft, condition: Action, parts: Partial<ConditionStanding>): Action {
  return draft.setAction({ ...condition, standing: { ...standingOf(condition), ...parts } });
}

function escalate(draft: Draft, condition: Action): Action {
  const { escalationCount, assignee: current } = standingOf(condition);
  const next = termsOf(condition).escalations[escalationCount];
  assert(next !== undefined && nextEscalationMs(condition) !== undefined, "a step is due", {
    run: condition.run,
    action: condition.name,
  });
  const step = escalationCount + 1;
  const assignee = next.assignee === "" ? current : next.assignee;
  const escalated = withStanding(draft, condition, { escalationCount: step, assignee });
  const { notify } = next;
  draft.emit(draft.runOf(escalated), escalated, { kind: "condition_escalated", step, notify, assignee });
  postWebhook(draft, escalated, "condition_escalated", step);
  return escalated;
}

const timeout = { type: "Timeout", message: "no signal came in time", stack: "", nonRetryable: false };
