import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type {
  DependencySchema,
  InputSchema,
  NewActionSchema,
  TaskSpecSchema,
} from "../../../gen/signalbox/v1/action_pb.ts";
import { Dependency_Requirement } from "../../../gen/signalbox/v1/action_pb.ts";
import { type NewRun as NewRunMessage, NewRunSchema } from "../../../gen/signalbox/v1/run_pb.ts";
import type { Value } from "../../../gen/signalbox/v1/value_pb.ts";
import { type ConditionType, type JsValue, toValue, toValueOfType } from "../js-value.ts";
import { withoutUndefined } from "../without-undefined.ts";
import { type NewCondition, toConditionSpec } from "./condition.ts";
import { toDuration } from "./duration.ts";
import {
  type NewDelivery,
  type NewPlacement,
  type NewResources,
  toDelivery,
  toPlacement,
  toResources,
} from "./placement.ts";
import { type NewRetry, type NewTimeouts, toRetry, toTimeouts } from "./retry.ts";

const outputMark = Symbol.for("signalbox.output");

/** What stands in an input for what an earlier action of the plan puts out. Made by {@link output}. */
export interface OutputOf {
  /** The action's name. */
  readonly from: string;
  /** The output's name; empty for all outputs as one JSON object. */
  readonly output: string;
  readonly [outputMark]: true;
}

/**
 * Refers to an output of another action of the same plan: the input gets its value, and the action waits for
 * it. The answer to a condition is its output `value`. Without a name it is all outputs, as one JSON object.
 */
export function output(from: string, name = ""): OutputOf {
  return { from, output: name, [outputMark]: true };
}

/** True for what {@link output} makes, and for nothing that merely looks like it. */
export function isOutput(value: unknown): value is OutputOf {
  return typeof value === "object" && value !== null && outputMark in value;
}

/** Inputs by name; those that are undefined are left out. */
export type Inputs = Readonly<Record<string, JsValue | OutputOf | undefined>>;

/** Work for a worker. */
export interface NewTask {
  /** The op's name. It need not be registered: a worker that announces the name gets the task. */
  readonly op: string;
  /** The registered version; the latest unless said. */
  readonly opVersion?: number;
  readonly input?: Inputs;
  readonly retry?: NewRetry;
  readonly timeouts?: NewTimeouts;
  /** How long a running attempt has after a cancel. 10 s unless said. */
  readonly cancelGraceMs?: number;
  /** What it asks of its worker, in the place of all that its op says. */
  readonly resources?: NewResources;
  /** Which workers it may go to, in the place of all that its op says. */
  readonly placement?: NewPlacement;
  /** The container image that executes it; its op's unless said. */
  readonly image?: string;
  /** What executes it, as its workers understand it; its op's unless said. */
  readonly handler?: string;
}

/** One that must have ended before: well by name alone, else as said. */
export type NewDependency =
  | string
  | {
      readonly action: string;
      /** `ENDED`: however it ended. */
      readonly requirement?: "SUCCEEDED" | "ENDED";
      /** Only if it put out this very value as output `value`, as a condition does with its answer. */
      readonly equals?: JsValue;
    };

/** One action of a plan: a task or a condition. */
export type PlannedAction = {
  /** Unique in the plan. */
  readonly name: string;
  /** What it waits for, besides the actions whose outputs it takes. */
  readonly dependsOn?: readonly NewDependency[];
  readonly labels?: Readonly<Record<string, string>>;
} & (
  | { readonly task: NewTask; readonly condition?: never }
  | { readonly condition: NewCondition; readonly task?: never }
);

/** A run to be: one task, which becomes the action `main`, or a plan of several actions. */
export type NewRun = {
  /** An id of the caller's own; the server chooses one unless said. */
  readonly runId?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Higher is assigned first, 0 to 1,000; 0 unless said. */
  readonly priority?: number;
  /** How long the whole run may take; without end unless said. */
  readonly timeoutMs?: number;
  /** Where its events go beside the feed; that of its op unless said. */
  readonly delivery?: NewDelivery;
} & (
  | (NewTask & { readonly plan?: never })
  | { readonly plan: readonly PlannedAction[]; readonly op?: never }
);

/** The message for a run. Throws a TypeError or RangeError, with the place, for what no value stands for. */
export function toNewRun(run: NewRun, namespace: string): NewRunMessage {
  return create(
    NewRunSchema,
    withoutUndefined({
      namespace,
      runId: run.runId ?? "",
      labels: { ...run.labels },
      priority: run.priority ?? 0,
      timeout: toDuration(run.timeoutMs),
      delivery: run.delivery && toDelivery(run.delivery),
      work:
        run.plan === undefined
          ? ({ case: "task", value: toTask(run, "input") } as const)
          : ({ case: "plan", value: { actions: toActions(run.plan) } } as const),
    }),
  );
}

function toActions(plan: readonly PlannedAction[]): MessageInitShape<typeof NewActionSchema>[] {
  const typeByName = new Map(plan.map(({ name, condition }) => [name, condition?.type]));
  return plan.map((action) => toAction(action, (name) => typeByName.get(name)));
}

/** The type of the condition of that name in the plan. */
type TypeOf = (name: string) => ConditionType | undefined;

function toAction(action: PlannedAction, typeOf: TypeOf): MessageInitShape<typeof NewActionSchema> {
  const { name, dependsOn = [], labels } = action;
  return {
    name,
    labels: { ...labels },
    dependencies: dependsOn.map((dependency) => toDependency(dependency, { name, typeOf })),
    kind:
      action.condition === undefined
        ? { case: "task", value: toTask(action.task, `${name}: input`) }
        : { case: "condition", value: toConditionSpec(action.condition, `${name}: `) },
  };
}

function toTask(task: NewTask, place: string): MessageInitShape<typeof TaskSpecSchema> {
  const { op, opVersion = 0, input = {}, retry, timeouts, cancelGraceMs, resources, placement } = task;
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  return withoutUndefined({
    op,
    opVersion,
    inputs: Object.fromEntries(given.map(([name, value]) => [name, toInput(value, `${place} ${name}`)])),
    retry: retry && toRetry(retry),
    timeouts: timeouts && toTimeouts(timeouts),
    cancelGrace: toDuration(cancelGraceMs),
    resources: resources && toResources(resources),
    placement: placement && toPlacement(placement),
    image: task.image ?? "",
    handler: task.handler ?? "",
  });
}

function toInput(value: Inputs[string], place: string): MessageInitShape<typeof InputSchema> {
  return isOutput(value)
    ? { source: { case: "reference", value: { from: value.from, output: value.output } } }
    : { source: { case: "value", value: toValue(value, place) } };
}

function toDependency(
  dependency: NewDependency,
  { name, typeOf }: { readonly name: string; readonly typeOf: TypeOf },
): MessageInitShape<typeof DependencySchema> {
  if (typeof dependency === "string") {
    return { action: dependency };
  }
  const { action, requirement = "SUCCEEDED", equals } = dependency;
  const place = `${name}: ${action} equals`;
  return withoutUndefined({
    action,
    requirement: Dependency_Requirement[requirement],
    equals: equals === undefined ? undefined : toGuard(equals, typeOf(action), place),
  });
}

function toGuard(equals: JsValue, type: ConditionType | undefined, place: string): Value {
  return type === undefined ? toValue(equals, place) : toValueOfType(equals, type, place);
}
