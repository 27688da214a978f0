import type {
  Action as ActionMessage,
  EnqueueRequest,
} from "../../../../gen/flyteidl2/actions/actions_service_pb.ts";
import type { TraceAction } from "../../../../gen/flyteidl2/workflow/run_definition_pb.ts";
import { type Action, hasEnded, hasSucceeded, isHeld } from "../../../core/action.ts";
import type { RunKey } from "../../../core/name.ts";
import type { Refusal } from "../../../core/refusal.ts";
import { hasRunEnded } from "../../../core/run.ts";
import type { NewAction } from "../../../core/stated.ts";
import type { Values } from "../../../core/value.ts";
import { forbiddenWebhook } from "../../delivery/webhook-targets.ts";
import { aborted, alreadyExists, failedPrecondition, invalid } from "../faults.ts";
import { findAction, findRun, type NamedAction } from "../find-action.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import { fromActionId } from "../mapping/identifiers.ts";
import { childName } from "../names.ts";
import { isTerminal, type Phase, phases } from "../phase.ts";
import { refused } from "../refused.ts";
import { inputNames, labelNames, outputUriName } from "../stated.ts";
import { findDeployed } from "../tasks/deployed.ts";
import { nameLengthMax, triesMax } from "./action-limits.ts";
import { newCondition } from "./new-condition.ts";
import { checkLabel, checkUri, newTask } from "./new-task.ts";

/**
 * Adds a child to a running action, for the attempt that runs now. A condition that is there already is found
 * again; a task that is there ends the call with ALREADY_EXISTS, which callers take for success. ABORTED says
 * that the run is being ended, FAILED_PRECONDITION that the parent does not run: it may do so soon.
 */
export async function enqueue(parts: FlyteParts, { action }: EnqueueRequest): Promise<void> {
  if (action === undefined) throw invalid("action must be set");
  const named = fromActionId(action.actionId);
  checkName(named.name);
  const parentName = action.parentActionName ?? "";
  if (parentName === "") throw invalid("parent_action_name must be set: the first action comes with its run");
  const stated = statedOf(action);
  await checkWebhook(parts, stated);
  for (let tries = 1; ; tries += 1) {
    const parent = await runningParent(parts, { ...named, name: parentName });
    const added = await addChild(parts, { parent, action, stated, name: named.name });
    if (added === "again" && tries < triesMax) continue;
    if (added === "again") throw failedPrecondition(`action ${parentName} is just given to another worker`);
    return;
  }
}

interface Adding {
  readonly parent: Action;
  readonly action: ActionMessage;
  readonly stated: Stated;
  readonly name: string;
}

/** What a child is; a condition or a trace is read at once, a task when its parent is known. */
type Stated =
  | { readonly kind: "condition"; readonly child: NewAction }
  | { readonly kind: "trace"; readonly child: NewAction; readonly trace: TraceAction }
  | { readonly kind: "task" };

function statedOf({ actionId, spec, group, inputUri }: ActionMessage): Stated {
  const name = actionId?.name ?? "";
  switch (spec.case) {
    case "condition":
      checkLabel("action.group", group);
      return { kind: "condition", child: newCondition(name, group, spec.value) };
    case "trace":
      checkLabel("action.group", group);
      checkLabel("trace.name", spec.value.name);
      checkUri("input_uri", inputUri);
      checkUri("trace.outputs.output_uri", spec.value.outputs?.outputUri ?? "");
      return { kind: "trace", child: newTrace(name, group, spec.value), trace: spec.value };
    case "task":
      return { kind: "task" };
    default:
      throw invalid("action must have a task, a trace or a condition");
  }
}

/** Ends the call with INVALID_ARGUMENT for a condition that is to be posted to an address inside. */
async function checkWebhook({ targets }: Pick<FlyteParts, "targets">, stated: Stated): Promise<void> {
  if (stated.kind !== "condition") return;
  const forbidden = await forbiddenWebhook(targets, [stated.child]);
  if (forbidden === undefined) return;
  const { address } = forbidden;
  throw invalid(`condition.webhook.url: ${address} is an address inside, which this server does not send to`);
}

/** A trace of Flyte as one of ours, under its name among its siblings. */
export function newTrace(name: string, group: string, { name: called }: TraceAction): NewAction {
  return {
    name,
    spec: { kind: "trace", description: called },
    dependencies: [],
    labels: {
      ...(called === "" ? {} : { [labelNames.task]: called }),
      ...(group === "" ? {} : { [labelNames.group]: group }),
    },
  };
}

async function newChild(parts: FlyteParts, { parent, action, stated, name }: Adding): Promise<NewAction> {
  if (stated.kind !== "task") return stated.child;
  if (action.spec.case !== "task") throw invalid("action must have a task");
  const { id, spec } = action.spec.value;
  const taskSpec = spec ?? (id === undefined ? undefined : (await findDeployed(parts, id)).spec);
  if (taskSpec === undefined) throw invalid("task must have a spec or an id");
  const { group, inputUri, runOutputBase } = action;
  const runSpec = parent.spec.kind === "task" ? parent.spec.inputs[inputNames.runSpec] : undefined;
  return newTask(parts.blobs, name, { id, spec: taskSpec, group, inputUri, runOutputBase, runSpec });
}

