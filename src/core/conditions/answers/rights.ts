import type { Action } from "../../action.ts";
import { type Answerer, standingOf, termsOf } from "../standing.ts";
import { type AnswerRule, plainRule } from "../terms.ts";
import { isAnonymous, voterOf } from "./voter.ts";

/** By what a condition is decided, and by whom. */
export function ruleOf(action: Pick<Action, "spec">): AnswerRule {
  return termsOf(action).rule ?? plainRule;
}

/** True if only some may answer. */
export function isRestricted(rule: AnswerRule): boolean {
  return rule.subjects.length > 0 || rule.groups.length > 0;
}

/**
 * What stands against an answer of somebody, in words, or undefined if they may answer. `requester` created
 * the run. A link is a right of its own: only whether it was made for the requester is asked of it, or for
 * somebody who has handed their right on.
 */
export function objectionTo(
  action: Action,
  { by, requester }: { readonly by: Answerer; readonly requester: string },
): string | undefined {
  const rule = ruleOf(action);
  const isForNobody = by.channel === "link" && isAnonymous(by);
  if (rule.excludesRequester && !isForNobody && voterOf(by) === requester) {
    return "who created the run may not answer";
  }
  if (!isRestricted(rule) || isForNobody) return undefined;
  const { delegations } = standingOf(action);
  // Nobody knows whether somebody without a token is the one who is named.
  if (!isAnonymous(by)) {
    const last = delegations.findLast(({ from, to }) => from === by.subject || to === by.subject);
    if (last?.to === by.subject) return undefined;
    // By a link neither: else who hands their right on would keep one.
    if (last !== undefined) return `it was handed on to ${last.to}`;
    if (by.channel === "link" || isNamed(action, by)) return undefined;
  }
  return describeNamed(action);
}

function isNamed(action: Action, { subject, groups }: Answerer): boolean {
  const named = namedBy(action);
  return named.some(
    (one) => one.subjects.includes(subject) || one.groups.some((name) => groups.includes(name)),
  );
}

/** Who may answer: by the rule, and by the escalations that were taken. */
function namedBy(action: Action): readonly Pick<AnswerRule, "subjects" | "groups">[] {
  const { escalationCount } = standingOf(action);
  return [ruleOf(action), ...termsOf(action).escalations.slice(0, escalationCount)];
}

/** Names in a sentence: who else may is seen from the condition itself. */
const namesToldMax = 10;

function describeNamed(action: Action): string {
  const named = namedBy(action);
  const names = [
    ...named.flatMap(({ subjects }) => subjects),
    ...named.flatMap(({ groups }) => groups.map((group) => `members of ${group}`)),
  ];
  const left = names.length - namesToldMax;
  const told = names.slice(0, namesToldMax).join(", ");
  return `only ${told}${left > 0 ? ` and ${left} more` : ""} may answer`;
}
