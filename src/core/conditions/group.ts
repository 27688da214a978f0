import type { Action, ActionError } from "../action.ts";
import { hasEnded, hasSucceeded } from "../action.ts";
import { endAction } from "../actions/end-action.ts";
import type { Draft } from "../draft.ts";

/**
 * Which groups of siblings are decided, and by which member, by `run parent`: looked up once in a draft, so
 * that thousands of siblings with groups do not each look at all the others. Actions are opened again before
 * anything of a draft goes on: none that was found decided is open again behind that.
 */
const known = new WeakMap<Draft, Map<string, Map<string, string>>>();

/** The group of a condition among its siblings; "" for none. */
export function groupOf({ spec }: Pick<Action, "spec">): string {
  return spec.kind === "condition" ? (spec.terms?.group ?? "") : "";
}

/** The member whose answer has decided the group of a condition, if it has one and that is decided. */
export function decidedBy(draft: Draft, condition: Action): string | undefined {
  const group = groupOf(condition);
  return group === "" ? undefined : decidedGroups(draft, condition).get(group);
}

/** Why a member of a decided group is not asked. */
export function groupDecided(winner: string): ActionError {
  return { type: "GroupDecided", message: `${winner} was answered`, stack: "", nonRetryable: false };
}

/** Ends the members of a group that have not ended, once one of them is answered: they ask no more. */
export function withdrawOthers(draft: Draft, ended: Action): void {
  const group = groupOf(ended);
  if (group === "" || ended.state !== "SUCCEEDED") return;
  for (const sibling of draft.children(ended.run, ended.parent)) {
    if (hasEnded(sibling) || groupOf(sibling) !== group) continue;
    endAction(draft, sibling, { state: "SKIPPED", error: groupDecided(ended.name), outcome: "WITHDRAWN" });
  }
}

/** Notes that a condition is answered: with that its group is decided, if it has one. */
export function noteDecided(draft: Draft, condition: Action): void {
  const group = groupOf(condition);
  if (group !== "") decidedGroups(draft, condition).set(group, condition.name);
}

function decidedGroups(draft: Draft, { run, parent }: Action): Map<string, string> {
  const byParent = known.get(draft) ?? new Map<string, Map<string, string>>();
  known.set(draft, byParent);
  const found = byParent.get(`${run} ${parent}`);
  if (found !== undefined) return found;
  const decided = new Map<string, string>();
  for (const sibling of draft.children(run, parent)) {
    const group = groupOf(sibling);
    // A stale answer is of before its run was done again.
    if (group !== "" && hasSucceeded(sibling) && !sibling.isStale) decided.set(group, sibling.name);
  }
  byParent.set(`${run} ${parent}`, decided);
  return decided;
}
