import { isRestricted, objectionTo, ruleOf } from "../../core/conditions/answers/rights.ts";
import { voterOf } from "../../core/conditions/answers/voter.ts";
import { type Answerer, anonymousSubject, standingOf } from "../../core/conditions/standing.ts";
import { runIdOf } from "../../core/name.ts";
import type { Refusal } from "../../core/refusal.ts";
import type { ConditionRow } from "../../store/store.ts";
import type { Caller } from "../callers/caller.ts";

type Asked = Pick<ConditionRow, "action" | "requester">;

/** Why somebody may not answer a condition; undefined if they may. */
export function answerRefusal({ action, requester }: Asked, by: Answerer): Refusal | undefined {
  const rule = objectionTo(action, { by, requester });
  return rule === undefined ? undefined : notAllowed(action, by, rule);
}

/** Why somebody may not make a link that answers in the name of a subject; undefined if they may. */
export function impersonation({ action }: Asked, by: Answerer, subject: string): Refusal | undefined {
  if (subject === "" || subject === by.subject || by.subject === anonymousSubject) return undefined;
  const rule = ruleOf(action);
  if (!isRestricted(rule) && rule.requiredCount === 1) return undefined;
  return notAllowed(action, by, `where it matters who answers, nobody makes links in the name of ${subject}`);
}

/** True if a caller may answer a condition and has not yet. */
export function isAnswerableBy({ action, requester }: Asked, caller: Caller): boolean {
  const by: Answerer = { ...caller, signalledBy: "", comment: "", channel: "call", origin: "" };
  if (objectionTo(action, { by, requester }) !== undefined) return false;
  const voter = voterOf(by);
  return standingOf(action).answers.every((answer) => voterOf(answer) !== voter);
}

function notAllowed({ run, name }: ConditionRow["action"], { subject }: Answerer, rule: string): Refusal {
  return { reason: "NOT_ALLOWED", runId: runIdOf(run), action: name, subject, rule };
}
