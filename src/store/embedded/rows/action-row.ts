import {
  type Action,
  type ActionError,
  type ActionSpec,
  type ActionState,
  type Attempt,
  hasEnded,
  type Outcome,
} from "../../../core/action.ts";
import { standingOf, termsOf } from "../../../core/conditions/standing.ts";
import { namespaceOf, type RunKey } from "../../../core/name.ts";
import type { Values } from "../../../core/value.ts";
import type { Column, Nullable } from "./columns.ts";
import { listOrNothing, namesOf, parsed, parsedOrNone, parsedOrUndefined } from "./columns.ts";
import { standingOfText, standingText } from "./standing.ts";

/** A row of `actions`. */
export interface ActionRow {
  readonly run: string;
  readonly name: string;
  readonly parent: string;
  readonly create_ms: number;
  readonly state: string;
  readonly priority: number;
  readonly age_ms: number;
  readonly attempt: number;
  readonly attempt_base: number;
  readonly epoch: number;
  readonly session_id: Nullable<string>;
  readonly worker_id: Nullable<string>;
  readonly report_sequence: number;
  readonly waiting_count: number;
  readonly queue_ms: Nullable<number>;
  readonly assign_ms: Nullable<number>;
  readonly start_ms: Nullable<number>;
  readonly end_ms: Nullable<number>;
  readonly retry_ms: Nullable<number>;
  readonly beat_ms: Nullable<number>;
  readonly cancel_ms: Nullable<number>;
  readonly cancel_cause: string;
  readonly due_ms: Nullable<number>;
  readonly progress_percent: number;
  readonly progress_message: string;
  readonly outcome: Nullable<string>;
  readonly signalled_by: string;
  readonly is_stale: number;
  readonly child_count: number;
  readonly parent_attempt: number;
  readonly error: Nullable<string>;
  readonly outputs: Nullable<string>;
  readonly device_indexes: Nullable<string>;
  readonly holds: Nullable<string>;
  readonly parked_on: Nullable<string>;
  readonly attempt_inputs: Nullable<string>;
  readonly standing: Nullable<string>;
  readonly recovered_from: Nullable<string>;
  /** Also that of a large spec, which stands in another table. */
  readonly spec: string;
}

/** What changes of an action. */
export const actionStateColumns: readonly Column<Action>[] = [
  ["state", (action) => action.state],
  ["priority", (action) => action.priority],
  ["age_ms", (action) => action.ageMs],
  ["attempt", (action) => action.attempt],
  ["attempt_base", (action) => action.attemptBase],
  ["epoch", (action) => action.epoch],
  ["session_id", (action) => action.sessionId],
  ["worker_id", (action) => action.workerId],
  ["report_sequence", (action) => action.reportSequence],
  ["waiting_count", (action) => action.waitingCount],
  ["queue_ms", (action) => action.queueTimeMs],
  ["assign_ms", (action) => action.assignTimeMs],
  ["start_ms", (action) => action.startTimeMs],
  ["end_ms", (action) => action.endTimeMs],
  ["retry_ms", (action) => action.retryTimeMs],
  ["beat_ms", (action) => action.beatTimeMs],
  ["cancel_ms", (action) => action.cancelTimeMs],
  ["cancel_cause", (action) => action.cancelCause],
  ["due_ms", (action) => action.dueMs],
  ["progress_percent", (action) => action.progressPercent],
  ["progress_message", (action) => action.progressMessage],
  ["outcome", (action) => action.outcome],
  ["signalled_by", (action) => action.signalledBy],
  ["is_stale", (action) => action.isStale],
  ["child_count", (action) => action.childCount],
  ["parent_attempt", (action) => action.parentAttempt],
  ["error", (action) => action.error],
  ["outputs", (action) => action.outputs],
  ["queue_shape", queueShapeOf],
];

