import type { Action } from "../action.ts";
import { hasEnded } from "../action.ts";
import type { Draft } from "../draft.ts";
import { waitedFor } from "./create-action.ts";
import { makeReady } from "./ready.ts";

/**
 * Opens ended actions of one run again: each counts its attempts from here, waits again for what has not
 * ended, and goes on at once if nothing holds it back. Call `settle` after it.
 */
export function reopenActions(draft: Draft, ended: readonly Action[]): void {
  const first = ended[0];
  if (first === undefined) return;
  const run = draft.runOf(first);
  draft.setRun({ ...run, endedActionCount: run.endedActionCount - ended.length });
  const opened = ended.map((action) => draft.setAction(asOpened(action)));
  for (const action of opened) {
    const waited = waitedFor(draft, action.run, action.parent, action.spec);
    draft.setAction({ ...action, waitingCount: waited.size });
    draft.emit(run, action, { kind: "action_reopened", state: action.state });
  }
  for (const action of opened) awaitAgain(draft, action);
  for (const { name, run: key } of opened) {
    const action = draft.action(key, name);
    if (action === undefined || hasEnded(action)) continue;
    if (action.state === "PENDING" && action.waitingCount === 0) makeReady(draft, action, { isNew: false });
  }
}

function asOpened(action: Action): Action {
  const isTrace = action.spec.kind === "trace";
  return {
    ...action,
    state: isTrace ? "RUNNING" : "PENDING",
    attemptBase: action.attempt,
    endTimeMs: undefined,
    queueTimeMs: undefined,
    startTimeMs: undefined,
    retryTimeMs: undefined,
    cancelTimeMs: undefined,
    cancelCause: "",
    outputs: undefined,
    error: undefined,
    outcome: undefined,
    signalledBy: "",
    progressPercent: 0,
    progressMessage: "",
    isStale: false,
  };
}

/** What still waits for other things waits for this one too, unless it is opened here and has counted it. */
function awaitAgain(draft: Draft, opened: Action): void {
  for (const name of draft.dependents(opened.run, opened.name)) {
    const dependent = draft.action(opened.run, name);
    if (dependent === undefined || dependent.state !== "PENDING" || dependent.waitingCount === 0) continue;
    const waited = waitedFor(draft, dependent.run, dependent.parent, dependent.spec);
    if (waited.size !== dependent.waitingCount) draft.setAction({ ...dependent, waitingCount: waited.size });
  }
}
