import { actionsPerRunMax, depthMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { hasEnded, hasSucceeded } from "../action.ts";
import { assert } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf, NewAction } from "../command.ts";
import type { Draft } from "../draft.ts";
import { fenced } from "../leases/fence.ts";
import { fitsDepth, namespaceOf, runIdOf, wholeName } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { missingOp } from "../runs/create-run.ts";
import { isSameAction, planViolations } from "../runs/plan.ts";
import { createAction, startAction } from "./create-action.ts";
import { reopenActions } from "./reopen.ts";
import { cancelAction, settle } from "./settle.ts";

/**
 * Adds children to a running attempt, or finds those it has: the name is the key. One that ended without
 * success, or before a forced retry, is opened again, so that a retried parent goes on where it was.
 */
export function addActions(draft: Draft, command: CommandOf<"addActions">): Decision<"addActions"> {
  const found = fenced(draft, command.attempt);
  if ("refusal" in found) return refuse(found.refusal);
  const parent = found.action;
  const refusal = checkChildren(draft, parent, command.actions);
  if (refusal !== undefined) return refuse(refusal);
  const known = command.actions.flatMap((action) => childOf(draft, parent, action) ?? []);
  const fresh = command.actions.filter((action) => childOf(draft, parent, action) === undefined);
  reopenActions(
    draft,
    known.filter((child) => hasEnded(child) && (!hasSucceeded(child) || child.isStale)),
  );
  const run = draft.runOf(parent);
  if (fresh.length > 0) {
    draft.setRun({ ...run, actionCount: run.actionCount + fresh.length });
    draft.setAction({ ...parent, childCount: parent.childCount + fresh.length });
  }
  const created = fresh.map((action) => createAction(draft, { run, parent: parent.name, action }));
  for (const child of created) startAction(draft, child);
  if (parent.cancelTimeMs !== undefined) cancelNew(draft, parent, command.actions);
  settle(draft);
  return draft.accept<"addActions">({
    actions: command.actions.map((action) => {
      const child = childOf(draft, parent, action);
      assert(child !== undefined, "an added child exists", { parent: parent.name, child: action.name });
      return child;
    }),
  });
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
  return missingOp(draft, namespaceOf(parent.run), actions);
}

/** A parent that is being cancelled gets no new work done. */
function cancelNew(draft: Draft, parent: Action, actions: readonly NewAction[]): void {
  for (const action of actions) {
    const child = childOf(draft, parent, action);
    if (child !== undefined) cancelAction(draft, child, parent.cancelCause);
  }
}
