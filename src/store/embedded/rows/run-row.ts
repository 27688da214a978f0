import type { ActionError } from "../../../core/action.ts";
import { anonymousSubject } from "../../../core/conditions/standing.ts";
import { namespaceOf, type RunKey } from "../../../core/name.ts";
import type { Delivery, Run, RunState } from "../../../core/run.ts";
import type { Values } from "../../../core/value.ts";
import type { Column, Nullable } from "./columns.ts";
import { namesOf, parsed, parsedOrUndefined } from "./columns.ts";

/** A row of `runs`. */
export interface RunRow {
  readonly key: string;
  readonly create_ms: number;
  readonly is_single: number;
  readonly timeout_ms: Nullable<number>;
  readonly deadline_ms: Nullable<number>;
  readonly state: string;
  readonly priority: number;
  readonly start_ms: Nullable<number>;
  readonly end_ms: Nullable<number>;
  readonly due_ms: Nullable<number>;
  readonly paused_condition_count: number;
  readonly action_count: number;
  readonly ended_action_count: number;
  readonly worst: Nullable<string>;
  readonly cancel_requested: number;
  readonly cancel_cause: string;
  readonly timed_out: number;
  readonly retry_count: number;
  readonly kept_signal_count: number;
  readonly labels: string;
  readonly error: Nullable<string>;
  readonly outputs: Nullable<string>;
  readonly op: Nullable<string>;
  readonly op_version: Nullable<number>;
  readonly image: Nullable<string>;
  readonly delivery: Nullable<string>;
  /** NULL if that is the last of the times above. */
  readonly update_ms: Nullable<number>;
  /** NULL for `anonymous`. */
  readonly created_by: Nullable<string>;
  readonly rerun_of: Nullable<string>;
}

/** What changes of a run. */
export const runStateColumns: readonly Column<Run>[] = [
  ["state", (run) => run.state],
  ["priority", (run) => run.priority],
  ["start_ms", (run) => run.startTimeMs],
  ["end_ms", (run) => run.endTimeMs],
  ["deadline_ms", (run) => run.deadlineMs],
  ["due_ms", (run) => run.dueMs],
  ["paused_condition_count", (run) => run.pausedConditionCount],
  ["action_count", (run) => run.actionCount],
  ["ended_action_count", (run) => run.endedActionCount],
  ["worst", (run) => run.worst],
  ["cancel_requested", (run) => run.cancelRequested],
  ["cancel_cause", (run) => run.cancelCause],
  ["timed_out", (run) => run.timedOut],
  ["retry_count", (run) => run.retryCount],
  ["kept_signal_count", (run) => run.keptSignalCount],
  ["labels", (run) => run.labels],
  ["error", (run) => run.error],
  ["outputs", (run) => run.outputs],
];

/** What stands, or changes, of few runs: NULL in the rows of all others. */
export const runRareColumns: readonly Column<Run>[] = [
  ["op_version", (run) => (run.opVersion === 0 ? undefined : run.opVersion)],
  ["image", (run) => (run.image === "" ? undefined : run.image)],
  ["delivery", (run) => run.delivery],
  ["update_ms", (run) => (run.updateTimeMs === lastMoveMs(run) ? undefined : run.updateTimeMs)],
  ["created_by", (run) => (run.createdBy === anonymousSubject ? undefined : run.createdBy)],
  ["rerun_of", (run) => (run.rerunOf === "" ? undefined : run.rerunOf)],
];

/** True if a run has something in its rare columns. */
export function isRareRun(run: Run): boolean {
  if (run.opVersion > 0 || run.image !== "" || run.delivery !== undefined) return true;
  if (run.createdBy !== anonymousSubject || run.rerunOf !== "") return true;
  return run.updateTimeMs !== lastMoveMs(run);
}

/** When a run last went on by itself, as its own times say: mostly what its time of update is. */
function lastMoveMs(run: Pick<Run, "createTimeMs" | "startTimeMs" | "endTimeMs">): number {
  return run.endTimeMs ?? run.startTimeMs ?? run.createTimeMs;
}

/** All of a run but what is rare, and its namespace for the lists. */
export const runColumns: readonly Column<Run>[] = [
  ["key", (run) => run.key],
  ["namespace", (run) => namespaceOf(run.key)],
  ["create_ms", (run) => run.createTimeMs],
  ["is_single", (run) => run.isSingle],
  ["timeout_ms", (run) => run.timeoutMs],
  ["op", (run) => (run.op === "" ? undefined : run.op)],
  ...runStateColumns,
];

/** What to select for a `RunRow`. */
export const runRowNames = namesOf([...runColumns, ...runRareColumns]);

/** The run that a row says. */
export function runOfRow(row: RunRow): Run {
  return {
    key: row.key as RunKey,
    labels: parsed<Run["labels"]>(row.labels),
    priority: row.priority,
    state: row.state as RunState,
    createTimeMs: row.create_ms,
    startTimeMs: row.start_ms ?? undefined,
    endTimeMs: row.end_ms ?? undefined,
    deadlineMs: row.deadline_ms ?? undefined,
    isSingle: row.is_single === 1,
    timeoutMs: row.timeout_ms ?? undefined,
    dueMs: row.due_ms ?? undefined,
    pausedConditionCount: row.paused_condition_count,
    actionCount: row.action_count,
    endedActionCount: row.ended_action_count,
    worst: (row.worst as Run["worst"] | null) ?? undefined,
    error: parsedOrUndefined<ActionError>(row.error),
    outputs: parsedOrUndefined<Values>(row.outputs),
    cancelRequested: row.cancel_requested === 1,
    cancelCause: row.cancel_cause,
    timedOut: row.timed_out === 1,
    retryCount: row.retry_count,
    keptSignalCount: row.kept_signal_count,
    op: row.op ?? "",
    opVersion: row.op_version ?? 0,
    image: row.image ?? "",
    delivery: parsedOrUndefined<Delivery>(row.delivery),
    updateTimeMs: row.update_ms ?? row.end_ms ?? row.start_ms ?? row.create_ms,
    createdBy: row.created_by ?? anonymousSubject,
    rerunOf: row.rerun_of ?? "",
  };
}
