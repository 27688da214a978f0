import { create } from "@bufbuild/protobuf";
import { type ExecutionError, ExecutionErrorSchema } from "../../../../gen/flyteidl2/core/execution_pb.ts";
import {
  type ActionUpdate,
  ActionUpdateSchema,
} from "../../../../gen/flyteidl2/workflow/state_service_pb.ts";
import { type Action, hasEnded } from "../../../core/action.ts";
import { toTimestamp } from "../../mapping/time.ts";
import { type NamedRun, toActionId } from "../mapping/identifiers.ts";
import { toLiteral } from "../mapping/literal.ts";
import { toErrorInfo } from "../mapping/to-attempts.ts";
import { phaseOf, phases } from "../phase.ts";
import { outputUriName } from "../stated.ts";

/**
 * A child as its parent is told of it; undefined for one that it is not told of: a condition or a trace that
 * has not ended. Clients mistake a waiting condition that they hear of before they ask for it for a task, and
 * lose its answer then; they ask for it again after every restart.
 */
export function toActionUpdate(run: NamedRun, action: Action): ActionUpdate | undefined {
  const { spec, error, outputs } = action;
  if (spec.kind !== "task" && !hasEnded(action)) return undefined;
  const phase = phaseOf(action);
  const answer = spec.kind === "condition" ? outputs?.["value"] : undefined;
  const value = answer === undefined ? undefined : toLiteral(answer);
  const failed = isToldWhy(action) ? toExecutionError(action, error) : undefined;
  return create(ActionUpdateSchema, {
    actionId: toActionId(run, action.name),
    phase,
    outputUri: outputUriOf(action),
    ...(value === undefined ? {} : { value }),
    ...(failed === undefined ? {} : { error: failed }),
  });
}

/** A condition whose time ran out has no error: its phase says it all, and clients go by that. */
function isToldWhy(action: Action): boolean {
  const phase = phaseOf(action);
  return phase === phases.FAILED || (phase === phases.TIMED_OUT && action.spec.kind === "task");
}

function toExecutionError(action: Action, error: Action["error"]): ExecutionError | undefined {
  const info = toErrorInfo(error);
  if (info === undefined) return undefined;
  return create(ExecutionErrorSchema, {
    code: info.code,
    message: info.message,
    kind: info.kind,
    timestamp: toTimestamp(action.endTimeMs),
    worker: action.workerId ?? "",
  });
}

/** Where an action says that its outputs are, as it said it; "" while it has said nothing. */
export function outputUriOf({ outputs }: Pick<Action, "outputs">): string {
  const value = outputs?.[outputUriName];
  if (value?.kind === "string") return value.value;
  return value?.kind === "reference" ? value.uri : "";
}