/** What changes of few actions: NULL in the rows of all others. */
export const actionRareColumns: readonly Column<Action>[] = [
  ["device_indexes", (action) => listOrNothing(action.deviceIndexes)],
  ["holds", (action) => listOrNothing(action.holds)],
  ["parked_on", (action) => action.parkedOn],
  ["attempt_inputs", (action) => action.attemptInputs],
  ["live_version", liveVersionOf],
  ["condition_state", conditionStateOf],
  ["standing", ({ standing }) => (standing === undefined ? undefined : standingText(standing))],
  ["recovered_from", (action) => action.recoveredFrom],
  ["assignee", assigneeOf],
  ["deadline_ms", deadlineMsOf],
  ["snooze_end_ms", (action) => action.standing?.snoozeEndMs],
  ["correlation_key", correlationKeyOf],
];

/** True if an action has something in its rare columns. */
export function isRareAction(action: Action): boolean {
  const { spec, deviceIndexes, holds, parkedOn, attemptInputs, recoveredFrom } = action;
  if (deviceIndexes.length > 0 || holds.length > 0) return true;
  if (parkedOn !== undefined || attemptInputs !== undefined || recoveredFrom !== undefined) return true;
  return spec.kind === "condition" || (spec.kind === "task" && spec.opVersion > 0);
}

/** The shape of what an action asks of its worker, "" for nothing. */
export function shapeOf({ spec }: Action): string {
  return spec.kind === "task" && spec.demand !== undefined ? spec.demand.shape : "";
}

/** The shape of an action that stands in a queue. */
function queueShapeOf(action: Action): string | undefined {
  return action.state === "QUEUED" && action.parkedOn === undefined ? shapeOf(action) : undefined;
}

/** The version of the registered op that an action is a task of, until it has ended. */
export function liveVersionOf(action: Action): number | undefined {
  const { spec } = action;
  return spec.kind === "task" && spec.opVersion > 0 && !hasEnded(action) ? spec.opVersion : undefined;
}

/** As what a condition is listed, from when it is open. */
function conditionStateOf({ spec, state }: Action): "PAUSED" | "ENDED" | undefined {
  if (spec.kind !== "condition" || state === "PENDING") return undefined;
  return state === "PAUSED" ? "PAUSED" : "ENDED";
}

/** Whose turn it is to answer; undefined for nobody's. */
function assigneeOf(action: Action): string | undefined {
  if (action.spec.kind !== "condition") return undefined;
  const assignee = action.standing?.assignee ?? termsOf(action).assignee;
  return assignee === "" ? undefined : assignee;
}

/** When a condition's time runs out; undefined for never. */
function deadlineMsOf(action: Action): number | undefined {
  return action.spec.kind === "condition" ? standingOf(action).deadlineMs : undefined;
}

/** The name under which signals find a condition; undefined for none. */
export function correlationKeyOf(action: Action): string | undefined {
  const { correlationKey } = termsOf(action);
  return correlationKey === "" ? undefined : correlationKey;
}

/** All of an action but its spec and what is rare, and what indexes need of it. */
export const actionColumns: readonly Column<Action>[] = [
  ["run", (action) => action.run],
  ["name", (action) => action.name],
  ["namespace", (action) => namespaceOf(action.run)],
  ["parent", (action) => action.parent],
  ["kind", (action) => action.spec.kind],
  ["op", (action) => (action.spec.kind === "task" ? action.spec.op : undefined)],
  ["create_ms", (action) => action.createTimeMs],
  ...actionStateColumns,
];

/** Columns that say again, for the indexes, what stands in others. */
const copies = [
  ...["namespace", "kind", "op", "queue_shape", "live_version", "condition_state"],
  ...["assignee", "deadline_ms", "snooze_end_ms", "correlation_key"],
];

const selected = [...actionColumns, ...actionRareColumns].filter(([name]) => !copies.includes(name));

/** What to select from `actions` for an `ActionRow`. */
export const actionRowNames = `${namesOf(selected)}, coalesce(spec, (
  SELECT large.spec FROM large_specs AS large WHERE large.run = actions.run AND large.name = actions.name
)) AS spec`;

