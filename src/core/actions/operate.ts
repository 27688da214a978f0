import { outputSizeBytesMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { hasEnded } from "../action.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf, runIdOf } from "../name.ts";
import { outputViolations } from "../ops/check-outputs.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { answer, repeated } from "../runs/requests.ts";
import { type Values, valuesSizeBytes } from "../value.ts";
import { endAction, tellToStop } from "./end-action.ts";
import { settle } from "./settle.ts";

/** An operator ends an action: a running attempt ends with it and is told to stop, whatever it does. */
export function endActionByOperator(draft: Draft, command: CommandOf<"endAction">): Decision<"endAction"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const { run, action: name, end, cause } = command;
  const runId = runIdOf(run);
  if (draft.run(run) === undefined) {
    return refuse({ reason: "RUN_NOT_FOUND", namespace: scope.namespace, runId });
  }
  const action = draft.action(run, name);
  if (action === undefined) return refuse({ reason: "ACTION_NOT_FOUND", runId, action: name });
  if (hasEnded(action)) {
    return refuse({ reason: "ACTION_ENDED", runId, action: name, state: action.state });
  }
  const refusal = end.state === "SUCCEEDED" ? checkOutputs(action, end.outputs) : undefined;
  if (refusal !== undefined) return refuse(refusal);
  const message = cause === "" ? "an operator ended it" : cause;
  if (action.spec.kind === "task") {
    tellToStop(draft, action, { graceMs: action.spec.cancelGraceMs, cause: message });
  }
  const cancelled = { type: "Cancelled", message, stack: "", nonRetryable: true };
  endAction(draft, action, {
    ...end,
    cause: message,
    ...(end.state === "CANCELLED" && { error: cancelled }),
  });
  settle(draft);
  return answer(draft, scope, { action: draft.action(run, name) ?? action });
}

function checkOutputs(action: Action, outputs: Values): Refusal | undefined {
  if (action.spec.kind === "condition") {
    const description = "a condition succeeds by its answer: give it with SignalCondition";
    return { reason: "INVALID_REQUEST", violations: [{ field: "state", description }] };
  }
  if (valuesSizeBytes(outputs) > outputSizeBytesMax) {
    return { reason: "LIMIT_REACHED", limit: "outputSizeBytesMax", maximum: outputSizeBytesMax };
  }
  const specs = action.spec.kind === "task" ? action.spec.outputSpecs : undefined;
  const violations = specs === undefined ? [] : outputViolations(specs, outputs);
  return violations.length === 0 ? undefined : { reason: "INVALID_REQUEST", violations };
}
