import type { Input, TaskSpec } from "../../core/action.ts";
import type { Value } from "../../core/value.ts";

/**
 * How what Flyte says of an action stands in a Signalbox action: who creates one writes by these names, who
 * shows one reads by them.
 */

/** The op of all tasks of Flyte. */
export const flyteOp = "flyte";

/** The inputs of a Flyte task, and its output. */
export const inputNames = {
  /** A reference to the serialised TaskSpec. */
  spec: "spec",
  /** A reference to the serialised RunSpec, which every task hands on to those below. */
  runSpec: "run_spec",
  inputUri: "input_uri",
  runOutputBase: "run_output_base",
  /** `TaskFacts` as JSON. */
  task: "task",
  group: "group",
} as const;

/** The output of a Flyte task that says where its outputs are. */
export const outputUriName = "output_uri";

/** Labels of actions, so that lists can tell them without their specs. */
export const labelNames = {
  /** The short name of a task. */
  task: "flyte-task",
  group: "flyte-group",
  /** What people call a condition, such as `approve`. */
  condition: "flyte-condition",
  /** `TEXT` or `MARKDOWN`. */
  promptType: "flyte-prompt-type",
} as const;

/** What is known of a task without its spec. Empty for what it does not say. */
export interface TaskFacts {
  readonly org: string;
  readonly project: string;
  readonly domain: string;
  readonly name: string;
  readonly version: string;
  readonly shortName: string;
  readonly functionName: string;
  readonly taskType: string;
  readonly environment: string;
}

const factNames = [
  "org",
  "project",
  "domain",
  "name",
  "version",
  "shortName",
  "functionName",
  "taskType",
  "environment",
] as const satisfies readonly (keyof TaskFacts)[];

/** What is known of a task, as the input `task`. */
export function printTaskFacts(facts: TaskFacts): Value {
  return { kind: "json", value: Object.fromEntries(factNames.map((name) => [name, facts[name]])) };
}

/** What is known of a task; undefined for one that was not made through Flyte. */
export function taskFactsOf(spec: TaskSpec): TaskFacts | undefined {
  const value = valueOf(spec, inputNames.task);
  if (value?.kind !== "json" || typeof value.value !== "object" || value.value === null) return undefined;
  const said = new Map<string, unknown>(Object.entries(value.value));
  const facts: Partial<Record<keyof TaskFacts, string>> = {};
  for (const name of factNames) {
    const text = said.get(name);
    facts[name] = typeof text === "string" ? text : "";
  }
  return facts as TaskFacts;
}

/** The text of an input, "" without it. */
export function textOf(spec: TaskSpec, name: string): string {
  const value = valueOf(spec, name);
  return value?.kind === "string" ? value.value : "";
}

/** Where the bytes of an input are; undefined without it. */
export function referenceOf(spec: TaskSpec, name: string): string | undefined {
  const value = valueOf(spec, name);
  return value?.kind === "reference" ? value.uri : undefined;
}

function valueOf(spec: TaskSpec, name: string): Value | undefined {
  const input: Input | undefined = spec.inputs[name];
  return input !== undefined && "value" in input ? input.value : undefined;
}
