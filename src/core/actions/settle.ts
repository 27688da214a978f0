import type { Action, ActionError } from "../action.ts";
import { hasEnded, isHeld } from "../action.ts";
import { withdrawOthers } from "../conditions/group.ts";
import { dropKeptSignal } from "../conditions/signals/kept-signal.ts";
import type { Draft } from "../draft.ts";
import type { RunKey } from "../name.ts";
import { hasRunEnded, type Run } from "../run.ts";
import { unmetBy } from "./dependency.ts";
import { endAction, requestCancel } from "./end-action.ts";
import { makeReady } from "./ready.ts";

/**
 * Draws the consequences of every action that has ended in this draft, and of those that end by it, until
 * nothing more follows: children are cancelled, dependents go on or are skipped, parents are told, runs end.
 * A list instead of recursion: a chain of 10,000 actions may be skipped at once.
 */
export function settle(draft: Draft): void {
  if (draft.ended.length === 0) return;
  const runs = new Set<RunKey>();
  // What ends meanwhile is added behind, and the loop comes to it.
  for (const ended of draft.ended) {
    runs.add(ended.run);
    if (ended.childCount > 0) cancelChildren(draft, ended);
    if (ended.spec.kind === "condition") withdrawOthers(draft, ended);
    releaseDependents(draft, ended);
    if (ended.parent === "") noteTop(draft, ended);
    else tellParent(draft, ended);
  }
  draft.ended.length = 0;
  // One command may end actions of several runs: what a worker held that is gone.
  for (const run of runs) endRunIfAllEnded(draft, run);
}

/** Ends an action that does not run, and asks for the end of one that does. */
export function cancelAction(draft: Draft, action: Action, cause: string): void {
  if (hasEnded(action)) return;
  if (isHeld(action)) requestCancel(draft, action, cause);
  else {
    const error = { type: "Cancelled", message: cause, stack: "", nonRetryable: true };
    endAction(draft, action, { state: "CANCELLED", error });
  }
}

function cancelChildren(draft: Draft, parent: Action): void {
  for (const child of draft.children(parent.run, parent.name)) {
    cancelAction(draft, child, `its parent ${parent.name} ended as ${parent.state}`);
  }
}

function releaseDependents(draft: Draft, ended: Action): void {
  if (ended.parent === "" && draft.runOf(ended).isSingle) return;
  for (const name of draft.dependents(ended.run, ended.name)) releaseDependent(draft, ended, name);
}

function releaseDependent(draft: Draft, ended: Action, name: string): void {
  const dependent = draft.action(ended.run, name);
  if (dependent === undefined || dependent.state !== "PENDING" || dependent.waitingCount === 0) return;
  const waitingCount = dependent.waitingCount - 1;
  const released = draft.setAction({ ...dependent, waitingCount });
  const error = unmetBy(released, ended);
  if (error !== undefined) endAction(draft, released, { state: "SKIPPED", error });
  else if (waitingCount === 0) makeReady(draft, released);
}

/** The end of an action at the top counts for the end of its run. */
function noteTop(draft: Draft, ended: Action): void {
  const run = draft.runOf(ended);
  const worst = worse(run.worst, ended.state);
  const isFirst = worst !== undefined && run.worst !== worst;
  draft.setRun({
    ...run,
    worst,
    error: isFirst ? ended.error : run.error,
    outputs: run.isSingle ? ended.outputs : undefined,
  });
}

/** The worse of what the top came to so far and one more end. */
function worse(worst: Run["worst"], state: Action["state"]): Run["worst"] {
  if (worst === "FAILED" || state === "FAILED") return "FAILED";
  if (worst === "TIMED_OUT" || state === "TIMED_OUT") return "TIMED_OUT";
  if (worst === "CANCELLED" || state === "CANCELLED") return "CANCELLED";
  return undefined;
}

function tellParent(draft: Draft, child: Action): void {
  const parent = draft.action(child.run, child.parent);
  if (parent?.sessionId === undefined || parent.state !== "RUNNING" || child.spec.kind === "trace") return;
  draft.affect({
    kind: "childEnded",
    sessionId: parent.sessionId,
    parent: { run: parent.run, action: parent.name, attempt: parent.attempt, epoch: parent.epoch },
    child,
  });
}

/** Ends a run whose actions have all ended; nothing happens to any other. */
export function endRunIfAllEnded(draft: Draft, key: RunKey): void {
  const run = draft.run(key);
  if (run === undefined || run.endedActionCount < run.actionCount || hasRunEnded(run)) return;
  if (run.keptSignalCount > 0) {
    for (const { action } of draft.keptSignals(key))
      dropKeptSignal(draft, run, { action, cause: "RUN_ENDED" });
  }
  const state = endOf(run);
  const error = state === "TIMED_OUT" && run.timedOut ? runTimeout : run.error;
  const end: Run = {
    ...run,
    state,
    error,
    endTimeMs: draft.nowMs,
    updateTimeMs: draft.nowMs,
    dueMs: undefined,
    keptSignalCount: 0,
  };
  draft.setRun(end);
  draft.emit(end, undefined, { kind: "run_ended", state, error: end.error, outputs: end.outputs });
}

const runTimeout: ActionError = {
  type: "Timeout",
  message: "the run took longer than its timeout",
  stack: "",
  nonRetryable: false,
};

/**
 * A run whose actions have all ended: time and cancel explain what did not succeed, the worst end the rest.
 */
function endOf(run: Run): Run["state"] {
  if (run.worst === undefined) return "SUCCEEDED";
  if (run.timedOut) return "TIMED_OUT";
  return run.cancelRequested ? "CANCELLED" : run.worst;
}
