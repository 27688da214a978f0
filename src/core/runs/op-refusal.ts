import { copiedSpecsBytesMax } from "../../limits.ts";
import type { Draft } from "../draft.ts";
import { referenceSpecs, taskViolations } from "../ops/check-inputs.ts";
import { specsSizeBytes } from "../ops/check-op.ts";
import type { Op } from "../ops/op.ts";
import type { Refusal, Violation } from "../refusal.ts";
import { newBudget } from "../schema/check-value.ts";
import type { NewAction } from "../stated.ts";

/** One more action, and how its field is called in the request. */
export interface PlacedAction {
  readonly action: NewAction;
  readonly field: string;
}

/**
 * Why tasks cannot be created by their ops: the first one whose version is not registered; else all that is
 * wrong with the inputs of all of them; else that they would copy too much.
 */
export function opRefusal(
  draft: Draft,
  namespace: string,
  actions: readonly PlacedAction[],
): Refusal | undefined {
  const budget = newBudget();
  const violations: Violation[] = [];
  let first: Op | undefined;
  let copiedBytes = 0;
  const sizes = new Map<Op, number>();
  for (const { action, field } of actions) {
    if (action.spec.kind !== "task") continue;
    const { op: name, opVersion, inputs } = action.spec;
    const op = draft.op(namespace, name, opVersion);
    if (op === undefined) {
      if (opVersion === 0) continue;
      return { reason: "OP_NOT_FOUND", op: name, version: opVersion };
    }
    const found = taskViolations(op.inputs, inputs, { field: `${field}.task.inputs`, budget });
    if (found.length > 0) first ??= op;
    violations.push(...found);
    const copied = sizes.get(op) ?? specsSizeBytes(op.outputs);
    sizes.set(op, copied);
    copiedBytes += copied + specsSizeBytes(referenceSpecs(op.inputs, inputs));
  }
  if (first !== undefined) {
    return { reason: "INPUTS_INVALID", op: first.name, version: first.version, violations };
  }
  if (copiedBytes <= copiedSpecsBytesMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "copiedSpecsBytesMax", maximum: copiedSpecsBytesMax };
}
