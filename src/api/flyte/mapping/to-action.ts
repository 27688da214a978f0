import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Action,
  type ActionMetadata,
  ActionMetadataSchema,
  ActionSchema,
  type ActionStatus,
  ActionStatusSchema,
  type EnrichedAction,
  EnrichedActionSchema,
  type Run as RunMessage,
  RunSchema,
} from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import type { Action as CoreAction } from "../../../core/action.ts";
import type { Run } from "../../../core/run.ts";
import { toTimestamp } from "../../mapping/time.ts";
import { durationMs } from "../lists/fields.ts";
import { rootAction } from "../names.ts";
import { actionTypes, phaseOfRun } from "../phase.ts";
import type { TaskFacts } from "../stated.ts";
import { nativeFacts, rowOf, type ViewRow } from "../view/view-row.ts";
import type { PhaseCounts } from "../view/view-tree.ts";
import { type NamedRun, toActionId, toIdentity } from "./identifiers.ts";
import { toLiteralType } from "./literal.ts";

/** What an action's messages take from its run. */
export type Maker = Pick<Run, "createdBy">;

/** An action as lists show it. */
export function toAction(run: NamedRun, row: ViewRow, by: Maker): Action {
  return create(ActionSchema, {
    id: toActionId(run, row.name),
    metadata: toMetadata(row, by),
    status: toStatus(row),
  });
}

/** An action with the phases of what is below it. */
export function toEnrichedAction(
  action: Action,
  { meetsFilter, counts }: { readonly meetsFilter: boolean; readonly counts: PhaseCounts | undefined },
): EnrichedAction {
  const childrenPhaseCounts: Record<number, number> = {};
  for (const [phase, count] of (counts ?? []).entries()) if (count > 0) childrenPhaseCounts[phase] = count;
  return create(EnrichedActionSchema, { action, meetsFilter, childrenPhaseCounts });
}

/** A run as lists show it: its first action, and its labels. */
export function toRun(run: NamedRun, row: ViewRow, of: Run): RunMessage {
  return create(RunSchema, { action: toAction(run, row, of), labels: { ...of.labels } });
}

/**
 * The row of a run's first action. A run that was not made through Flyte has none: there it stands for the
 * run itself, so that everything can be asked of any run.
 */
export function rootRowOf(run: Run, root: CoreAction | undefined): ViewRow {
  if (root !== undefined) return rowOf(root);
  const { createTimeMs, startTimeMs, endTimeMs, updateTimeMs, op, opVersion, error } = run;
  return {
    name: rootAction,
    shortName: rootAction,
    parent: "",
    kind: "task",
    state: run.state,
    phase: phaseOfRun(run.state),
    attempts: 1,
    createTimeMs,
    startTimeMs,
    endTimeMs,
    updateTimeMs,
    condition: undefined,
    step: "",
    task: op === "" ? undefined : nativeFacts(op, opVersion),
    group: "",
    error: error?.message ?? "",
    labels: {},
  };
}

/** What is known of an action beforehand. */
export function toMetadata(row: ViewRow, { createdBy }: Maker): ActionMetadata {
  const { parent, group, kind, task } = row;
  return create(ActionMetadataSchema, {
    parent,
    group,
    actionType: actionTypes[kind],
    executedBy: toIdentity(createdBy),
    spec: specOf(row),
    environmentName: task?.environment ?? "",
    funtionName: task?.functionName ?? "",
  });
}

function specOf(row: ViewRow): NonNullable<MessageInitShape<typeof ActionMetadataSchema>["spec"]> {
  const { kind, step, condition, task } = row;
  if (condition !== undefined) {
    const { displayName, type } = condition;
    return { case: "condition", value: { name: displayName, type: toLiteralType(type) } };
  }
  if (kind === "trace") return { case: "trace", value: { name: step } };
  return {
    case: "task",
    value: {
      ...(task === undefined || task.name === "" ? {} : { id: toTaskId(task) }),
      taskType: task?.taskType ?? "",
      shortName: task?.shortName ?? "",
    },
  };
}

/** The identifier of a task. */
export function toTaskId({ org, project, domain, name, version }: TaskFacts) {
  return { org, project, domain, name, version };
}

/** Where an action stands. */
export function toStatus(row: ViewRow): ActionStatus {
  const { phase, createTimeMs, startTimeMs, endTimeMs, attempts } = row;
  const tookMs = durationMs(row);
  return create(ActionStatusSchema, {
    phase: phase,
    startTime: toTimestamp(startTimeMs ?? createTimeMs),
    endTime: toTimestamp(endTimeMs),
    attempts,
    ...(tookMs === undefined ? {} : { durationMs: BigInt(tookMs) }),
  });
}
