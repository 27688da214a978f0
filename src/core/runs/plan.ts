import { cycleLengthNamedMax, cyclesNamedMax, promptBytesMax } from "../../limits.ts";
import type { ActionSpec } from "../action.ts";
import { conditionViolations } from "../conditions/terms-violations.ts";
import type { Violation } from "../refusal.ts";
import { type Budget, newBudget } from "../schema/check-value.ts";
import type { NewAction } from "../stated.ts";
import { textSizeBytes } from "../value.ts";
import { findCycles } from "./find-cycles.ts";

/** What a list of new siblings is checked against. */
export interface PlanScope {
  /** How the field of the list is called in the request, for the violations. */
  readonly field: string;
  /** True if siblings of this name are there already. */
  has(name: string): boolean;
  /** Traces are only for children. */
  readonly allowsTraces: boolean;
}

/** Everything that is wrong with a list of new siblings; empty if it can be created as it stands. */
export function planViolations(actions: readonly NewAction[], scope: PlanScope): readonly Violation[] {
  const violations: Violation[] = [];
  const indexByName = new Map<string, number>();
  const budget = newBudget();
  actions.forEach((action, index) => {
    const field = `${scope.field}[${index}]`;
    const first = indexByName.get(action.name);
    if (first === undefined) indexByName.set(action.name, index);
    else {
      const description = `the name ${action.name} is taken by ${scope.field}[${first}]`;
      violations.push({ field: `${field}.name`, description });
    }
    violations.push(...specViolations(action, field, { allowsTraces: scope.allowsTraces, budget }));
  });
  actions.forEach((action, index) => {
    for (const { field, name } of references(action, `${scope.field}[${index}]`)) {
      if (indexByName.has(name) || scope.has(name)) continue;
      violations.push({ field, description: `there is no action ${name} beside ${action.name}` });
    }
  });
  return [
    ...violations,
    ...promptViolations(actions, scope.field),
    ...cycleViolations(actions, indexByName, scope.field),
  ];
}

function promptViolations(actions: readonly NewAction[], field: string): readonly Violation[] {
  let total = 0;
  for (const { spec } of actions) if (spec.kind === "condition") total += textSizeBytes(spec.prompt);
  if (total <= promptBytesMax) return [];
  return [{ field, description: `the prompts take ${total} bytes, more than ${promptBytesMax}` }];
}

function specViolations(
  action: NewAction,
  field: string,
  scope: Pick<PlanScope, "allowsTraces"> & { readonly budget: Budget },
): readonly Violation[] {
  const violations: Violation[] = [];
  const { spec } = action;
  if (spec.kind === "trace" && !scope.allowsTraces) {
    violations.push({ field: `${field}.trace`, description: "only a running task can add a trace" });
  }
  if (spec.kind === "trace" && action.dependencies.length > 0) {
    violations.push({ field: `${field}.dependencies`, description: "a trace waits for nothing" });
  }
  if (spec.kind === "condition") {
    violations.push(...conditionViolations(spec, { field: `${field}.condition`, budget: scope.budget }));
  }
  action.dependencies.forEach((dependency, index) => {
    if (dependency.equals === undefined || dependency.requirement !== "ended") return;
    const description = "a value can only be asked of an action that must succeed";
    violations.push({ field: `${field}.dependencies[${index}].equals`, description });
  });
  return violations;
}

function references(action: NewAction, field: string): readonly { field: string; name: string }[] {
  const found = action.dependencies.map((dependency, index) => ({
    field: `${field}.dependencies[${index}].action`,
    name: dependency.action,
  }));
  if (action.spec.kind !== "task") return found;
  for (const [name, input] of Object.entries(action.spec.inputs)) {
    if ("reference" in input) {
      found.push({
        field: `${field}.task.inputs[${JSON.stringify(name)}].reference.from`,
        name: input.reference.from,
      });
    }
  }
  return found;
}

/** Every cycle among the actions, as names in the order of the work, with the first one again at the end. */
function cycleViolations(
  actions: readonly NewAction[],
  indexByName: ReadonlyMap<string, number>,
  field: string,
): readonly Violation[] {
  const waitsFor = actions.map((action) => {
    const indices = references(action, "").map(({ name }) => indexByName.get(name));
    return new Set(indices.filter((index) => index !== undefined));
  });
  return findCycles(waitsFor, cyclesNamedMax).map((cycle) => {
    const names = cycle.map((index) => actions[index]?.name ?? "");
    return { field, description: `actions wait for each other: ${shortened(names).join(" -> ")}` };
  });
}

function shortened(names: readonly string[]): readonly string[] {
  const first = names[0] ?? "";
  if (names.length <= cycleLengthNamedMax) return [...names, first];
  const left = names.length - cycleLengthNamedMax;
  return [...names.slice(0, cycleLengthNamedMax), `(${left} more)`, first];
}

/** True if an action that exists is what a caller states under its name: of the same kind, op or type. */
export function isSameAction(spec: ActionSpec, stated: NewAction["spec"]): boolean {
  if (spec.kind !== stated.kind) return false;
  if (spec.kind === "task" && stated.kind === "task") return spec.op === stated.op;
  if (spec.kind === "condition" && stated.kind === "condition") return spec.type === stated.type;
  return true;
}
