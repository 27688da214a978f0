import { type Fields, isObject, type JsonCheck } from "./read-json-file.ts";

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
  requiredCount: "integer",
  voterCount: "integer",
  veto: "any",
  subjects: "texts",
  groups: "texts",
  excludesRequester: "flag",
};
const escalationFields: Fields = {
  "afterMs!": "number",
  notify: "texts",
  subjects: "texts",
  groups: "texts",
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
  for (const [index, choice] of listOf(choices).entries()) {
    check.object(choice, `${place}choices[${index}]`, choiceFields);
  }
  for (const [index, step] of listOf(escalations).entries()) {
    check.object(step, `${place}escalations[${index}]`, escalationFields);
  }
  // What is no object at all was noted with the condition's own fields.
  if (isObject(answerRule)) check.object(answerRule, `${place}answerRule`, ruleFields);
  if (isObject(webhook)) check.object(webhook, `${place}webhook`, webhookFields);
  if (earlySignals !== undefined && earlySignals !== "KEEP" && earlySignals !== "DROP") {
    check.mistakes.push(`${place}earlySignals must be KEEP or DROP`);
  }
}

function listOf(json: unknown): readonly unknown[] {
  return Array.isArray(json) ? (json as unknown[]) : [];
}
