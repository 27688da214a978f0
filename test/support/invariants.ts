import { type Action, hasEnded, isHeld } from "../../src/core/action.ts";
import { earliest, graceEndMs, runningDueMs } from "../../src/core/actions/deadline.ts";
import { requirementsOf } from "../../src/core/actions/dependency.ts";
import { standingOf, termsOf } from "../../src/core/conditions/standing.ts";
import { wholeName } from "../../src/core/name.ts";
import { hasRunEnded, type Run } from "../../src/core/run.ts";
import type { WorldState } from "./world-state.ts";

/** Everything in a state that must never be, as sentences; empty if all is well. */
export function brokenInvariants(state: WorldState): readonly string[] {
  return [...state.runs.values()].flatMap((run) => {
    const actions = state.actions(run.key);
    return [
      ...brokenOfRun(state, run, actions),
      ...actions.flatMap((action) => brokenOfAction(state, run, action)),
    ];
  });
}

function brokenOfRun(state: WorldState, run: Run, actions: readonly Action[]): readonly string[] {
  const endedCount = actions.filter(hasEnded).length;
  const pausedCount = actions.filter((action) => action.state === "PAUSED").length;
  const deadlineMs = hasRunEnded(run) || run.timedOut ? undefined : run.deadlineMs;
  return broken(run.key, {
    "counts its actions": run.actionCount === actions.length,
    "counts what has ended": run.endedActionCount === endedCount,
    "counts what is paused": run.pausedConditionCount === pausedCount,
    "counts the signals that it keeps": run.keptSignalCount === state.keptSignals(run.key).length,
    "has ended when all its actions have, and not before":
      hasRunEnded(run) === (endedCount === actions.length),
    "says when it ended": hasRunEnded(run) === (run.endTimeMs !== undefined),
    "has its deadline while that can fire": run.dueMs === deadlineMs || run.cancelRequested,
    "keeps no signal behind its end": !hasRunEnded(run) || run.keptSignalCount === 0,
    "has not begun while it is QUEUED":
      run.state !== "QUEUED" || actions.every((action) => action.state !== "PAUSED"),
  });
}

function brokenOfAction(state: WorldState, run: Run, action: Action): readonly string[] {
  const waited = requirementsOf(action.spec).map(({ action: name }) =>
    state.action(run.key, wholeName(action.parent, name)),
  );
  const openCount = new Set(waited.filter((one) => one !== undefined && !hasEnded(one))).size;
  const waits = action.state === "PENDING" && action.retryTimeMs === undefined;
  const isOpen = !hasEnded(action);
  const session = action.sessionId === undefined ? undefined : state.session(action.sessionId);
  const parent = action.parent === "" ? undefined : state.action(run.key, action.parent);
  return broken(`${run.key}/${action.name} (${action.state})`, {
    "has what it waits for beside it": waited.every((one) => one !== undefined),
    "waits for exactly what has not ended": !waits || (action.waitingCount === openCount && openCount > 0),
    "waits for nothing once it goes on": !isOpen || waits || action.waitingCount === 0,
    // A child that was opened again may be one that another child went on from before.
    "goes on only when what it waits for has ended":
      !isOpen || waits || openCount === 0 || action.parent !== "",
    "is held by a session that is there": isHeld(action) === (session !== undefined),
    "says when it ended": isOpen === (action.endTimeMs === undefined),
    "is due at the earliest of its deadlines": isDueRight(action),
    "has the priority of its run": !isOpen || action.priority === run.priority,
    "has no more attempts than leases": action.attempt <= action.epoch,
    "has attempts only of its own": state
      .attempts(run.key, action.name)
      .every((one) => one.number <= action.attempt),
    "is asked to end once its parent has": parent === undefined || !hasEnded(parent) || isEnding(action),
  });
}

function isEnding(action: Action): boolean {
  return hasEnded(action) || action.cancelTimeMs !== undefined;
}

function isDueRight(action: Action): boolean {
  const { spec, state, dueMs } = action;
  if (hasEnded(action) || spec.kind === "trace") return dueMs === undefined;
  if (spec.kind === "condition") {
    if (state !== "PAUSED") return dueMs === undefined;
    const { deadlineMs, snoozeEndMs, escalationCount } = standingOf(action);
    const step = termsOf(action).escalations[escalationCount];
    const escalationMs = step === undefined ? undefined : (action.queueTimeMs ?? 0) + step.afterMs;
    return dueMs === earliest([deadlineMs, snoozeEndMs, escalationMs]);
  }
  const { queueToStartMs } = spec.timeouts;
  const queueEndMs = queueToStartMs === undefined ? undefined : (action.queueTimeMs ?? 0) + queueToStartMs;
  if (state === "PENDING") return dueMs === action.retryTimeMs;
  if (state === "QUEUED") return dueMs === queueEndMs;
  if (state === "RUNNING") return dueMs === runningDueMs(action);
  // ASSIGNED: the time to accept is the command's; after a boot it is longer than the time in the queue.
  const latest = earliest([graceEndMs(action), Number.POSITIVE_INFINITY]) ?? 0;
  return dueMs !== undefined && dueMs <= latest;
}

function broken(of: string, claims: Readonly<Record<string, boolean>>): readonly string[] {
  return Object.entries(claims).flatMap(([claim, holds]) => (holds ? [] : [`${of} not: ${claim}`]));
}
