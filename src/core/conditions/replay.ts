import type { Action } from "../action.ts";
import { runIdOf } from "../name.ts";
import type { Violation } from "../refusal.ts";
import type { Replay, Replays } from "../stated.ts";
import type { Value } from "../value.ts";
import { ruleOf } from "./answers/rights.ts";
import { isAnonymous, voterOf } from "./answers/voter.ts";
import {
  type ConditionStanding,
  decidingAnswerOf,
  type GivenAnswer,
  lastOf,
  standingOf,
  termsOf,
} from "./standing.ts";

/** What becomes of a condition's earlier answer; `usual` where nothing is said of it. */
export function replayOf({ all, byCondition }: Replays, name: string, usual: Replay): Replay {
  return (Object.hasOwn(byCondition, name) ? byCondition[name] : undefined) ?? all ?? usual;
}

/** True if the requester may not answer a condition, and one of the answers behind its end was theirs. */
export function isOwnAnswer(ended: Action, requester: string): boolean {
  if (!ruleOf(ended).excludesRequester) return false;
  const { answers, earlier } = standingOf(ended);
  // One that was recovered has no answers of its own run.
  const deciding = ended.state === "RECOVERED" ? earlier.slice(-1) : answers;
  return deciding.some((given) => {
    const isForNobody = given.channel === "link" && isAnonymous(given);
    return given.channel !== "default" && !isForNobody && voterOf(given) === requester;
  });
}

/** The names for which something else is said and that no condition of the run has. */
export function replayViolations({ byCondition }: Replays, actions: readonly Action[]): readonly Violation[] {
  const stated = Object.keys(byCondition);
  if (stated.length === 0) return [];
  const conditions = new Set(actions.flatMap(({ name, spec }) => (spec.kind === "condition" ? [name] : [])));
  return stated.flatMap((name) => {
    if (conditions.has(name)) return [];
    const field = `replay_by_condition[${JSON.stringify(name)}]`;
    return [{ field, description: "is no condition of the run" }];
  });
}

/** An ended condition that is about to be opened again: if both answers are required, it knows the first. */
export function toBeAskedAgain(ended: Action, replay: Replay): Action {
  const mustEqual = requiredOf(ended, replay);
  const standing = standingOf(ended);
  return standing.mustEqual === mustEqual ? ended : { ...ended, standing: { ...standing, mustEqual } };
}

/**
 * The answer that a condition must be given again. One that was required before and has not come stays
 * required until the condition is to ask as if it had never been answered.
 */
function requiredOf(ended: Action, replay: Replay): Value | undefined {
  if (replay === "askAgain" || ended.spec.kind !== "condition") return undefined;
  const answered = ended.outputs?.["value"];
  if (answered === undefined) return standingOf(ended).mustEqual;
  return replay === "requireBoth" ? answered : undefined;
}

/**
 * Where a condition stands at the beginning of a run that does its run over: it knows the answers of before,
 * and if both are required, which one it must be given again.
 */
export function carriedStanding(old: Action, replay: Replay): ConditionStanding | undefined {
  if (old.spec.kind !== "condition") return undefined;
  const deciding = decidingAnswerOf(old);
  const { earlier } = standingOf(old);
  const known = deciding === undefined ? earlier : [...earlier, deciding];
  const oldRun = runIdOf(old.run);
  const withRun = (answer: GivenAnswer) => ({
    ...answer,
    runId: answer.runId === "" ? oldRun : answer.runId,
  });
  return {
    instance: 1,
    answers: [],
    earlier: lastOf(known.map(withRun)),
    assignee: termsOf(old).assignee,
    delegations: [],
    snoozeEndMs: undefined,
    deadlineMs: undefined,
    escalationCount: 0,
    linkRefusalCount: 0,
    mustEqual: requiredOf(old, replay),
  };
}
