import { actionsPerRunMax, depthMax, liveActionsPerRunMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { hasEnded, hasSucceeded } from "../action.ts";
import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { startAttempt } from "../leases/attempt.ts";
import { fenced } from "../leases/fence.ts";
import { fitsDepth, namespaceOf, runIdOf, wholeName } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { labelBytesRefusal } from "../runs/label-bytes.ts";
import { opRefusal } from "../runs/op-refusal.ts";
import { isSameAction, planViolations } from "../runs/plan.ts";
import type { NewAction } from "../stated.ts";
import { createAction, startAction } from "./create-action.ts";
import { reopenActions } from "./reopen.ts";
import { cancelAction, settle } from "./settle.ts";

/**
 * Adds children to a running attempt, or finds those it has: the name is the key. One that ended without
 * success under an earlier attempt, or before a forced retry, is opened again, so that a retried parent goes
 * on where it was. The same attempt may ask again at any time and finds what it has asked for.
 */
export function addActions(draft: Draft, command: CommandOf<"addActions">): Decision<"addActions"> {
  const found = fenced(draft, command.attempt);
  if ("refusal" in found) return refuse(found.refusal);
  const refusal =
    checkChildren(draft, found.action, command.actions) ?? checkOps(draft, found.action, command.actions);
  if (refusal !== undefined) return refuse(refusal);
  // What adds children executes, even if its accept was lost.
  const parent = found.action.state === "ASSIGNED" ? startAttempt(draft, found.action) : found.action;
  const known = command.actions.flatMap((action) => childOf(draft, parent, action) ?? []);
  const fresh = command.actions.filter((action) => childOf(draft, parent, action) === undefined);
  findAgain(draft, parent, known);
  // Before others are created, so that these do not count what has ended already.
  settle(draft);
  if (fresh.length > 0) createChildren(draft, parent, fresh);
  settle(draft);
  return draft.accept<"addActions">({
    actions: command.actions.map((action) => {
      const child = childOf(draft, parent, action);
      assert(child !== undefined, "an added child exists", { parent: parent.name, child: action.name });
      return child;
    }),
  });
}

function findAgain(draft: Draft, parent: Action, known: readonly Action[]): void {
  // A parent that is being cancelled gets no new work done.
  const toOpen = parent.cancelTimeMs === undefined ? known.filter((child) => isToOpen(parent, child)) : [];
  for (const child of known) {
    if (child.parentAttempt !== parent.attempt) draft.setAction({ ...child, parentAttempt: parent.attempt });
  }
  reopenActions(
    draft,
    toOpen.map((child) => ({ ...child, parentAttempt: parent.attempt })),
    { countsAnew: true },
  );
}

function isToOpen(parent: Action, child: Action): boolean {
  if (!hasEnded(child)) return false;
  return child.isStale || (!hasSucceeded(child) && child.parentAttempt < parent.attempt);
}

function createChildren(draft: Draft, parent: Action, fresh: readonly NewAction[]): void {
  const run = draft.runOf(parent);
  draft.setRun({ ...run, actionCount: run.actionCount + fresh.length });
  draft.setAction({ ...parent, childCount: parent.childCount + fresh.length });
  const birth = { run, parent: parent.name, parentAttempt: parent.attempt };
  const created = fresh.map((action) => createAction(draft, { ...birth, action }));
  for (const child of created) startAction(draft, child);
  if (parent.cancelTimeMs === undefined) return;
  for (const { run: key, name } of created) {
    const child = draft.action(key, name);
    if (child !== undefined) cancelAction(draft, child, parent.cancelCause);
  }
}

function childOf(draft: Draft, parent: Action, stated: NewAction): Action | undefined {
  return draft.action(parent.run, wholeName(parent.name, stated.name));
}

function checkChildren(draft: Draft, parent: Action, actions: readonly NewAction[]): Refusal | undefined {
  const has = (name: string) => draft.action(parent.run, wholeName(parent.name, name)) !== undefined;
  const violations = planViolations(actions, { field: "add_actions.actions", has, allowsTraces: true });
  if (violations.length > 0) return { reason: "INVALID_REQUEST", violations };
  for (const action of actions) {
    const child = childOf(draft, parent, action);
    if (child !== undefined && !isSameAction(child.spec, action.spec)) {
      return { reason: "ACTION_EXISTS", runId: runIdOf(parent.run), action: child.name };
    }
    if (!fitsDepth(wholeName(parent.name, action.name))) {
      return { reason: "LIMIT_REACHED", limit: "depthMax", maximum: depthMax };
    }
  }
  const fresh = actions.filter((action) => !has(action.name)).length;
  if (draft.runOf(parent).actionCount + fresh > actionsPerRunMax) {
    return { reason: "LIMIT_REACHED", limit: "actionsPerRunMax", maximum: actionsPerRunMax };
  }
  const { labels, delivery, actionCount, endedActionCount } = draft.runOf(parent);
  const opened = actions.filter((action) => {
    const child = childOf(draft, parent, action);
    return child === undefined || isToOpen(parent, child);
  }).length;
  if (actionCount - endedActionCount + opened > liveActionsPerRunMax) {
    return { reason: "LIMIT_REACHED", limit: "liveActionsPerRunMax", maximum: liveActionsPerRunMax };
  }
  return labelBytesRefusal({ labels, delivery, actionCount: actionCount + fresh });
}

/** Only of children that are new: those that are there have copied from their ops what they need. */
function checkOps(draft: Draft, parent: Action, actions: readonly NewAction[]): Refusal | undefined {
  const fresh = actions.flatMap((action, index) => {
    if (childOf(draft, parent, action) !== undefined) return [];
    return [{ action, field: `add_actions.actions[${index}]` }];
  });
  return opRefusal(draft, namespaceOf(parent.run), fresh);
}
