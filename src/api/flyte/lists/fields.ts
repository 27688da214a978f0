import type { Labels } from "../../../core/run.ts";
import { actionTypes } from "../phase.ts";
import type { ViewRow } from "../view/view-row.ts";

/** What lists know of a run beside its actions. */
export interface ListedRun {
  readonly project: string;
  readonly domain: string;
  readonly runName: string;
  readonly createdBy: string;
  readonly createTimeMs: number;
  readonly labels: Labels;
}

/** An action with its run: what filters and orders are asked about. A run stands for its first action. */
export interface Listed {
  readonly run: ListedRun;
  readonly row: ViewRow;
}

/** How the values of a field are written in a filter. */
export type FieldKind = "text" | "number" | "time";

/** A field that lists can be filtered and sorted by. */
export interface Field {
  readonly kind: FieldKind;
  /** True if the run alone says it. */
  readonly isOfRun: boolean;
  /** Undefined if the item does not have it. Times are milliseconds since 1970. */
  readonly read: (run: ListedRun, row: ViewRow) => string | number | undefined;
}

type Read = Field["read"];

const ofRun = (kind: FieldKind, read: (run: ListedRun) => string | number | undefined): Field => ({
  kind,
  isOfRun: true,
  read,
});
const ofAction = (kind: FieldKind, read: (row: ViewRow) => string | number | undefined): Field => ({
  kind,
  isOfRun: false,
  read: (_, row) => read(row),
});
/** Runs of triggers do not exist here: the field is understood and never set. */
const never = (kind: FieldKind): Field => ({ kind, isOfRun: true, read: () => undefined });

const text = (said: string | undefined) => (said === "" ? undefined : said);

const fields: Readonly<Record<string, Field>> = {
  project: ofRun("text", (run) => run.project),
  domain: ofRun("text", (run) => run.domain),
  run_name: ofRun("text", (run) => run.runName),
  name: ofAction("text", (row) => row.shortName),
  short_name: ofAction("text", calledBy),
  parent_name: ofAction("text", (row) => text(row.parent)),
  phase: ofAction("number", (row) => row.phase),
  action_type: ofAction("number", (row) => actionTypes[row.kind]),
  run_source: never("number"),
  created_by: ofRun("text", (run) => text(run.createdBy)),
  created_by_subject: ofRun("text", (run) => text(run.createdBy)),
  trigger_task_name: never("text"),
  trigger_name: never("text"),
  trigger_revision: never("number"),
  trigger_type: never("text"),
  task_project: ofAction("text", (row) => text(row.task?.project)),
  task_domain: ofAction("text", (row) => text(row.task?.domain)),
  task_name: ofAction("text", (row) => text(row.task?.name)),
  task_version: ofAction("text", (row) => text(row.task?.version)),
  function_name: ofAction("text", (row) => text(row.task?.functionName)),
  created_at: ofAction("time", (row) => row.createTimeMs),
  updated_at: ofAction("time", (row) => row.updateTimeMs),
  started_at: ofAction("time", (row) => row.startTimeMs),
  ended_at: ofAction("time", (row) => row.endTimeMs),
  duration_ms: ofAction("number", durationMs),
};

/** What the name of a field begins with that is a label. */
export const labelPrefix = "labels.";

/** The field of this name; `labels.<name>` is a label of the action, or else of its run. */
export function fieldOf(name: string): Field | undefined {
  if (!name.startsWith(labelPrefix)) return Object.hasOwn(fields, name) ? fields[name] : undefined;
  const label = name.slice(labelPrefix.length);
  if (label === "") return undefined;
  const read: Read = (run, row) => valueIn(row.labels, label) ?? valueIn(run.labels, label);
  return { kind: "text", isOfRun: false, read };
}

/** The names of all fields, for those who named another. */
export const fieldNames: readonly string[] = [...Object.keys(fields), `${labelPrefix}<name>`];

/** How long an action took; undefined while it is open. */
export function durationMs({ startTimeMs, createTimeMs, endTimeMs }: ViewRow): number | undefined {
  return endTimeMs === undefined ? undefined : Math.max(0, endTimeMs - (startTimeMs ?? createTimeMs));
}

/** What people call an action: the short name of its task, its step, or what its condition is called. */
function calledBy({ task, condition, step, shortName }: ViewRow): string {
  return text(task?.shortName) ?? condition?.displayName ?? text(step) ?? shortName;
}

function valueIn(labels: Labels, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}
