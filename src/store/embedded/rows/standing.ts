import type { ConditionStanding, GivenAnswer } from "../../../core/conditions/standing.ts";
import { listOrNothing, parsed } from "./columns.ts";

/** A value without what it says as usual; every part is named, so that none is forgotten. */
type Packed<T> = { readonly [Part in keyof T]: T[Part] | undefined };

const usual: ConditionStanding = {
  instance: 1,
  answers: [],
  earlier: [],
  assignee: "",
  delegations: [],
  snoozeEndMs: undefined,
  deadlineMs: undefined,
  escalationCount: 0,
  linkRefusalCount: 0,
  mustEqual: undefined,
};

const usualAnswer: Omit<GivenAnswer, "value" | "subject" | "timeMs"> = {
  signalledBy: "",
  comment: "",
  channel: "call",
  origin: "",
  instance: 1,
  runId: "",
};

/** Where a condition stands as a column holds it: JSON of what is not as usual, which is little. */
export function standingText(standing: ConditionStanding): string {
  const packed: Packed<Omit<ConditionStanding, "answers" | "earlier">> = {
    instance: unless(usual.instance, standing.instance),
    assignee: unless(usual.assignee, standing.assignee),
    delegations: listOrNothing(standing.delegations),
    snoozeEndMs: standing.snoozeEndMs,
    deadlineMs: standing.deadlineMs,
    escalationCount: unless(usual.escalationCount, standing.escalationCount),
    linkRefusalCount: unless(usual.linkRefusalCount, standing.linkRefusalCount),
    mustEqual: standing.mustEqual,
  };
  const answers = listOrNothing(standing.answers)?.map(packedAnswer);
  const earlier = listOrNothing(standing.earlier)?.map(packedAnswer);
  return JSON.stringify({ ...packed, answers, earlier });
}

/** Where a condition stands, as a column says. */
export function standingOfText(text: string): ConditionStanding {
  const said = { ...usual, ...parsed<Partial<ConditionStanding>>(text) };
  return { ...said, answers: said.answers.map(wholeAnswer), earlier: said.earlier.map(wholeAnswer) };
}

function packedAnswer(answer: GivenAnswer): Packed<GivenAnswer> {
  return {
    value: answer.value,
    subject: answer.subject,
    signalledBy: unless(usualAnswer.signalledBy, answer.signalledBy),
    comment: unless(usualAnswer.comment, answer.comment),
    channel: unless(usualAnswer.channel, answer.channel),
    origin: unless(usualAnswer.origin, answer.origin),
    timeMs: answer.timeMs,
    instance: unless(usualAnswer.instance, answer.instance),
    runId: unless(usualAnswer.runId, answer.runId),
  };
}

function wholeAnswer(said: GivenAnswer): GivenAnswer {
  return { ...usualAnswer, ...said };
}

function unless<T>(usually: T, part: T): T | undefined {
  return part === usually ? undefined : part;
}
