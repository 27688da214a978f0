import type { MessageInitShape } from "@bufbuild/protobuf";
import type { NewActionSchema } from "../../../gen/signalbox/v1/action_pb.ts";
import { Dependency_Requirement } from "../../../gen/signalbox/v1/action_pb.ts";
import { type ConditionSpecSchema, EarlySignals } from "../../../gen/signalbox/v1/condition_pb.ts";
import type { NewRunSchema } from "../../../gen/signalbox/v1/run_pb.ts";
import { ValueType } from "../../../gen/signalbox/v1/value_pb.ts";
import type { Random } from "../../support/random.ts";

type Conditions = readonly AskedCondition[];
type NewAction = MessageInitShape<typeof NewActionSchema>;
type NewRun = MessageInitShape<typeof NewRunSchema>;
type Work = NonNullable<NewRun["work"]>;

/** A condition that a run asks sooner or later. */
export interface AskedCondition {
  readonly name: string;
  /** One answer of anybody decides it, and nothing else but time, an operator or its run ends it. */
  readonly isPlain: boolean;
  /** Signals may name it by this. */
  readonly correlationKey?: string;
}

/** A run to be created, and the conditions that it asks. */
export interface Plan {
  readonly run: NewRun & { readonly runId: string };
  readonly conditions: readonly AskedCondition[];
}

/** Who votes, where several answers are asked for. */
export const voters = ["ana", "ben", "eve"] as const;

/** Signals by these keys meet conditions of several runs. */
const keys = ["key-1", "key-2", "key-3"] as const;

function plain(...names: string[]): readonly AskedCondition[] {
  return names.map((name) => ({ name, isPlain: true }));
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

function work(
  name: string,
  said: { from?: string; op?: string; dependencies?: NewAction["dependencies"] } = {},
): NewAction {
  const { from, op = "work", dependencies = [] } = said;
  const inputs =
    from === undefined
      ? {}
      : { from: { source: { case: "reference" as const, value: { from, output: "value" } } } };
  const resources = op === "heavy" ? { resources: { ramMb: 600n } } : {};
  return { name, kind: { case: "task", value: { op, inputs, retry, ...resources } }, dependencies };
}

interface Asking {
  readonly timeout?: number;
  readonly byDefault?: boolean;
  readonly after?: readonly string[];
  readonly terms?: Partial<
    Pick<
      Exclude<MessageInitShape<typeof ConditionSpecSchema>, { $typeName: string }>,
      "answerRule" | "escalations" | "group" | "correlationKey" | "earlySignals"
    >
  >;
}

function asks(name: string, said: Asking = {}): NewAction {
  const { timeout, byDefault, after = [], terms = {} } = said;
  return {
    name,
    kind: {
      case: "condition",
      value: {
        type: ValueType.BOOL,
        prompt: "go on?",
        ...(timeout === undefined ? {} : { timeout: seconds(timeout) }),
        ...(byDefault === undefined ? {} : { defaultValue: bool(byDefault) }),
        ...terms,
      },
    },
    dependencies: after.map((action) => ({ action, requirement: Dependency_Requirement.SUCCEEDED })),
  };
}

function planOf(...actions: NewAction[]): Work {
  return { case: "plan", value: { actions } };
}

/** What a parent adds when it runs: a condition among it, which a signal may come before. */
export function childrenOf(runId: string): NewAction[] {
  const seldom = runId.endsWith("0");
  return [
    work("child"),
    asks("ask", seldom ? { timeout: 30 } : {}),
    { name: "note", kind: { case: "trace", value: { description: "a step" } } },
    work("after", { dependencies: [ended("ask")] }),
  ];
}

const plans: readonly ((random: Random) => readonly [Work, Conditions])[] = [
  () => [{ case: "task", value: { op: "work", inputs: {}, retry } }, []],
  () => [
    planOf(
      work("first"),
      work("second", { from: "first" }),
      asks("approve", { after: ["first"] }),
      work("last", { from: "second", dependencies: [{ action: "approve", equals: bool(true) }] }),
    ),
    plain("approve"),
  ],
  (random) => [
    planOf(
      asks("soon", { timeout: 1 + random.below(20), byDefault: random.percent(50) }),
      asks("late", { timeout: 5 + random.below(40) }),
      work("then", { dependencies: [{ action: "soon", equals: bool(true) }] }),
      work("anyway", { dependencies: [ended("late")] }),
    ),
    plain("soon", "late"),
  ],
  () => [planOf(work("top", { op: "parent" })), plain("top/ask")],
  () => [
    planOf(
      work("a", { op: "heavy" }),
      work("b", { op: "heavy" }),
      work("c"),
      work("sum", { from: "c", dependencies: [{ action: "a" }, { action: "b" }] }),
    ),
    [],
  ],
  () => [
    planOf(
      work("top", { op: "parent" }),
      asks("gate", { after: ["top"] }),
      work("end", { dependencies: [{ action: "gate" }] }),
    ),
    plain("top/ask", "gate"),
  ],
  // Two equal answers of three voters decide; a veto may do it alone.
  (random) => [
    planOf(
      asks("vote", {
        ...(random.percent(30) ? { timeout: 60, byDefault: false } : {}),
        terms: {
          answerRule: {
            requiredCount: 2,
            voterCount: voters.length,
            subjects: [...voters],
            ...(random.percent(40) ? { veto: bool(false) } : {}),
          },
          escalations: [{ after: seconds(3), notify: ["boss"], assignee: "eve" }],
        },
      }),
      work("elected", { dependencies: [{ action: "vote", equals: bool(true) }] }),
    ),
    [{ name: "vote", isPlain: false }],
  ],
  // The first of several that is answered withdraws the others.
  () => [
    planOf(
      asks("left", { terms: { group: "way" } }),
      asks("right", { terms: { group: "way" } }),
      work("go", { dependencies: [ended("left"), ended("right")] }),
    ),
    [
      { name: "left", isPlain: false },
      { name: "right", isPlain: false },
    ],
  ],
  (random) => {
    const correlationKey = random.pick(keys);
    const earlySignals = random.percent(30) ? EarlySignals.DROP : EarlySignals.KEEP;
    return [
      planOf(
        work("before"),
        asks("keyed", { after: ["before"], terms: { correlationKey, earlySignals } }),
        work("behind", { dependencies: [ended("keyed")] }),
      ),
      [{ name: "keyed", isPlain: false, correlationKey }],
    ];
  },
];

function ended(action: string) {
  return { action, requirement: Dependency_Requirement.ENDED };
}

/** A run of one of the shapes, with an id, labels and a priority by chance. */
export function makePlan(random: Random, runId: string): Plan {
  const [asked, conditions] = random.pick(plans)(random);
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
