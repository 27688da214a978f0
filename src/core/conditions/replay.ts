import { earlierAnswersMax } from "../../limits.ts";
import type { Action } from "../action.ts";
import { runIdOf } from "../name.ts";
import type { Replay, Replays } from "../stated.ts";
import { type ConditionStanding, type GivenAnswer, standingOf, termsOf } from "./standing.ts";

/** What becomes of a condition's earlier answer; `usual` where nothing is said of it. */
export function replayOf({ all, byCondition }: Replays, name: string, usual: Replay): Replay {
  return (Object.hasOwn(byCondition, name) ? byCondition[name] : undefined) ?? all ?? usual;
}

/**
 * Where a condition stands at the beginning of a run that does its run over: it knows the answers of before,
 * and if both are required, which one it must be given again.
 */
export function carriedStanding(old: Action, replay: Replay): ConditionStanding | undefined {
  if (old.spec.kind !== "condition") return undefined;
  const { earlier, instance, answers } = standingOf(old);
  const runId = runIdOf(old.run);
  const given: readonly GivenAnswer[] = [...earlier, ...answers].map((answer) => ({
    ...answer,
    runId: answer.runId === "" ? runId : answer.runId,
  }));
  const { assignee } = termsOf(old);
  return {
    instance: replay === "reuse" ? instance : 1,
    answers: [],
    earlier: given.slice(-earlierAnswersMax),
    assignee,
    delegations: [],
    snoozeEndMs: undefined,
    deadlineMs: undefined,
    escalationCount: 0,
    linkRefusalCount: 0,
    mustEqual: replay === "requireBoth" ? old.outputs?.["value"] : undefined,
  };
}
