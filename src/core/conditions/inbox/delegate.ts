import type { Action } from "../../action.ts";
import type { Draft } from "../../draft.ts";
import { runIdOf } from "../../name.ts";
import type { Refusal } from "../../refusal.ts";
import { isRestricted, ruleOf } from "../answers/rights.ts";
import { voterOf } from "../answers/voter.ts";
import { delegationsMax } from "../condition-limits.ts";
import { tellChange, withStanding } from "../fire-condition.ts";
import { notAllowed } from "../signals/signal-condition.ts";
import { standingOf } from "../standing.ts";

/** Whose right to answer goes to whom. */
export interface Handing {
  readonly from: string;
  readonly to: string;
}

/** True if somebody has handed their right on to somebody, and has not got it back since. */
export function isHandedOn(condition: Action, { from, to }: Handing): boolean {
  const { delegations } = standingOf(condition);
  const last = delegations.findLast((delegation) => delegation.from === from || delegation.to === from);
  return last !== undefined && last.from === from && last.to === to;
}

/**
 * Hands the right to answer on: whoever has it from then on is also the one whose turn it is. Where the rule
 * names who may answer, whoever handed it on may not any more.
 */
export function delegate(draft: Draft, condition: Action, { from, to }: Handing): Refusal | undefined {
  const standing = standingOf(condition);
  const isRepeat = isHandedOn(condition, { from, to });
  // Who could answer still may say again whose turn it is.
  if (isRepeat && (isRestricted(ruleOf(condition)) || standing.assignee === to)) return undefined;
  const refusal = refusalOf(draft, condition, { from, to, isRepeat });
  if (refusal !== undefined) return refusal;
  const { delegations } = standing;
  const changed = withStanding(draft, condition, {
    assignee: to,
    delegations: isRepeat ? delegations : [...delegations, { from, to, timeMs: draft.nowMs }],
  });
  tellChange(draft, changed, { change: "delegated", subject: from });
  return undefined;
}

function refusalOf(
  draft: Draft,
  condition: Action,
  { from, to, isRepeat }: Handing & { readonly isRepeat: boolean },
): Refusal | undefined {
  const { run, name: action } = condition;
  if (to === from) {
    return { reason: "INVALID_REQUEST", violations: [{ field: "to", description: "is who hands it on" }] };
  }
  if (ruleOf(condition).excludesRequester && to === draft.runOf(condition).createdBy) {
    return notAllowed(condition, to, "who created the run may not answer");
  }
  const { answers, delegations } = standingOf(condition);
  if (answers.some((given) => voterOf(given) === from)) {
    return { reason: "ALREADY_ANSWERED", runId: runIdOf(run), action };
  }
  // Two rights in one hand are one vote: the answers that are missing might never come.
  if (answers.some((given) => voterOf(given) === to)) {
    return notAllowed(condition, to, `${to} has answered already, and nobody answers twice`);
  }
  if (!isRepeat && delegations.length >= delegationsMax) {
    return { reason: "LIMIT_REACHED", limit: "delegationsMax", maximum: delegationsMax };
  }
  return undefined;
}
