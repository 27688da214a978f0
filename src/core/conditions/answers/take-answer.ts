import type { Action, ActionError } from "../../action.ts";
import { endAction } from "../../actions/end-action.ts";
import type { Draft } from "../../draft.ts";
import { areEqual, fitted, type Value } from "../../value.ts";
import { noteDecided } from "../group.ts";
import { type Answerer, type GivenAnswer, standingOf } from "../standing.ts";
import { specOf } from "./check-answer.ts";
import { ruleOf } from "./rights.ts";
import { tally } from "./tally.ts";
import { signedBy, voterOf } from "./voter.ts";

/** An answer that is good by its condition's type and schema, of somebody who may give it. */
export interface Answering {
  readonly value: Value;
  readonly by: Answerer;
  /** When it came. */
  readonly timeMs: number;
}

/** The answer that somebody has given in this opening of a condition, if they have. */
export function answerOf(condition: Action, by: Answerer): GivenAnswer | undefined {
  const voter = voterOf(by);
  return standingOf(condition).answers.find((given) => voterOf(given) === voter);
}

/**
 * Gives a paused condition an answer of somebody who has given none: it ends with it if that decides, or if
 * nothing can decide it any more. Call `settle` after it.
 */
export function giveAnswer(draft: Draft, paused: Action, { value, by, timeMs }: Answering): void {
  const rule = ruleOf(paused);
  const { instance } = standingOf(paused);
  const { subject, signalledBy, comment, channel, origin } = by;
  const given = { value, subject, signalledBy, comment, channel, origin, timeMs, instance, runId: "" };
  const condition = withAnswer(draft, paused, given);
  const { answers } = standingOf(condition);
  const verdict = tally(
    rule,
    specOf(paused).type,
    answers.map((answer) => answer.value),
  );
  if (verdict === "decided") {
    decide(draft, condition, given);
    return;
  }
  tellGiven(draft, condition, given);
  if (verdict === "open") return;
  const message = `${answers.length} answers came, and ${rule.requiredCount} equal ones cannot be reached`;
  takeDefault(draft, condition, failed("Undecided", message));
}

/** Ends a paused condition that nobody decided with its default value, or as it is said if it has none. */
export function takeDefault(
  draft: Draft,
  paused: Action,
  otherwise: { readonly state: "FAILED" | "TIMED_OUT"; readonly error: ActionError },
): void {
  const { defaultValue, type } = specOf(paused);
  const value = defaultValue === undefined ? undefined : fitted(defaultValue, type);
  if (value === undefined) {
    endAction(draft, paused, { ...otherwise, outcome: "EXPIRED" });
    return;
  }
  const { instance } = standingOf(paused);
  const nobody = { subject: "", signalledBy: "", comment: "", origin: "", runId: "" };
  const given = { ...nobody, value, channel: "default", timeMs: draft.nowMs, instance } as const;
  decide(draft, withAnswer(draft, paused, given), given);
}

/** Ends a condition with the answer that decides it, the last one that it has. */
function decide(draft: Draft, condition: Action, given: GivenAnswer): void {
  const { mustEqual } = standingOf(condition);
  const isDefault = given.channel === "default";
  if (mustEqual !== undefined && !areEqual(mustEqual, given.value)) {
    if (!isDefault) tellGiven(draft, condition, given);
    const end = failed("AnswersDiffer", "the answer is not the one that was given before");
    endAction(draft, condition, { ...end, outcome: "EXPIRED" });
    return;
  }
  const { value } = given;
  const signalledBy = signedBy(given);
  draft.emit(draft.runOf(condition), condition, {
    kind: "condition_answered",
    value,
    signalledBy,
    defaulted: isDefault,
    answer: given,
  });
  noteDecided(draft, condition);
  endAction(draft, condition, {
    state: "SUCCEEDED",
    outputs: { value },
    outcome: isDefault ? "DEFAULTED" : "ANSWERED",
    signalledBy,
  });
}

function withAnswer(draft: Draft, condition: Action, given: GivenAnswer): Action {
  const standing = standingOf(condition);
  return draft.setAction({ ...condition, standing: { ...standing, answers: [...standing.answers, given] } });
}

function tellGiven(draft: Draft, condition: Action, answer: GivenAnswer): void {
  const answerCount = standingOf(condition).answers.length;
  const { requiredCount } = ruleOf(condition);
  draft.emit(draft.runOf(condition), condition, { kind: "answer_given", answer, answerCount, requiredCount });
}

function failed(type: string, message: string): { readonly state: "FAILED"; readonly error: ActionError } {
  return { state: "FAILED", error: { type, message, stack: "", nonRetryable: true } };
}
