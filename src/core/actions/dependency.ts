import type { Action, ActionError, ActionSpec, Dependency } from "../action.ts";
import { hasEnded, hasSucceeded } from "../action.ts";
import type { Draft } from "../draft.ts";
import { type RunKey, wholeName } from "../name.ts";
import { areEqual, asJson, fitted, type Json, type Value, type Values } from "../value.ts";

/** What an action waits for: what it names, and what its inputs refer to, which must succeed. */
export function requirementsOf(spec: ActionSpec): readonly Dependency[] {
  if (spec.kind !== "task") return spec.dependencies;
  const implied: Dependency[] = [];
  for (const input of Object.values(spec.inputs)) {
    if ("reference" in input) {
      implied.push({ action: input.reference.from, requirement: "succeeded", equals: undefined });
    }
  }
  return implied.length === 0 ? spec.dependencies : [...spec.dependencies, ...implied];
}

/**
 * What an action waits for that has not ended, by whole names. An action that does not exist yet is one of
 * those: siblings may be created in any order.
 */
export function waitedFor(draft: Draft, run: RunKey, parent: string, spec: ActionSpec): ReadonlySet<string> {
  const names = new Set(requirementsOf(spec).map((requirement) => wholeName(parent, requirement.action)));
  for (const name of names) {
    const waited = draft.action(run, name);
    if (waited !== undefined && hasEnded(waited)) names.delete(name);
  }
  return names;
}

/** Why an action whose dependencies have ended is not to start, or undefined if all of them are met. */
export function unmet(draft: Draft, action: Action): ActionError | undefined {
  for (const requirement of requirementsOf(action.spec)) {
    const waited = draft.action(action.run, wholeName(action.parent, requirement.action));
    const error = waited === undefined ? undefined : unmetRequirement(requirement, waited);
    if (error !== undefined) return error;
  }
  return undefined;
}

/**
 * Why an action is not to start after this one of those it waits for has ended, or undefined if it still may.
 */
export function unmetBy(action: Action, waited: Action): ActionError | undefined {
  const requirements = hasSucceeded(waited) ? action.spec.dependencies : requirementsOf(action.spec);
  const name = action.parent === "" ? waited.name : waited.name.slice(action.parent.length + 1);
  for (const requirement of requirements) {
    if (requirement.action !== name) continue;
    const error = unmetRequirement(requirement, waited);
    if (error !== undefined) return error;
  }
  return undefined;
}

function unmetRequirement(requirement: Dependency, waited: Action): ActionError | undefined {
  if (requirement.requirement === "ended") return undefined;
  if (!hasSucceeded(waited)) {
    const type = isRuledOut(waited) ? (waited.error?.type ?? "") : "DependencyFailed";
    return skipped(type, `${waited.name} ended as ${waited.state}`);
  }
  if (requirement.equals === undefined) return undefined;
  const value = outputOf(waited.outputs, "value");
  if (value !== undefined && isAsked(value, requirement.equals)) return undefined;
  return skipped("GuardUnmet", `${waited.name} did not put out the value that this action is for`);
}

/**
 * True for an action that a decision made needless: a guard, or the answer of another one of its group. It
 * takes along what waits for it, and nothing has failed.
 */
export function isRuledOut({ state, error }: Pick<Action, "state" | "error">): boolean {
  return state === "SKIPPED" && (error?.type === "GuardUnmet" || error?.type === "GroupDecided");
}

/** True for equal values; a whole number may be asked of a float, as it may be its answer. */
function isAsked(value: Value, asked: Value): boolean {
  if (value.kind !== "float") return areEqual(value, asked);
  const float = fitted(asked, "float");
  return float !== undefined && areEqual(value, float);
}

/** An output by its name; names that every JavaScript object has are no outputs. */
function outputOf(outputs: Values | undefined, name: string): Value | undefined {
  return outputs !== undefined && Object.hasOwn(outputs, name) ? outputs[name] : undefined;
}

/** The inputs of a task with its references resolved, or what is missing. */
export function resolveInputs(draft: Draft, action: Action): { inputs: Values } | { missing: string } {
  if (action.spec.kind !== "task") return { inputs: {} };
  const inputs: Record<string, Value> = {};
  for (const [name, input] of Object.entries(action.spec.inputs)) {
    if ("value" in input) {
      inputs[name] = input.value;
      continue;
    }
    const { from, output } = input.reference;
    const outputs = draft.action(action.run, wholeName(action.parent, from))?.outputs;
    const value = output === "" ? together(outputs) : outputOf(outputs, output);
    if (value === undefined) {
      return { missing: `input ${name} wants output ${output} of ${from}, which has none` };
    }
    inputs[name] = value;
  }
  return { inputs };
}

function together(outputs: Values | undefined): Value | undefined {
  if (outputs === undefined) return undefined;
  const json: Record<string, Json> = {};
  for (const [name, value] of Object.entries(outputs)) json[name] = asJson(value);
  return { kind: "json", value: json };
}

function skipped(type: string, message: string): ActionError {
  return { type, message, stack: "", nonRetryable: false };
}
