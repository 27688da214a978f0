import type { Fields, JsonCheck } from "./read-json-file.ts";

/** What a condition in a file may say beside its type, question and time. */
export const conditionPartFields: Fields = {
  schema: "object",
  choices: "list",
  link: "text",
  answerRule: "object",
  assignee: "text",
  escalations: "list",
  correlationKey: "text",
  earlySignals: "text",
  group: "text",
  webhook: "object",
};
const choiceFields: Fields = { "value!": "any", label: "text", description: "text" };
const ruleFields: Fields = {
  requiredCount: "number",
  voterCount: "number",
  veto: "any",
  subjects: "list",
  groups: "list",
  excludesRequester: "flag",
};
const escalationFields: Fields = {
  "afterMs!": "number",
  notify: "list",
  subjects: "list",
  groups: "list",
  assignee: "text",
};
const webhookFields: Fields = {
  "url!": "text",
  payload: "object",
  secret: "text",
  linkLifetimeMs: "number",
  headers: "labels",
};

/** Says what is wrong with the form of these parts. */
export function checkConditionParts(
  check: JsonCheck,
  condition: Readonly<Record<string, unknown>>,
  place: string,
): void {
  const { choices, escalations, answerRule, webhook, earlySignals } = condition;
  for (const choice of listOf(choices)) check.object(choice, `${place}choices`, choiceFields);
  for (const step of listOf(escalations)) check.object(step, `${place}escalations`, escalationFields);
  if (answerRule !== undefined) check.object(answerRule, `${place}answerRule`, ruleFields);
  if (webhook !== undefined) check.object(webhook, `${place}webhook`, webhookFields);
  if (earlySignals !== undefined && earlySignals !== "KEEP" && earlySignals !== "DROP") {
    check.mistakes.push(`${place}earlySignals must be KEEP or DROP`);
  }
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? (json as unknown[]) : [];
}
