import type { Condition } from "../../client/client.ts";
import { printAnswer } from "./describe-condition-event.ts";
import { printTime } from "./print-time.ts";
import { ordinal, printValue } from "./print-value.ts";

/** What there is to tell of a condition, as names and facts; an empty fact is left out. */
export function conditionFacts(condition: Condition | undefined): readonly (readonly [string, string])[] {
  if (condition === undefined) return [];
  const { terms, answer, answers, earlierAnswers } = condition;
  return [
    ["question", condition.prompt],
    ["description", condition.description],
    ["link", terms.link ?? ""],
    ["asks for", condition.type ?? ""],
    ["choices", (terms.choices ?? []).map(printChoice).join(", ")],
    ["schema", terms.schema === undefined ? "" : JSON.stringify(terms.schema)],
    ["who may", printRule(condition)],
    ["on", condition.assignee],
    ["handed on", condition.delegations.map(({ from, to }) => `from ${from} to ${to}`).join(", ")],
    ["correlation", terms.correlationKey ?? ""],
    ["group", terms.group ?? ""],
    ["asked", condition.instance > 1 ? `for the ${ordinal(condition.instance)} time` : ""],
    ["answer", answer === undefined ? "" : printValue(answer)],
    ...answers.map((given) => ["given", printGiven(given)] as const),
    ...earlierAnswers.map((given) => ["before", printGiven(given)] as const),
    // Of an answer from before answers were kept.
    ["answered by", answers.length === 0 ? condition.signalledBy : ""],
    ["waits until", condition.endTime === undefined ? printTime(condition.deadlineTime) : ""],
    ["snoozed until", printTime(condition.snoozeEndTime)],
    ["escalates at", printTime(condition.nextEscalationTime)],
  ];
}

function printRule({ terms: { answerRule } }: Condition): string {
  if (answerRule === undefined) return "";
  const { requiredCount = 1, voterCount, veto, subjects = [], groups = [], excludesRequester } = answerRule;
  const excluded = excludesRequester === true ? ", but not who created the run" : "";
  const named = [...subjects, ...groups.map((group) => `those of ${group}`)];
  return [
    `${named.length === 0 ? "anybody" : named.join(", ")}${excluded}`,
    requiredCount === 1 ? "" : `${requiredCount} equal answers decide`,
    voterCount === undefined || voterCount === 100 ? "" : `${voterCount} may answer`,
    veto === undefined ? "" : `${printValue(veto)} decides at once`,
  ]
    .filter((part) => part !== "")
    .join("; ");
}

/** A choice as it can be typed, with what it is called beside it. */
function printChoice({
  value,
  label,
  description,
}: NonNullable<Condition["terms"]["choices"]>[number]): string {
  const called = [label, description].filter((part) => part !== undefined && part !== "").join(": ");
  return called === "" || called === value ? printValue(value) : `${printValue(value)} (${called})`;
}

function printGiven(given: Condition["answers"][number]): string {
  const { channel, origin, createTime, runId } = given;
  const from = origin === "" ? "" : ` from ${origin}`;
  const of = runId === "" ? "" : ` in run ${runId}`;
  return `${printAnswer(given)}, ${printTime(createTime)} by ${channel.toLowerCase()}${from}${of}`;
}
