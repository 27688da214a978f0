import type { Action } from "../action.ts";
import { runIdOf } from "../name.ts";
import type { Replay, Replays } from "../stated.ts";
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

/** An ended condition that is about to be opened again: if both answers are required, it knows the first. */
export function toBeAskedAgain(ended: Action, replay: Replay): Action {
  const mustEqual = replay === "requireBoth" ? ended.outputs?.["value"] : undefined;
  const standing = standingOf(ended);
  return standing.mustEqual === mustEqual ? ended : { ...ended, standing: { ...standing, mustEqual } };
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
    mustEqual: replay === "requireBoth" ? old.outputs?.["value"] : undefined,
  };
}