/** The action that a row says. */
export function actionOfRow(row: ActionRow): Action {
  return {
    run: row.run as RunKey,
    name: row.name,
    parent: row.parent,
    spec: parsed<ActionSpec>(row.spec),
    state: row.state as ActionState,
    priority: row.priority,
    ageMs: row.age_ms,
    attempt: row.attempt,
    attemptBase: row.attempt_base,
    epoch: row.epoch,
    sessionId: row.session_id ?? undefined,
    deviceIndexes: parsedOrNone<number>(row.device_indexes),
    holds: parsedOrNone<string>(row.holds),
    parkedOn: row.parked_on ?? undefined,
    attemptInputs: parsedOrUndefined<Values>(row.attempt_inputs),
    workerId: row.worker_id ?? undefined,
    reportSequence: row.report_sequence,
    waitingCount: row.waiting_count,
    createTimeMs: row.create_ms,
    queueTimeMs: row.queue_ms ?? undefined,
    assignTimeMs: row.assign_ms ?? undefined,
    startTimeMs: row.start_ms ?? undefined,
    endTimeMs: row.end_ms ?? undefined,
    retryTimeMs: row.retry_ms ?? undefined,
    beatTimeMs: row.beat_ms ?? undefined,
    cancelTimeMs: row.cancel_ms ?? undefined,
    cancelCause: row.cancel_cause,
    dueMs: row.due_ms ?? undefined,
    outputs: parsedOrUndefined<Values>(row.outputs),
    error: parsedOrUndefined<ActionError>(row.error),
    progressPercent: row.progress_percent,
    progressMessage: row.progress_message,
    outcome: (row.outcome as Outcome | null) ?? undefined,
    signalledBy: row.signalled_by,
    standing: row.standing === null ? undefined : standingOfText(row.standing),
    recoveredFrom: row.recovered_from ?? undefined,
    isStale: row.is_stale === 1,
    childCount: row.child_count,
    parentAttempt: row.parent_attempt,
  };
}

/** A row of `attempts`. */
export interface AttemptRow {
  readonly run: string;
  readonly action: string;
  readonly number: number;
  readonly state: string;
  readonly epoch: number;
  readonly worker_id: Nullable<string>;
  readonly assign_ms: Nullable<number>;
  readonly start_ms: Nullable<number>;
  readonly end_ms: Nullable<number>;
  readonly progress_percent: number;
  readonly progress_message: string;
  readonly error: Nullable<string>;
  readonly outputs: Nullable<string>;
  readonly inputs: Nullable<string>;
  readonly device_indexes: Nullable<string>;
}

/** All of an attempt. */
export const attemptColumns: readonly Column<Attempt>[] = [
  ["run", (attempt) => attempt.run],
  ["action", (attempt) => attempt.action],
  ["number", (attempt) => attempt.number],
  ["state", (attempt) => attempt.state],
  ["epoch", (attempt) => attempt.epoch],
  ["worker_id", (attempt) => attempt.workerId],
  ["assign_ms", (attempt) => attempt.assignTimeMs],
  ["start_ms", (attempt) => attempt.startTimeMs],
  ["end_ms", (attempt) => attempt.endTimeMs],
  ["progress_percent", (attempt) => attempt.progressPercent],
  ["progress_message", (attempt) => attempt.progressMessage],
  ["error", (attempt) => attempt.error],
  ["outputs", (attempt) => attempt.outputs],
  ["inputs", (attempt) => attempt.inputs],
  ["device_indexes", (attempt) => listOrNothing(attempt.deviceIndexes)],
];

/** The attempt that a row says. */
export function attemptOfRow(row: AttemptRow): Attempt {
  return {
    run: row.run as RunKey,
    action: row.action,
    number: row.number,
    state: row.state as ActionState,
    epoch: row.epoch,
    workerId: row.worker_id ?? undefined,
    inputs: parsedOrUndefined<Values>(row.inputs),
    deviceIndexes: parsedOrNone<number>(row.device_indexes),
    assignTimeMs: row.assign_ms ?? undefined,
    startTimeMs: row.start_ms ?? undefined,
    endTimeMs: row.end_ms ?? undefined,
    outputs: parsedOrUndefined<Values>(row.outputs),
    error: parsedOrUndefined<ActionError>(row.error),
    progressPercent: row.progress_percent,
    progressMessage: row.progress_message,
  };
}
