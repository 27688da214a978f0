import type { Input } from "../action.ts";
import type { Violation } from "../refusal.ts";
import { type Budget, checkBySchema, newBudget } from "../schema/check-value.ts";
import type { Json, Value, Values } from "../value.ts";
import type { InputSpec, InputSpecs, SpecType } from "./op.ts";
import { describeKind, isNull, isOfType, plainJson } from "./spec-type.ts";

/** Where inputs stand in a request, and what may be spent on checking them. */
export interface CheckScope {
  /** The field of the inputs, such as `run.task.inputs`. */
  readonly field: string;
  readonly budget: Budget;
}

/**
 * Everything that is wrong with inputs as they stand, each under its own path. A default does not stand in
 * for what is required. Without any spec nothing is checked.
 */
export function checkInputs(specs: InputSpecs, inputs: Values): readonly Violation[] {
  const scope = { field: "inputs", budget: newBudget() };
  const violations: Violation[] = [];
  for (const [name, value] of Object.entries(inputs)) {
    violations.push(...valueViolations(specs, name, { value, scope }));
  }
  for (const [name, spec] of Object.entries(specs.specs)) {
    if (spec.required && !Object.hasOwn(inputs, name)) violations.push(missing(name, scope));
  }
  return violations;
}

/** The inputs that a run would start with: new ones with the defaults of what is missing, all checked. */
export function prepareInputs(
  specs: InputSpecs,
  inputs: Values,
): { readonly inputs: Values; readonly violations: readonly Violation[] } {
  const prepared: Record<string, Value> = { ...inputs };
  for (const [name, { defaultValue }] of Object.entries(specs.specs)) {
    if (defaultValue !== undefined && !Object.hasOwn(inputs, name)) prepared[name] = defaultValue;
  }
  return { inputs: prepared, violations: checkInputs(specs, prepared) };
}

/** The inputs of a task with the defaults of what is missing; the same ones if nothing is. */
export function withDefaults(
  specs: InputSpecs,
  inputs: Readonly<Record<string, Input>>,
): Readonly<Record<string, Input>> {
  let filled: Record<string, Input> | undefined;
  for (const [name, { defaultValue }] of Object.entries(specs.specs)) {
    if (defaultValue === undefined || Object.hasOwn(inputs, name)) continue;
    filled ??= { ...inputs };
    filled[name] = { value: defaultValue };
  }
  return filled ?? inputs;
}

/**
 * Everything that is wrong with the inputs of a task before it is created. Inputs that are references are
 * only asked for by their names: what they are shows when they are resolved.
 */
export function taskViolations(
  specs: InputSpecs,
  inputs: Readonly<Record<string, Input>>,
  scope: CheckScope,
): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [name, input] of Object.entries(inputs)) {
    if ("value" in input) violations.push(...valueViolations(specs, name, { value: input.value, scope }));
    else if (!isTaken(specs, name)) violations.push(unknown(specs, name, scope));
  }
  for (const [name, { required, defaultValue }] of Object.entries(specs.specs)) {
    if (required && defaultValue === undefined && !Object.hasOwn(inputs, name)) {
      violations.push(missing(name, scope));
    }
  }
  return violations;
}

/** Of the specs of an op, those of a task's inputs that are references; undefined if there are none. */
export function referenceSpecs(
  { specs, allowExtra }: InputSpecs,
  inputs: Readonly<Record<string, Input>>,
): InputSpecs | undefined {
  const wanted = Object.entries(inputs).flatMap(([name, input]) => {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    return spec !== undefined && "reference" in input ? [[name, spec] as const] : [];
  });
  return wanted.length === 0 ? undefined : { specs: Object.fromEntries(wanted), allowExtra };
}

/** What is wrong with those inputs that specs name, once all are resolved. */
export function resolvedViolations({ specs }: InputSpecs, inputs: Values): readonly Violation[] {
  const scope = { field: "inputs", budget: newBudget() };
  return Object.entries(specs).flatMap(([name, spec]) => {
    const value = inputs[name];
    return value === undefined ? [] : specViolations(spec, value, { field: fieldOf(name, scope), scope });
  });
}

function valueViolations(
  specs: InputSpecs,
  name: string,
  { value, scope }: { readonly value: Value; readonly scope: CheckScope },
): readonly Violation[] {
  const spec = Object.hasOwn(specs.specs, name) ? specs.specs[name] : undefined;
  if (spec !== undefined) return specViolations(spec, value, { field: fieldOf(name, scope), scope });
  return isTaken(specs, name) ? [] : [unknown(specs, name, scope)];
}

function isTaken({ specs, allowExtra }: InputSpecs, name: string): boolean {
  return allowExtra || Object.hasOwn(specs, name) || Object.keys(specs).length === 0;
}

function unknown({ specs }: InputSpecs, name: string, scope: CheckScope): Violation {
  const names = Object.keys(specs);
  const some = names.slice(0, 20).join(", ");
  const description = `is no input of the op, which takes ${some}${names.length > 20 ? " and more" : ""}`;
  return { field: fieldOf(name, scope), description };
}

function missing(name: string, scope: CheckScope): Violation {
  return { field: fieldOf(name, scope), description: "is required, and not given" };
}

function fieldOf(name: string, { field }: CheckScope): string {
  return `${field}[${JSON.stringify(name)}]`;
}

function specViolations(
  { type, required, schema }: InputSpec,
  value: Value,
  { field, scope }: { readonly field: string; readonly scope: CheckScope },
): readonly Violation[] {
  if (isNull(value)) return required ? [{ field, description: "is required, and null" }] : [];
  return typeViolations({ type, schema }, value, { field, budget: scope.budget });
}

/** What is wrong with a value that is not null, by a type and a schema. */
export function typeViolations(
  { type, schema }: { readonly type: SpecType; readonly schema: Json | undefined },
  value: Value,
  { field, budget }: CheckScope,
): readonly Violation[] {
  if (!isOfType(value, type)) {
    return [{ field, description: `must be of type ${type}, and is ${describeKind(value)}` }];
  }
  // What a reference stands for is kept elsewhere.
  if (schema === undefined || value.kind === "reference") return [];
  return checkBySchema(schema, plainJson(value), budget).map(({ pointer, description }) => {
    return { field: `${field}${pointer}`, description };
  });
}
