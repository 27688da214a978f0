import type {
  Dependency as DependencyMessage,
  Input as InputMessage,
  NewAction as NewActionMessage,
  TaskSpec as TaskSpecMessage,
} from "../../../gen/signalbox/v1/action_pb.ts";
import type { ConditionReplay } from "../../../gen/signalbox/v1/replay_pb.ts";
import type { NewRun as NewRunMessage } from "../../../gen/signalbox/v1/run_pb.ts";
import type { Dependency, Input } from "../../core/action.ts";
import type { CommandOf } from "../../core/command.ts";
import { defaultNamespace } from "../../core/name.ts";
import type { NewAction, NewTask, Replays } from "../../core/stated.ts";
import { fromConditionSpec } from "./conditions/from-condition-spec.ts";
import { fromDelivery } from "./delivery.ts";
import { replays, requirements } from "./enums.ts";
import type { Faults } from "./faults.ts";
import { fromRetryPolicy, fromTimeouts } from "./from-proto-op.ts";
import { fromPlacement, fromResources } from "./from-proto-resource.ts";
import { fromValue } from "./from-proto-value.ts";
import { fromDuration } from "./time.ts";

/** What a caller states to have a run, without what makes each call different. */
export type NewRun = Pick<
  CommandOf<"createRun">,
  "namespace" | "runId" | "labels" | "priority" | "timeoutMs" | "delivery" | "work"
>;

/** A new run of a request. */
export function fromNewRun(message: NewRunMessage, faults: Faults): NewRun {
  return {
    namespace: fromNamespace(message.namespace),
    runId: message.runId,
    labels: message.labels,
    priority: message.priority,
    timeoutMs: fromDuration(message.timeout),
    delivery: fromDelivery(message.delivery),
    work: fromWork(message.work, faults),
  };
}

/** What a request wants of earlier answers. */
export function fromReplays({
  replay,
  replayByCondition,
}: {
  readonly replay: ConditionReplay;
  readonly replayByCondition: Readonly<Record<string, ConditionReplay>>;
}): Replays {
  const stated = Object.entries(replayByCondition).map(([name, one]) => [name, replays.word(one) ?? "reuse"]);
  return { all: replays.word(replay), byCondition: Object.fromEntries(stated) };
}

/** The namespace that a request means: an empty one is `default`. */
export function fromNamespace(namespace: string): string {
  return namespace === "" ? defaultNamespace : namespace;
}

function fromWork(work: NewRunMessage["work"], faults: Faults): NewRun["work"] {
  switch (work.case) {
    case "task":
      return { task: faults.within("task", () => fromTaskSpec(work.value, faults)) };
    case "plan":
      return {
        plan: faults.within("plan", () =>
          faults.each("actions", work.value.actions, (action) => fromNewAction(action, faults)),
        ),
      };
    case undefined:
      faults.add("must have a task or a plan");
      return { plan: [] };
  }
}

/** One more action of a request: of a plan, or a child. */
export function fromNewAction(message: NewActionMessage, faults: Faults): NewAction {
  return {
    name: message.name,
    spec: fromKind(message.kind, faults),
    dependencies: faults.each("dependencies", message.dependencies, (one) => fromDependency(one, faults)),
    labels: message.labels,
  };
}

function fromKind(kind: NewActionMessage["kind"], faults: Faults): NewAction["spec"] {
  switch (kind.case) {
    case "task":
      return faults.within("task", () => fromTaskSpec(kind.value, faults));
    case "condition":
      return faults.within("condition", () => fromConditionSpec(kind.value, faults));
    case "trace":
      return { kind: "trace", description: kind.value.description };
    case undefined:
      faults.add("must be a task, a condition or a trace");
      return { kind: "trace", description: "" };
  }
}

/** A task of a request. What it does not say is left to its op. */
function fromTaskSpec(message: TaskSpecMessage, faults: Faults): NewTask {
  const { op, opVersion, inputs, retry, timeouts, cancelGrace } = message;
  return {
    kind: "task",
    op,
    opVersion,
    inputs: faults.entries("inputs", inputs, (input) => fromInput(input, faults)),
    retry: retry === undefined ? undefined : fromRetryPolicy(retry),
    timeouts: timeouts === undefined ? undefined : fromTimeouts(timeouts),
    cancelGraceMs: fromDuration(cancelGrace),
    resources: faults.within("resources", () => fromResources(message.resources, faults)),
    placement: faults.within("placement", () => fromPlacement(message.placement, faults)),
    image: message.image,
    handler: message.handler,
  };
}

function fromInput({ source }: InputMessage, faults: Faults): Input {
  switch (source.case) {
    case "value":
      return { value: faults.within("value", () => fromValue(source.value, faults)) };
    case "reference":
      return { reference: { from: source.value.from, output: source.value.output } };
    case undefined:
      faults.add("must be a value or a reference");
      return { value: { kind: "null" } };
  }
}

function fromDependency(message: DependencyMessage, faults: Faults): Dependency {
  const { action, requirement, equals } = message;
  return {
    action,
    requirement: requirements.word(requirement) ?? "succeeded",
    equals: equals === undefined ? undefined : faults.within("equals", () => fromValue(equals, faults)),
  };
}
