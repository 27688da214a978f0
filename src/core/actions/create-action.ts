import { cancelGraceMs } from "../../limits.ts";
import type { Action, ActionSpec, TaskSpec } from "../action.ts";
import { dropKeptSignal } from "../conditions/signals/kept-signal.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf, wholeName } from "../name.ts";
import { referenceSpecs, withDefaults } from "../ops/check-inputs.ts";
import type { Op } from "../ops/op.ts";
import { demandOf } from "../placement/demand-of.ts";
import type { Run } from "../run.ts";
import type { NewAction, NewTask } from "../stated.ts";
import { requirementsOf, waitedFor } from "./dependency.ts";
import { goOn, type Next, nextOf, ruledOut } from "./ready.ts";
import { defaultRetry } from "./retry.ts";

/** What one more action is made from. */
export interface Birth extends Place {
  readonly action: NewAction;
}

/** Where an action stands in its run. */
interface Place {
  readonly run: Run;
  /** The parent's whole name, "" at the top. */
  readonly parent: string;
  /** The parent's attempt that asks for it, 0 at the top. */
  readonly parentAttempt: number;
}

/**
 * Adds an action to a run, and to what waits for each of its dependencies. It is PENDING, or a RUNNING trace;
 * `startAction` takes it from there once all of its siblings exist.
 */
export function createAction(draft: Draft, { action: stated, ...place }: Birth): Action {
  const name = wholeName(place.parent, stated.name);
  return createSpecified(draft, { ...place, name, spec: specOf(draft, place.run, stated) });
}

/** Adds an action, by its whole name, whose spec is complete: that of one that was created before. */
export function createSpecified(
  draft: Draft,
  { run, parent, parentAttempt, name, spec }: Place & Pick<Action, "name" | "spec">,
): Action {
  const sources = new Set(requirementsOf(spec).map((requirement) => wholeName(parent, requirement.action)));
  for (const from of sources) draft.addEdge({ run: run.key, from, to: name });
  return draft.addAction({
    run: run.key,
    name,
    parent,
    spec,
    state: spec.kind === "trace" ? "RUNNING" : "PENDING",
    priority: run.priority,
    ageMs: draft.nowMs,
    attempt: 0,
    attemptBase: 0,
    epoch: 0,
    sessionId: undefined,
    deviceIndexes: [],
    holds: [],
    parkedOn: undefined,
    attemptInputs: undefined,
    workerId: undefined,
    reportSequence: 0,
    childCount: 0,
    waitingCount: waitedFor(draft, run.key, parent, spec).size,
    createTimeMs: draft.nowMs,
    queueTimeMs: undefined,
    assignTimeMs: undefined,
    startTimeMs: spec.kind === "trace" ? draft.nowMs : undefined,
    endTimeMs: undefined,
    retryTimeMs: undefined,
    beatTimeMs: undefined,
    cancelTimeMs: undefined,
    cancelCause: "",
    dueMs: undefined,
    outputs: undefined,
    error: undefined,
    progressPercent: 0,
    progressMessage: "",
    outcome: undefined,
    signalledBy: "",
    standing: undefined,
    recoveredFrom: undefined,
    isStale: false,
    parentAttempt,
  });
}

/** Says that an action exists and where it stands, and lets it go on there if nothing holds it back. */
export function startAction(draft: Draft, created: Action): void {
  const action = draft.action(created.run, created.name) ?? created;
  const next = action.state === "PENDING" ? firstOf(draft, action) : undefined;
  const run = draft.runOf(action);
  draft.emit(run, action, {
    kind: "action_created",
    actionKind: action.spec.kind,
    state: next?.state ?? action.state,
    parent: action.parent,
    op: action.spec.kind === "task" ? action.spec.op : "",
    recoveredFrom: undefined,
  });
  if (action.spec.kind !== "condition") {
    dropKeptSignal(draft, run, { action: action.name, cause: "ACTION_NOT_CONDITION" });
  }
  if (next !== undefined) goOn(draft, action, { next, isNew: true });
}

/** Where a new action goes on to at once, if it does. */
function firstOf(draft: Draft, action: Action): Next | undefined {
  return action.waitingCount === 0 ? nextOf(draft, action) : ruledOut(draft, action);
}

function specOf(draft: Draft, run: Run, stated: NewAction): ActionSpec {
  const common = { dependencies: stated.dependencies, labels: stated.labels };
  if (stated.spec.kind !== "task") return { ...stated.spec, ...common };
  const op = opOf(draft, run, stated.spec);
  return { ...taskOf(stated.spec, op), ...common };
}

function opOf(draft: Draft, run: Run, task: NewTask): Op | undefined {
  return draft.op(namespaceOf(run.key), task.op, task.opVersion);
}

function taskOf(task: NewTask, op: Op | undefined): Omit<TaskSpec, "dependencies" | "labels"> {
  return {
    kind: "task",
    op: task.op,
    opVersion: op?.version ?? 0,
    inputs: op === undefined ? task.inputs : withDefaults(op.inputs, task.inputs),
    retry: { ...defaultRetry, ...op?.retry, ...task.retry },
    timeouts: {
      queueToStartMs: task.timeouts?.queueToStartMs ?? op?.timeouts?.queueToStartMs,
      startToEndMs: task.timeouts?.startToEndMs ?? op?.timeouts?.startToEndMs,
      heartbeatMs: task.timeouts?.heartbeatMs ?? op?.timeouts?.heartbeatMs,
    },
    cancelGraceMs: task.cancelGraceMs ?? cancelGraceMs,
    demand: demandOf(task.resources ?? op?.resources, task.placement ?? op?.placement),
    image: stated(task.image) ?? stated(op?.image),
    handler: stated(task.handler) ?? stated(op?.handler),
    inputSpecs: op === undefined ? undefined : referenceSpecs(op.inputs, task.inputs),
    outputSpecs: op === undefined || Object.keys(op.outputs).length === 0 ? undefined : op.outputs,
  };
}

/** A text that says something; undefined for one that does not. */
function stated(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}
