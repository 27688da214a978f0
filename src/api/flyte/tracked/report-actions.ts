import { Code, ConnectError } from "@connectrpc/connect";
import type { TrackedActionUpdate } from "../../../../gen/flyteidl2/workflow/tracked_run_service_pb.ts";
import { type Action, hasEnded, isHeld } from "../../../core/action.ts";
import { referenceTo } from "../../../core/leases/fence.ts";
import type { NewAction, ReportContent } from "../../../core/stated.ts";
import { checkName, endTrace, newTrace, toFault } from "../actions/enqueue.ts";
import { newTask } from "../actions/new-task.ts";
import { failedPrecondition, invalid } from "../faults.ts";
import { findAction, type NamedAction } from "../find-action.ts";
import type { FlyteParts } from "../flyte-parts.ts";
import type { NamedRun } from "../mapping/identifiers.ts";
import { childName, rootAction } from "../names.ts";
import { isTerminal, type Phase, phases } from "../phase.ts";
import { refused } from "../refused.ts";
import { inputNames, outputUriName } from "../stated.ts";
import { letGo, takeUp, trackedOp } from "./tracked-worker.ts";

/**
 * Takes a word about an action of a run that happens elsewhere: adds the action if it is new, has it run, and
 * ends it as it is said. One that has ended stays so, and a word that is said again changes nothing.
 */
export async function reportAction(
  parts: FlyteParts,
  run: NamedRun,
  update: TrackedActionUpdate,
): Promise<void> {
  const { event, status, spec } = update;
  const name = event?.id?.name ?? "";
  const phase = (event?.phase || status?.phase || phases.UNSPECIFIED) as number as Phase;
  const named = { ...run, name };
  const known = await lookUp(parts, named, update.parentName);
  const action = known ?? (await addAction(parts, named, update));
  if (spec.case === "trace" && action.spec.kind === "trace") {
    const trace = spec.value;
    return endTrace(parts, { run: run.key, action: action.name, trace, inputUri: "" });
  }
  if (hasEnded(action) || phase <= phases.QUEUED) return;
  const running = isHeld(action) ? action : await takenUp(parts, action);
  if (isTerminal(phase)) await end(parts, running, { update, phase });
}

async function lookUp(parts: FlyteParts, named: NamedAction, parent: string): Promise<Action | undefined> {
  try {
    return await findAction(parts, named, parent);
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) return undefined;
    throw error;
  }
}

async function takenUp({ engine }: FlyteParts, { run, name }: Action): Promise<Action> {
  await takeUp(engine, run);
  const action = await engine.store.action(run, name);
  if (action !== undefined && isHeld(action)) return action;
  throw failedPrecondition(`action ${name} cannot run at the moment`);
}

async function addAction(
  parts: FlyteParts,
  named: NamedAction,
  update: TrackedActionUpdate,
): Promise<Action> {
  checkName(named.name);
  const parent = await findAction(parts, { ...named, name: update.parentName || rootAction });
  const holder = isHeld(parent) ? parent : await takenUp(parts, parent);
  const outcome = await parts.engine.execute({
    kind: "addActions",
    sessionId: "",
    attempt: referenceTo(holder),
    actions: [await newChild(parts, named, { update, parent })],
  });
  if (!outcome.ok) throw toFault(outcome.refusal);
  const name = childName(parent.name, named.name);
  const added = outcome.answer.actions.find((action) => action.name === name);
  if (added === undefined) throw failedPrecondition(`action ${named.name} was not added`);
  return added;
}

async function newChild(
  parts: FlyteParts,
  { key, name }: NamedAction,
  { update, parent }: { readonly update: TrackedActionUpdate; readonly parent: Action },
): Promise<NewAction> {
  const { spec, group } = update;
  if (spec.case === "trace") return newTrace(name, group, spec.value);
  if (spec.case !== "task" || spec.value.spec === undefined) {
    throw invalid(`action ${name} must have a task or a trace when it is told of first`);
  }
  const runSpec = parent.spec.kind === "task" ? parent.spec.inputs[inputNames.runSpec] : undefined;
  const { id, spec: taskSpec } = spec.value;
  const stated = { id, spec: taskSpec, group, inputUri: "", runOutputBase: "", runSpec };
  return tracked(trackedOp(key), await newTask(parts.blobs, name, stated));
}

/** The same task for nobody to do; when the server was started anew it is taken up again. */
export function tracked(op: string, task: NewAction): NewAction {
  if (task.spec.kind !== "task") return task;
  return {
    ...task,
    spec: { ...task.spec, op, retry: { maxAttempts: 100, initialBackoffMs: 0 }, timeouts: undefined },
  };
}

async function end(
  { engine }: FlyteParts,
  action: Action,
  { update, phase }: { readonly update: TrackedActionUpdate; readonly phase: Phase },
): Promise<void> {
  const { run, name } = action;
  if (phase === phases.ABORTED) {
    const request = { requestId: "", digest: "" };
    const cause = "its reporter says that it was aborted";
    const state = { state: "CANCELLED" } as const;
    const outcome = await engine.execute({
      kind: "endAction",
      request,
      run,
      action: name,
      end: state,
      cause,
    });
    if (!outcome.ok && outcome.refusal.reason !== "ACTION_ENDED") throw refused(outcome.refusal);
  } else {
    const report = {
      attempt: referenceTo(action),
      sequence: action.reportSequence + 1,
      content: contentOf(update, phase),
    };
    const outcome = await engine.execute({
      kind: "report",
      sessionId: action.sessionId ?? "",
      reports: [report],
    });
    if (!outcome.ok) throw refused(outcome.refusal);
    const [refusal] = outcome.answer.refusals;
    if (refusal !== undefined && refusal.reason !== "ACTION_ENDED") throw refused(refusal);
  }
  if (name === rootAction) await letGo(engine, run);
}

function contentOf({ event }: TrackedActionUpdate, phase: Phase): ReportContent {
  if (phase === phases.SUCCEEDED || phase === phases.RECOVERED) {
    const value = event?.outputs?.outputUri ?? "";
    return { kind: "succeeded", outputs: value === "" ? {} : { [outputUriName]: { kind: "string", value } } };
  }
  const { code = "", message = "" } = event?.errorInfo ?? {};
  const type = code || (phase === phases.TIMED_OUT ? "Timeout" : "Failed");
  return { kind: "failed", error: { type, message: message || "it failed", stack: "", nonRetryable: true } };
}
