import type { Action } from "../../action.ts";
import { hasEnded } from "../../action.ts";
import type { Decision } from "../../change.ts";
import type { CommandOf } from "../../command.ts";
import type { Draft } from "../../draft.ts";
import { namespaceOf, runIdOf } from "../../name.ts";
import { type Refusal, refuse } from "../../refusal.ts";
import { answer, repeated } from "../../runs/requests.ts";
import { runNotFound } from "../../runs/run-commands.ts";
import { objectionTo } from "../answers/rights.ts";
import { voterOf } from "../answers/voter.ts";
import { conditionWaitMsMax } from "../condition-limits.ts";
import { rearm, tellChange, wake, withStanding } from "../fire-condition.ts";
import { notAllowed } from "../signals/signal-condition.ts";
import { standingOf } from "../standing.ts";
import { delegate, isHandedOn } from "./delegate.ts";

type Wanted = CommandOf<"changeCondition">["change"];

/**
 * What people do with an open condition in their inbox, short of answering: it takes the right to answer.
 * What is so already is accepted and changes nothing.
 */
export function changeCondition(
  draft: Draft,
  command: CommandOf<"changeCondition">,
): Decision<"changeCondition"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const found = findOpen(draft, command);
  if ("refusal" in found) return refuse(found.refusal);
  const { condition } = found;
  const { by, change } = command;
  const actor = voterOf(by);
  // Who has handed their right on to the same has it no more, and asks for what is so already.
  const isRepeat = change.kind === "delegate" && isHandedOn(condition, { from: actor, to: change.to });
  const requester = draft.runOf(condition).createdBy;
  const objection = isRepeat ? undefined : objectionTo(condition, { by, requester });
  if (objection !== undefined) return refuse(notAllowed(condition, actor, objection));
  const refusal = doChange(draft, condition, { change, actor });
  if (refusal !== undefined) return refuse(refusal);
  return answer(draft, scope, { action: draft.action(command.run, command.action) ?? condition });
}

function findOpen(
  draft: Draft,
  { run, action: name }: CommandOf<"changeCondition">,
): { readonly condition: Action } | { readonly refusal: Refusal } {
  if (draft.run(run) === undefined) return { refusal: runNotFound(run) };
  const runId = runIdOf(run);
  const condition = draft.action(run, name);
  if (condition === undefined) return { refusal: { reason: "ACTION_NOT_FOUND", runId, action: name } };
  const { spec, state } = condition;
  if (spec.kind !== "condition") {
    return { refusal: { reason: "ACTION_NOT_CONDITION", runId, action: name, kind: spec.kind } };
  }
  if (hasEnded(condition)) return { refusal: { reason: "ACTION_ENDED", runId, action: name, state } };
  if (state === "PAUSED") return { condition };
  return { refusal: { reason: "CONDITION_NOT_OPEN", runId, action: name, state } };
}

function doChange(
  draft: Draft,
  condition: Action,
  { change, actor }: { readonly change: Wanted; readonly actor: string },
): Refusal | undefined {
  switch (change.kind) {
    case "claim":
      return assign(draft, condition, { to: actor, actor, force: change.force });
    case "release":
      return assign(draft, condition, { to: "", actor, force: change.force });
    case "delegate":
      return delegate(draft, condition, { from: actor, to: change.to });
    case "snooze":
      return snooze(draft, condition, { endMs: change.endMs, actor });
    case "extend":
      return extend(draft, condition, { deadlineMs: change.deadlineMs, actor });
  }
}

/** Somebody is on it, or nobody: nobody else is put aside unless that is said. */
function assign(
  draft: Draft,
  condition: Action,
  { to, actor, force }: { readonly to: string; readonly actor: string; readonly force: boolean },
): Refusal | undefined {
  const { assignee } = standingOf(condition);
  if (assignee === to) return undefined;
  if (assignee !== "" && assignee !== actor && !force) {
    const { run, name: action } = condition;
    return { reason: "ALREADY_CLAIMED", runId: runIdOf(run), action, assignee };
  }
  const changed = withStanding(draft, condition, { assignee: to });
  tellChange(draft, changed, { change: to === "" ? "released" : "claimed", subject: actor });
  return undefined;
}

function snooze(
  draft: Draft,
  condition: Action,
  { endMs, actor }: { readonly endMs: number | undefined; readonly actor: string },
): Refusal | undefined {
  const { snoozeEndMs } = standingOf(condition);
  if (endMs === undefined || endMs <= draft.nowMs) {
    if (snoozeEndMs !== undefined) rearm(draft, wake(draft, condition, actor));
    return undefined;
  }
  if (isTooLate(draft, endMs)) return tooLate("end_time");
  if (endMs === snoozeEndMs) return undefined;
  const changed = withStanding(draft, condition, { snoozeEndMs: endMs });
  tellChange(draft, rearm(draft, changed), { change: "snoozed", subject: actor });
  return undefined;
}

function extend(
  draft: Draft,
  condition: Action,
  { deadlineMs, actor }: { readonly deadlineMs: number | undefined; readonly actor: string },
): Refusal | undefined {
  if (deadlineMs !== undefined && deadlineMs <= draft.nowMs) {
    return invalid("deadline_time", "is not after now");
  }
  if (deadlineMs !== undefined && isTooLate(draft, deadlineMs)) return tooLate("deadline_time");
  if (deadlineMs === standingOf(condition).deadlineMs) return undefined;
  const changed = withStanding(draft, condition, { deadlineMs });
  tellChange(draft, rearm(draft, changed), { change: "extended", subject: actor });
  return undefined;
}

function isTooLate(draft: Draft, timeMs: number): boolean {
  return timeMs > draft.nowMs + conditionWaitMsMax;
}

function tooLate(field: string): Refusal {
  return invalid(field, `is more than ${conditionWaitMsMax / (24 * 60 * 60 * 1000)} days from now`);
}

function invalid(field: string, description: string): Refusal {
  return { reason: "INVALID_REQUEST", violations: [{ field, description }] };
}
