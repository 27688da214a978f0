import type { Action, ActionError, ActionSpec, Dependency } from "../action.ts";
import { hasSucceeded } from "../action.ts";
import type { Draft } from "../draft.ts";
import { wholeName } from "../name.ts";
import { areEqual, asJson, type Json, type Value, type Values } from "../value.ts";

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

/** Why an action whose dependencies have ended is not to start, or undefined if all of them are met. */
export function unmet(draft: Draft, action: Action): ActionError | undefined {
  for (const requirement of requirementsOf(action.spec)) {
    const waited = draft.action(action.run, wholeName(action.parent, requirement.action));
    const error = waited === undefined ? undefined : unmetRequirement(requirement, waited);
    if (error !== undefined) return error;
  }
  return undefined;
}

/** Why an action is not to start after this one of those it waits for has ended, or undefined if it still may. */
export function unmetBy(action: Action, waited: Action): ActionError | undefined {
  const requirements = hasSucceeded(waited) ? action.spec.dependencies : requirementsOf(action.spec);
  for (const requirement of requirements) {
    if (wholeName(action.parent, requirement.action) !== waited.name) continue;
    const error = unmetRequirement(requirement, waited);
    if (error !== undefined) return error;
  }
  return undefined;
}

function unmetRequirement(requirement: Dependency, waited: Action): ActionError | undefined {
  if (requirement.requirement === "ended") return undefined;
  if (!hasSucceeded(waited)) return skipped("DependencyFailed", `${waited.name} ended as ${waited.state}`);
  const value = waited.outputs?.["value"];
  if (requirement.equals === undefined) return undefined;
  if (value !== undefined && areEqual(value, requirement.equals)) return undefined;
  return skipped("GuardUnmet", `${waited.name} did not put out the value that this action is for`);
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
    const value = output === "" ? together(outputs) : outputs?.[output];
    if (value === undefined)
      return { missing: `input ${name} wants output ${output} of ${from}, which has none` };
    inputs[name] = value;
  }
  return { inputs };
}

function together(outputs: Values | undefined): Value {
  const json: Record<string, Json> = {};
  for (const [name, value] of Object.entries(outputs ?? {})) json[name] = asJson(value);
  return { kind: "json", value: json };
}

function skipped(type: string, message: string): ActionError {
  return { type, message, stack: "", nonRetryable: false };
}
