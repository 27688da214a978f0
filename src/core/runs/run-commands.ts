import { labelsMax, repeatedCauseLengthMax } from "../../limits.ts";
import { hasEnded } from "../action.ts";
import { cancelAction, settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { unpark } from "../limits/unpark.ts";
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
 * Changes a run's priority, which moves what is queued, or its labels. In a run that has ended, the priority
 * is that of what a retry opens.
 */
export function updateRun(draft: Draft, command: CommandOf<"updateRun">): Decision<"updateRun"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const run = draft.run(command.run);
  if (run === undefined) return refuse(runNotFound(command.run));
  const priority = command.priority ?? run.priority;
  const labels: Record<string, string> = { ...run.labels };
  for (const name of command.removeLabels) delete labels[name];
  Object.assign(labels, command.setLabels);
  if (Object.keys(labels).length > labelsMax) {
    return refuse({ reason: "LIMIT_REACHED", limit: "labelsMax", maximum: labelsMax });
  }
  const tooMany = labelBytesRefusal({ ...run, labels });
  if (tooMany !== undefined) return refuse(tooMany);
  const hasOtherLabels = canonical(labels) !== canonical(run.labels);
  if (priority === run.priority && !hasOtherLabels) return answer(draft, scope, { run });
  const updated = { ...run, priority, labels, updateTimeMs: draft.nowMs };
  draft.setRun(updated);
  draft.emit(updated, undefined, { kind: "run_updated", priority, labels });
  if (priority !== run.priority) {
    for (const action of draft.actions(run.key)) {
      if (!hasEnded(action)) draft.setAction({ ...action, priority });
    }
  }
  if (hasOtherLabels) {
    // What waits for the limit of a label may have another one now, or none.
    unpark(
      draft,
      draft.actions(run.key).filter(({ parkedOn }) => parkedOn !== undefined),
    );
  }
  return answer(draft, scope, { run: updated });
}

/** The refusal of what names a run that is not there. */
export function runNotFound(run: RunKey): Refusal {
  return { reason: "RUN_NOT_FOUND", namespace: namespaceOf(run), runId: runIdOf(run) };
}
