import { opSpecsBytesMax } from "../../limits.ts";
import type { Violation } from "../refusal.ts";
import { type Budget, newBudget } from "../schema/check-value.ts";
import { readSchema } from "../schema/schema.ts";
import { type Json, textSizeBytes } from "../value.ts";
import { typeViolations } from "./check-inputs.ts";
import type { InputSpec, OpContent } from "./op.ts";
import { isNull } from "./spec-type.ts";

/** Everything in which the specs of an op contradict themselves or go over a bound. */
export function opViolations({
  inputs,
  outputs,
}: Pick<OpContent, "inputs" | "outputs">): readonly Violation[] {
  const budget = newBudget();
  const violations: Violation[] = [];
  for (const [name, spec] of Object.entries(inputs.specs)) {
    const field = `op.inputs[${JSON.stringify(name)}]`;
    const schema = schemaViolations(spec.schema, field);
    violations.push(...schema);
    if (schema.length === 0) violations.push(...defaultViolations(spec, field, budget));
  }
  for (const [name, { schema }] of Object.entries(outputs)) {
    violations.push(...schemaViolations(schema, `op.outputs[${JSON.stringify(name)}]`));
  }
  if (violations.length > 0) return violations;
  const size = specsSizeBytes([inputs.specs, outputs]);
  if (size <= opSpecsBytesMax) return [];
  const description = `inputs and outputs take ${size} bytes, more than ${opSpecsBytesMax}`;
  return [{ field: "op", description }];
}

/** About how many bytes specs take. */
export function specsSizeBytes(specs: unknown): number {
  return textSizeBytes(JSON.stringify(specs) ?? "");
}

function schemaViolations(schema: Json | undefined, field: string): readonly Violation[] {
  const read = schema === undefined ? undefined : readSchema(schema);
  if (read === undefined || !("faults" in read)) return [];
  return read.faults.map(({ pointer, description }) => ({ field: `${field}.schema${pointer}`, description }));
}

function defaultViolations(spec: InputSpec, owner: string, budget: Budget): readonly Violation[] {
  const { defaultValue, required } = spec;
  if (defaultValue === undefined) return [];
  const field = `${owner}.default_value`;
  if (!isNull(defaultValue)) return typeViolations(spec, defaultValue, { field, budget });
  const description = "is null, which does not meet a required input; leave one of the two out";
  return required ? [{ field, description }] : [];
}
