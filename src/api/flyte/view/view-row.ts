import type { Action, ActionSpec, ActionState } from "../../../core/action.ts";
import type { Labels } from "../../../core/run.ts";
import type { ValueType } from "../../../core/value.ts";
import { errorSummaryLengthMax } from "../flyte-limits.ts";
import { shortName, shortParent } from "../names.ts";
import { type Phase, phaseOf } from "../phase.ts";
import { inputNames, labelNames, type TaskFacts, taskFactsOf, textOf } from "../stated.ts";

/** What a condition asks, without its longer texts. */
export interface AskedCondition {
  /** What people call it, such as `approve`. */
  readonly displayName: string;
  readonly type: ValueType;
}

/** One action of a run, in as little as lists and watches need. Times are milliseconds since 1970. */
export interface ViewRow {
  /** Its whole name in the run. */
  readonly name: string;
  /** Flyte's names of it and of its parent, "" at the top. */
  readonly shortName: string;
  readonly parent: string;
  readonly kind: ActionSpec["kind"];
  readonly state: ActionState;
  readonly phase: Phase;
  /** How many attempts were begun, at least 1. */
  readonly attempts: number;
  readonly createTimeMs: number;
  readonly startTimeMs: number | undefined;
  readonly endTimeMs: number | undefined;
  /** When it last went from one state to another. */
  readonly updateTimeMs: number;
  /** Only of conditions. */
  readonly condition: AskedCondition | undefined;
  /** Only of traces: the step that it stands for; "" for others. */
  readonly step: string;
  /** Only of tasks. */
  readonly task: TaskFacts | undefined;
  readonly group: string;
  /** Its error, cut; "" for none. */
  readonly error: string;
  readonly labels: Labels;
}

/** The row of an action. What never changes is taken from its row before, if there is one. */
export function rowOf(action: Action, before?: ViewRow): ViewRow {
  const { name, spec, state, startTimeMs, endTimeMs, createTimeMs, assignTimeMs, queueTimeMs } = action;
  return {
    ...(before ?? fixedOf(name, spec, createTimeMs)),
    state,
    phase: phaseOf(action),
    attempts: Math.max(1, action.attempt),
    startTimeMs,
    endTimeMs,
    updateTimeMs: Math.max(
      createTimeMs,
      queueTimeMs ?? 0,
      assignTimeMs ?? 0,
      startTimeMs ?? 0,
      endTimeMs ?? 0,
    ),
    error: action.error === undefined ? "" : action.error.message.slice(0, errorSummaryLengthMax),
  };
}

function fixedOf(name: string, spec: ActionSpec, createTimeMs: number) {
  const { kind, labels } = spec;
  const called = shortName(name);
  return {
    name,
    shortName: called,
    parent: shortParent(name),
    kind,
    createTimeMs,
    condition:
      spec.kind === "condition"
        ? { displayName: labels[labelNames.condition] ?? called, type: spec.type }
        : undefined,
    step: spec.kind === "trace" ? spec.description || called : "",
    task: spec.kind === "task" ? (taskFactsOf(spec) ?? nativeFacts(spec.op, spec.opVersion)) : undefined,
    group: labels[labelNames.group] ?? (spec.kind === "task" ? textOf(spec, inputNames.group) : ""),
    labels,
  };
}

/** What is known of a task that was not made through Flyte: its op stands for it. */
export function nativeFacts(op: string, version: number): TaskFacts {
  const none = { org: "", project: "", domain: "", functionName: "", taskType: "", environment: "" };
  return { ...none, name: op, version: String(version), shortName: op };
}

/** True if nothing that a reader is shown differs between two rows of one action. */
export function areSame(one: ViewRow, other: ViewRow): boolean {
  return (
    one.state === other.state &&
    one.attempts === other.attempts &&
    one.startTimeMs === other.startTimeMs &&
    one.endTimeMs === other.endTimeMs &&
    one.updateTimeMs === other.updateTimeMs &&
    one.error === other.error
  );
}
