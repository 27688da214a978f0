import { labelsMax, repeatedCauseLengthMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { hasEnded, hasSucceeded } from "../action.ts";
import { reopenActions } from "../actions/reopen.ts";
import { cancelAction, settle, worse } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf, type RunKey, runIdOf } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { hasRunEnded, type Run } from "../run.ts";
import { canonical } from "../value.ts";
import { labelBytesRefusal } from "./label-bytes.ts";
import { answer, repeated } from "./requests.ts";

/** Asks for the end of a run: what does not run ends at once, what runs has its grace. */
export function cancelRun(draft: Draft, command: CommandOf<"cancelRun">): Decision<"cancelRun"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const run = draft.run(command.run);
  if (run === undefined) return refuse(runNotFound(command.run));
  if (hasRunEnded(run)) return refuse({ reason: "RUN_ENDED", runId: runIdOf(run.key), state: run.state });
  if (!run.cancelRequested) {
    const cancelled = { ...run, cancelRequested: true, cancelCause: command.cause };
    draft.setRun(cancelled);
    draft.emit(cancelled, undefined, { kind: "run_cancel_requested", cause: command.cause });
    cancelLive(draft, run.key, command.cause.slice(0, repeatedCauseLengthMax));
  }
  return answer(draft, scope, { run: draft.run(run.key) ?? run });
}

/**
 * The run's own time is over: everything in it is cancelled, and it ends as TIMED_OUT. One that is being
 * cancelled already ends as CANCELLED.
 */
export function timeOutRun(draft: Draft, run: Run): void {
  draft.setRun({ ...run, timedOut: !run.cancelRequested, dueMs: undefined });
  if (run.cancelRequested) return;
  cancelLive(draft, run.key, "the time of the run is over");
}

function cancelLive(draft: Draft, key: RunKey, cause: string): void {
  for (const { name } of draft.actions(key)) {
    const action = draft.action(key, name);
    if (action !== undefined) cancelAction(draft, action, cause);
  }
  settle(draft);
}

/**
 * Opens an ended run again. What failed, timed out, was cancelled, or was skipped because of that, is opened;
 * what succeeded stays, and so does what a guard ruled out, unless `force` does everything again.
 */
export function retryRun(draft: Draft, command: CommandOf<"retryRun">): Decision<"retryRun"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const run = draft.run(command.run);
  if (run === undefined) return refuse(runNotFound(command.run));
  const runId = runIdOf(run.key);
  if (!hasRunEnded(run)) return refuse({ reason: "RUN_NOT_ENDED", runId, state: run.state });
  if (run.state === "SUCCEEDED" && !command.force) return refuse({ reason: "RUN_SUCCEEDED", runId });
  openRun(draft, run);
  const all = draft.actions(run.key);
  const top = all.filter((action) => action.parent === "");
  const again = top.filter((action) => command.force || isToRepeat(action));
  if (command.force) {
    for (const child of all) if (child.parent !== "") draft.setAction({ ...child, isStale: true });
  }
  const kept = top.filter((action) => !again.includes(action));
  draft.setRun({
    ...(draft.run(run.key) ?? run),
    worst: kept.reduce<Run["worst"]>((worst, action) => worse(worst, action.state), undefined),
  });
  reopenActions(draft, again);
  settle(draft);
  return answer(draft, scope, { run: draft.run(run.key) ?? run });
}

function openRun(draft: Draft, run: Run): void {
  const deadlineMs = run.timeoutMs === undefined ? undefined : draft.nowMs + run.timeoutMs;
  const opened: Run = {
    ...run,
    state: "QUEUED",
    endTimeMs: undefined,
    deadlineMs,
    dueMs: deadlineMs,
    error: undefined,
    outputs: undefined,
    cancelRequested: false,
    cancelCause: "",
    timedOut: false,
    retryCount: run.retryCount + 1,
  };
  draft.setRun(opened);
  draft.emit(opened, undefined, { kind: "run_retried", retryCount: opened.retryCount });
  if (deadlineMs !== undefined) draft.affect({ kind: "due", atMs: deadlineMs });
}

function isToRepeat(action: Action): boolean {
  if (!hasEnded(action) || hasSucceeded(action)) return false;
  return action.state !== "SKIPPED" || action.error?.type !== "GuardUnmet";
}

/** Changes a run's priority, which moves what is queued, or its labels. */
export function updateRun(draft: Draft, command: CommandOf<"updateRun">): Decision<"updateRun"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const run = draft.run(command.run);
  if (run === undefined) return refuse(runNotFound(command.run));
  const priority = command.priority ?? run.priority;
  if (priority !== run.priority && hasRunEnded(run)) {
    return refuse({ reason: "RUN_ENDED", runId: runIdOf(run.key), state: run.state });
  }
  const labels: Record<string, string> = { ...run.labels };
  for (const name of command.removeLabels) delete labels[name];
  Object.assign(labels, command.setLabels);
  if (Object.keys(labels).length > labelsMax) {
    return refuse({ reason: "LIMIT_REACHED", limit: "labelsMax", maximum: labelsMax });
  }
  const tooMany = labelBytesRefusal({ labels, actionCount: run.actionCount });
  if (tooMany !== undefined) return refuse(tooMany);
  if (priority === run.priority && canonical(labels) === canonical(run.labels))
    return answer(draft, scope, { run });
  const updated = { ...run, priority, labels };
  draft.setRun(updated);
  draft.emit(updated, undefined, { kind: "run_updated", priority, labels });
  if (priority !== run.priority) {
    for (const action of draft.actions(run.key)) {
      if (!hasEnded(action)) draft.setAction({ ...action, priority });
    }
  }
  return answer(draft, scope, { run: updated });
}

function runNotFound(run: RunKey): Refusal {
  return { reason: "RUN_NOT_FOUND", namespace: namespaceOf(run), runId: runIdOf(run) };
}
