import type { Violation } from "../refusal.ts";
import { newBudget } from "../schema/check-value.ts";
import type { Values } from "../value.ts";
import { typeViolations } from "./check-inputs.ts";
import type { OutputSpec } from "./op.ts";

/** Everything that is wrong with what a task puts out. Outputs that no spec names are kept unchecked. */
export function outputViolations(
  specs: Readonly<Record<string, OutputSpec>>,
  outputs: Values,
): readonly Violation[] {
  const budget = newBudget();
  return Object.entries(specs).flatMap(([name, spec]) => {
    const field = `outputs[${JSON.stringify(name)}]`;
    const value = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
    if (value === undefined) return [{ field, description: "is missing" }];
    return typeViolations(spec, value, { field, budget });
  });
}
