import type { MessageInitShape } from "@bufbuild/protobuf";
import type { NewActionSchema } from "../../../gen/signalbox/v1/action_pb.ts";
import { Dependency_Requirement } from "../../../gen/signalbox/v1/action_pb.ts";
import type { NewRunSchema } from "../../../gen/signalbox/v1/run_pb.ts";
import { ValueType } from "../../../gen/signalbox/v1/value_pb.ts";
import type { Random } from "../../support/random.ts";

type NewAction = MessageInitShape<typeof NewActionSchema>;
type NewRun = MessageInitShape<typeof NewRunSchema>;

/** A run to be created, and the conditions that it asks sooner or later. */
export interface Plan {
  readonly run: NewRun & { readonly runId: string };
  readonly conditions: readonly string[];
}

/** The ops of the load; every worker of the end runs all of them. */
export const ops = ["work", "heavy", "parent"] as const;

const retry = { maxAttempts: 3, initialBackoff: seconds(1) };

function seconds(count: number) {
  return { seconds: BigInt(count), nanos: 0 };
}

function bool(value: boolean) {
  return { kind: { case: "boolValue" as const, value } };
}

function work(name: string, said: Partial<NewAction> & { readonly from?: string; readonly op?: string } = {}): NewAction {
  const { from, op = "work", ...rest } = said;
  const inputs =
    from === undefined
      ? {}
      : { from: { source: { case: "reference" as const, value: { from, output: "value" } } } };
  const resources = op === "heavy" ? { resources: { ramMb: 600n } } : {};
  return { name, kind: { case: "task", value: { op, inputs, retry, ...resources } }, ...rest };
}

function asks(name: string, said: { timeout?: number; byDefault?: boolean; after?: string[] } = {}): NewAction {
  const { timeout, byDefault, after = [] } = said;
  return {
    name,
    kind: {
      case: "condition",
      value: {
        type: ValueType.BOOL,
        prompt: "go on?",
        ...(timeout === undefined ? {} : { timeout: seconds(timeout) }),
        ...(byDefault === undefined ? {} : { defaultValue: bool(byDefault) }),
      },
    },
    dependencies: after.map((action) => ({ action, requirement: Dependency_Requirement.SUCCEEDED })),
  };
}

function planOf(...actions: NewAction[]): NewRun["work"] {
  return { case: "plan", value: { actions } };
}

/** What a parent adds when it runs: a condition among it, which a signal may come before. */
export function childrenOf(runId: string): NewAction[] {
  const seldom = runId.endsWith("0");
  return [
    work("child"),
    asks("ask", seldom ? { timeout: 30 } : {}),
    { name: "note", kind: { case: "trace", value: { description: "a step" } } },
    work("after", { dependencies: [{ action: "ask", requirement: Dependency_Requirement.ENDED }] }),
  ];
}

const plans: readonly ((random: Random) => Pick<Plan, "conditions"> & { readonly work: NewRun["work"] })[] = [
  () => ({
    work: { case: "task", value: { op: "work", inputs: {}, retry } },
    conditions: [],
  }),
  () => ({
    work: planOf(
      work("first"),
      work("second", { from: "first" }),
      asks("approve", { after: ["first"] }),
      work("last", { from: "second", dependencies: [{ action: "approve", equals: bool(true) }] }),
    ),
    conditions: ["approve"],
  }),
  (random) => ({
    work: planOf(
      asks("soon", { timeout: 1 + random.below(20), byDefault: random.percent(50) }),
      asks("late", { timeout: 5 + random.below(40) }),
      work("then", { dependencies: [{ action: "soon", equals: bool(true) }] }),
      work("anyway", { dependencies: [{ action: "late", requirement: Dependency_Requirement.ENDED }] }),
    ),
    conditions: ["soon", "late"],
  }),
  () => ({ work: planOf(work("top", { op: "parent" })), conditions: ["top/ask"] }),
  () => ({
    work: planOf(
      work("a", { op: "heavy" }),
      work("b", { op: "heavy" }),
      work("c"),
      work("sum", { from: "c", dependencies: [{ action: "a" }, { action: "b" }] }),
    ),
    conditions: [],
  }),
  () => ({
    work: planOf(
      work("top", { op: "parent" }),
      asks("gate", { after: ["top"] }),
      work("end", { dependencies: [{ action: "gate" }] }),
    ),
    conditions: ["top/ask", "gate"],
  }),
];

/** A run of one of the shapes, with an id, labels and a priority by chance. */
export function makePlan(random: Random, runId: string): Plan {
  const { work: asked, conditions } = random.pick(plans)(random);
  const timeout = random.percent(12) ? { timeout: seconds(20 + random.below(100)) } : {};
  const run = {
    runId,
    namespace: random.percent(20) ? "other" : "default",
    labels: { team: random.pick(["red", "blue"]) },
    priority: random.below(3),
    ...timeout,
    work: asked,
  };
  return { run, conditions };
}
