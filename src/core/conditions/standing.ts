import type { Action } from "../action.ts";
import { hasEnded } from "../action.ts";
import { earliest } from "../actions/deadline.ts";
import { sizeBytes, textSizeBytes, type Value } from "../value.ts";
import { earlierAnswersBytesMax, earlierAnswersMax } from "./condition-limits.ts";
import { type ConditionTerms, plainTerms } from "./terms.ts";

/** Who asks for something to be done to a condition, and how that came. */
export interface Answerer {
  /** The caller's name, as the server knows it. */
  readonly subject: string;
  readonly groups: readonly string[];
  /** In whose name, as they said themselves; "" for not said. */
  readonly signalledBy: string;
  readonly comment: string;
  /** A link is a right to answer of its own: who may answer is not asked of it. */
  readonly channel: "call" | "link";
  /** The address it came from. */
  readonly origin: string;
}

/** The subject of callers whom nobody has asked for a token. */
export const anonymousSubject = "anonymous";

/** An answer that was given. */
export interface GivenAnswer {
  readonly value: Value;
  readonly subject: string;
  readonly signalledBy: string;
  readonly comment: string;
  readonly channel: "call" | "link" | "default";
  readonly origin: string;
  readonly timeMs: number;
  /** In which opening of the condition. */
  readonly instance: number;
  /** The run it was given in, if that is an earlier one; else "". */
  readonly runId: string;
}

/** A right to answer that was handed on. */
export interface Delegation {
  readonly from: string;
  readonly to: string;
  readonly timeMs: number;
}

/** Where a condition stands beyond its state. */
export interface ConditionStanding {
  /** Which opening this is, from 1. */
  readonly instance: number;
  /** The answers of this opening, in order. */
  readonly answers: readonly GivenAnswer[];
  /** What decided earlier openings, or the run that is done over; the last `earlierAnswersMax`. */
  readonly earlier: readonly GivenAnswer[];
  /** Whose turn it is; "" for nobody's. */
  readonly assignee: string;
  readonly delegations: readonly Delegation[];
  /** When it is in sight again; undefined while it is. */
  readonly snoozeEndMs: number | undefined;
  /** When its time runs out; undefined for never. */
  readonly deadlineMs: number | undefined;
  /** How many of its escalations were taken. */
  readonly escalationCount: number;
  /** How many links used in vain were told of. */
  readonly linkRefusalCount: number;
  /** The answer that this one must be equal to, if an earlier one is required as well. */
  readonly mustEqual: Value | undefined;
}

/** What a condition asks for beyond its type. */
export function termsOf({ spec }: Pick<Action, "spec">): ConditionTerms {
  return (spec.kind === "condition" ? spec.terms : undefined) ?? plainTerms;
}

/** Where a condition stands; a plain one that nothing has happened to keeps no row of it. */
export function standingOf(action: Action): ConditionStanding {
  if (action.standing !== undefined) return action.standing;
  const timeoutMs = action.spec.kind === "condition" ? action.spec.timeoutMs : undefined;
  const { queueTimeMs } = action;
  return {
    instance: 1,
    answers: [],
    earlier: [],
    assignee: termsOf(action).assignee,
    delegations: [],
    snoozeEndMs: undefined,
    deadlineMs: timeoutMs === undefined || queueTimeMs === undefined ? undefined : queueTimeMs + timeoutMs,
    escalationCount: 0,
    linkRefusalCount: 0,
    mustEqual: undefined,
  };
}

/** True if the condition has been open in this opening of its action. */
function wasOpen({ queueTimeMs, state }: Pick<Action, "queueTimeMs" | "state">): boolean {
  return queueTimeMs !== undefined && state !== "RECOVERED";
}

/** Which opening is open, or is the next one to be. */
export function nextInstanceOf(condition: Action): number {
  const { instance } = standingOf(condition);
  return hasEnded(condition) && wasOpen(condition) ? instance + 1 : instance;
}

/** The answer that a condition ended with, if it did; the default value is one too. */
export function decidingAnswerOf(condition: Action): GivenAnswer | undefined {
  const value = condition.outputs?.["value"];
  if (condition.state !== "SUCCEEDED" || value === undefined) return undefined;
  const { instance, answers } = standingOf(condition);
  const last = answers.at(-1);
  if (last !== undefined) return last;
  // One from before answers were kept.
  const channel = condition.outcome === "DEFAULTED" ? "default" : "call";
  const { signalledBy, endTimeMs: timeMs = 0 } = condition;
  return { value, subject: "", signalledBy, comment: "", channel, origin: "", timeMs, instance, runId: "" };
}

/** Where an ended condition stands that is opened again; undefined if there is still nothing to say. */
export function reopenedStanding(ended: Action): ConditionStanding | undefined {
  if (ended.spec.kind !== "condition" || !wasOpen(ended)) return ended.standing;
  const { instance, earlier, linkRefusalCount, mustEqual } = standingOf(ended);
  const deciding = decidingAnswerOf(ended);
  return {
    instance: instance + 1,
    answers: [],
    earlier: deciding === undefined ? earlier : lastOf([...earlier, deciding]),
    assignee: termsOf(ended).assignee,
    delegations: [],
    snoozeEndMs: undefined,
    deadlineMs: undefined,
    escalationCount: 0,
    linkRefusalCount,
    mustEqual,
  };
}

/** The last of some answers: as many as are kept, and not more than they may take. */
export function lastOf(answers: readonly GivenAnswer[]): readonly GivenAnswer[] {
  let total = 0;
  const tooLarge = answers.findLastIndex(({ value, comment }) => {
    total += sizeBytes(value) + textSizeBytes(comment);
    return total > earlierAnswersBytesMax;
  });
  // The last one is kept, however large it is.
  return answers.slice(Math.min(tooLarge + 1, answers.length - 1)).slice(-earlierAnswersMax);
}

/** When the next step of a paused condition is to be taken; undefined if there is none left. */
export function nextEscalationMs(condition: Action): number | undefined {
  const next = termsOf(condition).escalations[standingOf(condition).escalationCount];
  const { queueTimeMs } = condition;
  return next === undefined || queueTimeMs === undefined ? undefined : queueTimeMs + next.afterMs;
}

/** When a paused condition is to be looked at: its time runs out, a step is due, or it is in sight again. */
export function pausedDueMs(condition: Action): number | undefined {
  const { deadlineMs, snoozeEndMs } = standingOf(condition);
  return earliest([deadlineMs, snoozeEndMs, nextEscalationMs(condition)]);
}
