import { labelsMax, liveActionsPerRunMax } from "../../limits.ts";
import { type Action, hasSucceeded } from "../action.ts";
import { createSpecified, startAction } from "../actions/create-action.ts";
import { requirementsOf, waitedFor } from "../actions/dependency.ts";
import { endRunIfAllEnded, settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import { carriedStanding, isOwnAnswer, replayOf, replayViolations } from "../conditions/replay.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf, type RunKey, runIdOf, runKey } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { hasRunEnded, type Run } from "../run.ts";
import type { Replay } from "../stated.ts";
import { beginRun } from "./begin-run.ts";
import { labelBytesRefusal } from "./label-bytes.ts";
import { answer, repeated } from "./requests.ts";
import { runNotFound } from "./run-commands.ts";

/**
 * Creates a run that does an ended one over. At the top, what succeeded there is RECOVERED, unless it is
 * named in `again`, is a condition that asks again, or waits for one of these; everything else is executed.
 * A task that is executed because it did not succeed finds the children it had, as a retried one does.
 */
export function rerunRun(draft: Draft, command: CommandOf<"rerunRun">): Decision<"rerunRun"> {
  const namespace = namespaceOf(command.run);
  const scope = { namespace, kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const earlier = draft.run(command.run);
  if (earlier === undefined) return refuse(runNotFound(command.run));
  const key = runKey(namespace, command.runId === "" ? command.newRunId : command.runId);
  const all = draft.actions(earlier.key);
  const again = againOf(all, command);
  const goingOn = goingOnOf(all, again);
  const plan = all.filter(({ name, parent }) => parent === "" || goingOn.has(topOf(name)));
  const labels = { ...earlier.labels, ...command.labels };
  const refusal =
    rerunRefusal(draft, { command, earlier, key, all, labels, actionCount: plan.length }) ??
    labelBytesRefusal({ labels, delivery: earlier.delivery, actionCount: plan.length });
  if (refusal !== undefined) return refuse(refusal);
  const run = beginRun(draft, {
    ...earlier,
    key,
    labels,
    priority: command.priority ?? earlier.priority,
    actionCount: plan.length,
    createdBy: command.createdBy,
    rerunOf: runIdOf(earlier.key),
  });
  let recoveredCount = 0;
  const executed: Action[] = [];
  for (const old of plan) {
    const { name, parent, spec } = old;
    const created = createSpecified(draft, { run, parent, parentAttempt: 0, name, spec });
    const replay = replayFor(old, command);
    if (parent !== "" || (hasSucceeded(old) && !again.has(name))) {
      takeOver(draft, created, { old, replay });
      if (hasSucceeded(old)) recoveredCount += 1;
    } else {
      executed.push(spec.kind === "condition" ? askAgain(draft, created, { old, replay }) : created);
    }
  }
  // Only now: what is executed counts those that it waits for and that have not ended.
  const counted = executed.map((action) => countWaiting(draft, action));
  // And only then does anything start: what ends by that is counted down.
  for (const action of counted) startAction(draft, action);
  settle(draft);
  endRunIfAllEnded(draft, key);
  return answer(draft, scope, { run: draft.run(key) ?? run, recoveredCount });
}

interface Rerun {
  readonly command: CommandOf<"rerunRun">;
  readonly earlier: Run;
  readonly key: RunKey;
}

function rerunRefusal(
  draft: Draft,
  {
    command,
    earlier,
    key,
    all,
    labels,
    actionCount,
  }: Rerun & Pick<Run, "labels" | "actionCount"> & { readonly all: readonly Action[] },
): Refusal | undefined {
  const runId = runIdOf(earlier.key);
  if (!hasRunEnded(earlier)) return { reason: "RUN_NOT_ENDED", runId, state: earlier.state };
  const top = new Set(all.filter(({ parent }) => parent === "").map(({ name }) => name));
  const unknown = command.again.find((name) => !top.has(name));
  if (unknown !== undefined) return { reason: "ACTION_NOT_FOUND", runId, action: unknown };
  const violations = replayViolations(command.replays, all);
  if (violations.length > 0) return { reason: "INVALID_REQUEST", violations };
  if (draft.run(key) !== undefined) return { reason: "RUN_EXISTS", runId: runIdOf(key) };
  if (Object.keys(labels).length > labelsMax) {
    return { reason: "LIMIT_REACHED", limit: "labelsMax", maximum: labelsMax };
  }
  if (actionCount <= liveActionsPerRunMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "liveActionsPerRunMax", maximum: liveActionsPerRunMax };
}

/** What is done again at the top: what is named, conditions that ask again, and what waits for these. */
function againOf(all: readonly Action[], command: CommandOf<"rerunRun">): ReadonlySet<string> {
  const top = all.filter(({ parent }) => parent === "");
  const found = new Set(command.again);
  for (const action of top) if (replayFor(action, command) !== "reuse") found.add(action.name);
  const waiting = new Map<string, string[]>();
  for (const { name, spec } of top) {
    for (const { action } of requirementsOf(spec)) {
      const names = waiting.get(action);
      if (names === undefined) waiting.set(action, [name]);
      else names.push(name);
    }
  }
  // What is added meanwhile is come to as well.
  for (const name of found) for (const dependent of waiting.get(name) ?? []) found.add(dependent);
  return found;
}

/**
 * What becomes of an answer. One of whoever does the run over does not count again where the requester may
 * not answer: it is their run now.
 */
function replayFor(old: Action, { replays, createdBy }: CommandOf<"rerunRun">): Replay {
  if (old.spec.kind !== "condition") return "reuse";
  const replay = replayOf(replays, old.name, "reuse");
  return replay === "reuse" && isOwnAnswer(old, createdBy) ? "askAgain" : replay;
}

/** The tasks at the top that go on where they were: what stood below them is taken over. */
function goingOnOf(all: readonly Action[], again: ReadonlySet<string>): ReadonlySet<string> {
  const goingOn = all.filter(
    (action) => action.parent === "" && !hasSucceeded(action) && !again.has(action.name),
  );
  return new Set(goingOn.map(({ name }) => name));
}

/** The name of the action at the top that an action stands below. */
function topOf(name: string): string {
  return name.slice(0, name.indexOf("/"));
}

function countWaiting(draft: Draft, created: Action): Action {
  const { run, name, parent, spec } = created;
  const waitingCount = waitedFor(draft, run, parent, spec).size;
  return draft.setAction({ ...(draft.action(run, name) ?? created), waitingCount });
}

/** The new action has ended as the old one had: RECOVERED, or without success below a task that goes on. */
function takeOver(
  draft: Draft,
  created: Action,
  { old, replay }: { readonly old: Action; readonly replay: Replay },
): void {
  const state = hasSucceeded(old) ? "RECOVERED" : old.state;
  const recoveredFrom = state === "RECOVERED" ? (old.recoveredFrom ?? runIdOf(old.run)) : undefined;
  const run = draft.runOf(created);
  draft.setRun({
    ...run,
    endedActionCount: run.endedActionCount + 1,
    outputs: run.isSingle && created.parent === "" ? old.outputs : run.outputs,
  });
  const parent = created.parent === "" ? undefined : draft.action(created.run, created.parent);
  if (parent !== undefined) draft.setAction({ ...parent, childCount: parent.childCount + 1 });
  draft.setAction({
    ...created,
    state,
    queueTimeMs: old.queueTimeMs === undefined ? undefined : draft.nowMs,
    endTimeMs: draft.nowMs,
    waitingCount: 0,
    outputs: old.outputs,
    error: old.error,
    outcome: old.outcome,
    signalledBy: old.signalledBy,
    standing: carriedStanding(old, replay),
    recoveredFrom,
    // A parent that asks for it opens it again.
    isStale: replay !== "reuse",
  });
  draft.emit(draft.runOf(created), created, {
    kind: "action_created",
    actionKind: created.spec.kind,
    state,
    parent: created.parent,
    op: created.spec.kind === "task" ? created.spec.op : "",
    recoveredFrom,
  });
}

/** The condition asks anew, and knows what was answered before. */
function askAgain(
  draft: Draft,
  created: Action,
  { old, replay }: { readonly old: Action; readonly replay: Replay },
): Action {
  return draft.setAction({ ...created, standing: carriedStanding(old, replay) });
}
