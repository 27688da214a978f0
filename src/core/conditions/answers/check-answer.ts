import type { Action, ConditionSpec } from "../../action.ts";
import { assert } from "../../assert.ts";
import { runIdOf } from "../../name.ts";
import { plainJson } from "../../ops/spec-type.ts";
import type { Refusal, Violation } from "../../refusal.ts";
import { type Budget, checkBySchema, newBudget } from "../../schema/check-value.ts";
import { fitted, type Json, sizeBytes, type Value } from "../../value.ts";
import { answerBytesMax, quorumAnswerBytesMax } from "../condition-limits.ts";
import { ruleOf } from "./rights.ts";

/** An answer as its condition has it, or why it cannot be one. */
export type CheckedAnswer = { readonly value: Value } | { readonly refusal: Refusal };

/** Checks an answer by the type of a condition, by its schema, and by how much it may take. */
export function checkAnswer(condition: Action, stated: Value): CheckedAnswer {
  const spec = specOf(condition);
  const value = fitted(stated, spec.type);
  if (value === undefined) {
    return { refusal: { reason: "SIGNAL_TYPE_MISMATCH", expected: spec.type, actual: stated.kind } };
  }
  const runId = runIdOf(condition.run);
  const violations = schemaViolations(spec.terms?.schema, value, { field: "value", budget: newBudget() });
  if (violations.length > 0) {
    return { refusal: { reason: "ANSWER_INVALID", runId, action: condition.name, violations } };
  }
  const tooLarge = ruleOf(condition).requiredCount > 1 ? overQuorumBound(value) : answerSizeRefusal(value);
  return tooLarge === undefined ? { value } : { refusal: tooLarge };
}

/** Why a value is too large for an answer, whatever it answers; undefined if it is not. */
export function answerSizeRefusal(value: Value): Refusal | undefined {
  if (sizeBytes(value) <= answerBytesMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "answerBytesMax", maximum: answerBytesMax };
}

function overQuorumBound(value: Value): Refusal | undefined {
  if (sizeBytes(value) <= quorumAnswerBytesMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "quorumAnswerBytesMax", maximum: quorumAnswerBytesMax };
}

/** All in which a value does not keep a schema that was found good, each under the path of its place. */
export function schemaViolations(
  schema: Json | undefined,
  value: Value,
  { field, budget }: { readonly field: string; readonly budget: Budget },
): readonly Violation[] {
  if (schema === undefined) return [];
  return checkBySchema(schema, plainJson(value), budget).map(({ pointer, description }) => {
    return { field: `${field}${pointer}`, description };
  });
}

/** What a condition asks. */
export function specOf({ run, name, spec }: Action): ConditionSpec {
  assert(spec.kind === "condition", "the action is a condition", { run, action: name });
  return spec;
}