/** The parent, if it can have children now; else ends the call. */
async function runningParent(parts: FlyteParts, named: NamedAction): Promise<Action> {
  const run = await findRun(parts, named);
  if (hasRunEnded(run) || run.cancelRequested) throw aborted(`run ${named.key} has ended or is being ended`);
  const parent = await findAction(parts, named);
  if (parent.spec.kind !== "task") throw invalid(`action ${named.name} is no task and has no children`);
  if (hasEnded(parent) || parent.cancelTimeMs !== undefined) {
    throw aborted(`action ${named.name} has ended or is being ended`);
  }
  if (isHeld(parent)) return parent;
  throw failedPrecondition(`action ${named.name} is ${parent.state}: only a running one has children`);
}

async function addChild(parts: FlyteParts, adding: Adding): Promise<"again" | "added"> {
  const { engine } = parts;
  const { parent, name, stated } = adding;
  const wholeName = childName(parent.name, name);
  const before = await engine.store.action(parent.run, wholeName);
  if (before !== undefined && before.spec.kind !== stated.kind) {
    throw alreadyExists(`action ${name} is there already, as a ${before.spec.kind}`);
  }
  if (before === undefined || isToBeAskedFor(before, parent)) {
    const { attempt, epoch, run, name: action } = parent;
    const outcome = await engine.execute({
      kind: "addActions",
      sessionId: "",
      attempt: { run, action, attempt, epoch },
      actions: [await newChild(parts, adding)],
    });
    if (!outcome.ok && outcome.refusal.reason === "STALE_EPOCH") return "again";
    if (!outcome.ok) throw toFault(outcome.refusal);
  }
  if (stated.kind === "trace") {
    const { inputUri } = adding.action;
    await endTrace(parts, { run: parent.run, action: wholeName, trace: stated.trace, inputUri });
  }
  if (before !== undefined && stated.kind === "task") throw alreadyExists(`action ${name} is there already`);
  return "added";
}

/** True for a child that this attempt of its parent has not asked for yet: it may be opened again. */
function isToBeAskedFor(child: Action, parent: Action): boolean {
  return child.parentAttempt !== parent.attempt || (hasEnded(child) && child.isStale);
}

/** True for a child that opens again when its parent asks for it: how it ended is of no use to that. */
export function opensAgain(child: Action, parentAttempt: number): boolean {
  if (!hasEnded(child)) return false;
  return child.isStale || (!hasSucceeded(child) && child.parentAttempt < parentAttempt);
}

/** The end of a call whose child was refused. */
export function toFault(refusal: Refusal): Error {
  // Others end, and there is room again: clients try again for some minutes.
  if (refusal.reason === "LIMIT_REACHED" && refusal.limit === "liveActionsPerRunMax") {
    return failedPrecondition(
      `the run has ${refusal.maximum} actions that have not ended, which is the most`,
    );
  }
  if (refusal.reason === "ACTION_ENDED") return aborted(`action ${refusal.action} has ended`);
  if (refusal.reason === "ACTION_EXISTS") return alreadyExists(`action ${refusal.action} is there already`);
  return refused(refusal);
}

/** A trace is told when its parent has done it: it ends as it is said. `inputUri` is "" for no inputs. */
export async function endTrace(
  { engine }: Pick<FlyteParts, "engine">,
  told: {
    readonly run: RunKey;
    readonly action: string;
    readonly trace: TraceAction;
    readonly inputUri: string;
  },
): Promise<void> {
  const { run, action, trace, inputUri } = told;
  const phase = trace.phase as number as Phase;
  if (!isTerminal(phase)) return;
  const message = `the step ${trace.name} failed`;
  const isDone = phase === phases.SUCCEEDED || phase === phases.RECOVERED;
  const outcome = await engine.execute({
    kind: "endAction",
    request: { requestId: "", digest: "" },
    run,
    action,
    end: isDone
      ? { state: "SUCCEEDED", outputs: traceOutputs(trace, inputUri) }
      : { state: "FAILED", error: { type: "TraceFailed", message, stack: "", nonRetryable: true } },
    cause: "its task recorded it",
  });
  if (!outcome.ok && outcome.refusal.reason !== "ACTION_ENDED") throw toFault(outcome.refusal);
}

function traceOutputs({ outputs }: TraceAction, inputUri: string): Values {
  return {
    [outputUriName]: { kind: "string", value: outputs?.outputUri ?? "" },
    ...(inputUri === "" ? {} : { [inputNames.inputUri]: { kind: "string", value: inputUri } }),
  };
}

const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** Ends the call with INVALID_ARGUMENT for a name that no action can have. */
export function checkName(name: string): void {
  if (name.length <= nameLengthMax && namePattern.test(name)) return;
  throw invalid(`action name ${JSON.stringify(name.slice(0, nameLengthMax))} must be a plain name`);
}
