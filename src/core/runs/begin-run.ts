import type { Draft } from "../draft.ts";
import type { Run } from "../run.ts";

/** What is stated of a run that begins; what becomes of it is the same for all. */
export type Beginning = Pick<
  Run,
  | "key"
  | "labels"
  | "priority"
  | "isSingle"
  | "timeoutMs"
  | "actionCount"
  | "op"
  | "opVersion"
  | "image"
  | "delivery"
  | "createdBy"
  | "rerunOf"
>;

/** Writes a run of which nothing has happened yet, and says so. Its actions are the caller's to create. */
export function beginRun(draft: Draft, stated: Beginning): Run {
  const { nowMs } = draft;
  const { timeoutMs, priority, actionCount, createdBy, rerunOf } = stated;
  const deadlineMs = timeoutMs === undefined ? undefined : nowMs + timeoutMs;
  const run: Run = {
    key: stated.key,
    labels: stated.labels,
    priority,
    state: "QUEUED",
    createTimeMs: nowMs,
    startTimeMs: undefined,
    endTimeMs: undefined,
    deadlineMs,
    dueMs: deadlineMs,
    isSingle: stated.isSingle,
    timeoutMs,
    pausedConditionCount: 0,
    actionCount,
    endedActionCount: 0,
    worst: undefined,
    error: undefined,
    outputs: undefined,
    cancelRequested: false,
    cancelCause: "",
    timedOut: false,
    retryCount: 0,
    keptSignalCount: 0,
    op: stated.op,
    opVersion: stated.opVersion,
    image: stated.image,
    delivery: stated.delivery,
    updateTimeMs: nowMs,
    createdBy,
    rerunOf,
  };
  draft.setRun(run);
  draft.emit(run, undefined, {
    kind: "run_created",
    priority,
    actionCount,
    createdBy,
    rerunOf: rerunOf === "" ? undefined : rerunOf,
  });
  if (deadlineMs !== undefined) draft.affect({ kind: "due", atMs: deadlineMs });
  return run;
}
