import type { Dependency, Input } from "../../src/core/action.ts";
import { type Answerer, anonymousSubject } from "../../src/core/conditions/standing.ts";
import {
  type AnswerRule,
  type ConditionTerms,
  plainRule,
  plainTerms,
} from "../../src/core/conditions/terms.ts";
import type { InputSpec, InputSpecs, OpContent, OutputSpec, SpecType } from "../../src/core/ops/op.ts";
import type { NewAction, NewCondition, NewTask, Replays, Request } from "../../src/core/stated.ts";
import type { Json, Value } from "../../src/core/value.ts";

/** A request without an id. */
export const noRequest: Request = { requestId: "", digest: "" };

/** Earlier answers as is usual for the command. */
export const noReplays: Replays = { all: undefined, byCondition: {} };

/** A caller who answers by a call, in nobody else's name. */
export function by(subject: string = anonymousSubject, parts: Partial<Answerer> = {}): Answerer {
  return { subject, groups: [], signalledBy: "", comment: "", channel: "call", origin: "", ...parts };
}

/** The terms of a condition that asks for only this beyond its type. */
export function terms(parts: Partial<ConditionTerms>): ConditionTerms {
  return { ...plainTerms, ...parts };
}

/** A rule by which answers decide: one answer of anybody, but for what is said. */
export function answerRule(parts: Partial<AnswerRule>): AnswerRule {
  return { ...plainRule, ...parts };
}

/** The op of every task that names none. */
export const theOp = "work";

/** A value of each kind, from what JavaScript has for it. */
export const bool = (value: boolean): Value => ({ kind: "bool", value });
export const int = (value: number | string): Value => ({ kind: "int", value: String(value) });
export const float = (value: number): Value => ({ kind: "float", value });
export const text = (value: string): Value => ({ kind: "string", value });
export const json = (value: Json): Value => ({ kind: "json", value });

/** What an action waits for: `a`, `a ended`, or an answer. */
export type After = string | { readonly action: string; readonly equals: Value };

/** What may be said of any action of a plan. */
interface Common {
  readonly after?: readonly After[];
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * Work, for a worker of `theOp` unless said. An input `from a.x` is the output x of a; `from a` all of them.
 */
export type TaskParts = Partial<Omit<NewTask, "kind" | "inputs">> & {
  readonly inputs?: Readonly<Record<string, Value | string>>;
};

/** What a task is, without a name. */
export function theTask({ inputs = {}, ...parts }: TaskParts = {}): NewTask {
  return {
    kind: "task",
    op: theOp,
    opVersion: 0,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, inputOf(input)])),
    retry: undefined,
    timeouts: undefined,
    cancelGraceMs: undefined,
    resources: undefined,
    placement: undefined,
    image: "",
    handler: "",
    ...parts,
  };
}

/** A task of a plan. */
export function aTask(name: string, { after, labels, ...parts }: TaskParts & Common = {}): NewAction {
  return { name, spec: theTask(parts), ...common({ after, labels }) };
}

/** A condition of a plan, of type bool and without an end unless said. */
export function aCondition(
  name: string,
  { after, labels, ...parts }: Partial<Omit<NewCondition, "kind">> & Common = {},
): NewAction {
  const spec: NewCondition = {
    kind: "condition",
    type: "bool",
    prompt: `${name}?`,
    description: "",
    timeoutMs: undefined,
    defaultValue: undefined,
    terms: undefined,
    ...parts,
  };
  return { name, spec, ...common({ after, labels }) };
}

/** What is stated of an op that says nothing, or only some of it. */
export function anOp(parts: Partial<OpContent> = {}): OpContent {
  return {
    description: "",
    labels: {},
    retry: undefined,
    timeouts: undefined,
    versionName: "",
    inputs: { specs: {}, allowExtra: false },
    outputs: {},
    resources: undefined,
    placement: undefined,
    delivery: undefined,
    image: "",
    handler: "",
    ...parts,
  };
}

/** Inputs of an op by name: each required and of a type, unless more is said. */
export function theInputs(
  specs: Readonly<Record<string, SpecType | Partial<InputSpec>>>,
  { allowExtra = false }: { readonly allowExtra?: boolean } = {},
): InputSpecs {
  const whole = Object.entries(specs).map(([name, said]): [string, InputSpec] => {
    const parts = typeof said === "string" ? { type: said } : said;
    const plain = { required: true, defaultValue: undefined, description: "", schema: undefined };
    return [name, { type: "any", ...plain, ...parts }];
  });
  return { specs: Object.fromEntries(whole), allowExtra };
}

/** Outputs of an op by name. */
export function theOutputs(
  specs: Readonly<Record<string, SpecType | Partial<OutputSpec>>>,
): Readonly<Record<string, OutputSpec>> {
  const whole = Object.entries(specs).map(([name, said]): [string, OutputSpec] => {
    const parts = typeof said === "string" ? { type: said } : said;
    return [name, { type: "any", description: "", schema: undefined, ...parts }];
  });
  return Object.fromEntries(whole);
}

/** A step that a task executes itself. */
export function aTrace(name: string): NewAction {
  return { name, spec: { kind: "trace", description: "" }, dependencies: [], labels: {} };
}

/** Tasks of which each waits for the one before it. */
export function aChain(length: number, parts: TaskParts = {}): readonly NewAction[] {
  return Array.from({ length }, (_, index) =>
    aTask(`t${index}`, { ...parts, after: index === 0 ? [] : [`t${index - 1}`] }),
  );
}

function common({
  after = [],
  labels = {},
}: {
  after?: readonly After[] | undefined;
  labels?: object | undefined;
}) {
  return { dependencies: after.map(dependencyOf), labels: { ...labels } };
}

function dependencyOf(after: After): Dependency {
  if (typeof after === "object") return { ...after, requirement: "succeeded" };
  const [action = "", word] = after.split(" ");
  return { action, requirement: word === "ended" ? "ended" : "succeeded", equals: undefined };
}

function inputOf(input: Value | string): Input {
  if (typeof input === "object") return { value: input };
  const [from = "", output = ""] = input.replace("from ", "").split(".");
  return { reference: { from, output } };
}
