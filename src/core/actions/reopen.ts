import type { Action } from "../action.ts";
import { hasEnded } from "../action.ts";
import { reopenedStanding } from "../conditions/standing.ts";
import type { Draft } from "../draft.ts";
import type { RunKey } from "../name.ts";
import type { Run } from "../run.ts";
import { waitedFor } from "./dependency.ts";
import { makeReady } from "./ready.ts";

/**
 * Opens ended actions of one run again: each waits again for what has not ended, and goes on at once if
 * nothing holds it back. With `countsAnew` its attempts count from here, else those before count too. Call
 * `settle` after it.
 */
export function reopenActions(
  draft: Draft,
  ended: readonly Action[],
  { countsAnew }: { readonly countsAnew: boolean },
): void {
  const first = ended[0];
  if (first === undefined) return;
  const run = draft.runOf(first);
  draft.setRun({ ...run, endedActionCount: run.endedActionCount - ended.length });
  const opened = ended.map((action) => {
    const attemptBase = countsAnew ? action.attempt : action.attemptBase;
    return draft.setAction({ ...asOpened(draft, action, run), attemptBase });
  });
  for (const action of opened) {
    countAgain(draft, action);
    draft.emit(run, action, { kind: "action_reopened", state: action.state });
  }
  for (const dependent of stillWaiting(draft, run.key, opened)) countAgain(draft, dependent);
  for (const { name, run: key } of opened) {
    const action = draft.action(key, name);
    if (action === undefined || hasEnded(action)) continue;
    if (action.state === "PENDING" && action.waitingCount === 0) makeReady(draft, action);
  }
}

function asOpened(draft: Draft, action: Action, run: Run): Action {
  const isTrace = action.spec.kind === "trace";
  return {
    ...action,
    state: isTrace ? "RUNNING" : "PENDING",
    // The run's may have changed since it ended.
    priority: run.priority,
    endTimeMs: undefined,
    queueTimeMs: undefined,
    startTimeMs: isTrace ? draft.nowMs : undefined,
    retryTimeMs: undefined,
    cancelTimeMs: undefined,
    cancelCause: "",
    outputs: undefined,
    error: undefined,
    outcome: undefined,
    signalledBy: "",
    standing: reopenedStanding(action),
    progressPercent: 0,
    progressMessage: "",
    attemptInputs: undefined,
    isStale: false,
  };
}

function countAgain(draft: Draft, action: Action): void {
  const waitingCount = waitedFor(draft, action.run, action.parent, action.spec).size;
  if (waitingCount !== action.waitingCount) draft.setAction({ ...action, waitingCount });
}

/** What waits for other things and from here on for what is opened too; each once, however much that is. */
function stillWaiting(draft: Draft, run: RunKey, opened: readonly Action[]): readonly Action[] {
  const openedNames = new Set(opened.map((action) => action.name));
  const names = new Set(opened.flatMap((action) => draft.dependents(run, action.name)));
  return [...names].flatMap((name) => {
    const dependent = openedNames.has(name) ? undefined : draft.action(run, name);
    return dependent?.state === "PENDING" && dependent.waitingCount > 0 ? [dependent] : [];
  });
}
