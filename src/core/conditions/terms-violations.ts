import type { Violation } from "../refusal.ts";
import type { Budget } from "../schema/check-value.ts";
import { readSchema } from "../schema/schema.ts";
import type { NewCondition } from "../stated.ts";
import { fitted, type Json, textSizeBytes, type Value } from "../value.ts";
import { schemaViolations } from "./answers/check-answer.ts";
import { escalationsMax, termsBytesMax } from "./condition-limits.ts";
import type { AnswerRule, ConditionTerms, Escalation } from "./terms.ts";

/** Where a condition stands in its request, and what may be spent on checking by schemas. */
interface Scope {
  readonly field: string;
  readonly budget: Budget;
}

/** Everything in which a condition contradicts itself or goes over a bound. */
export function conditionViolations(spec: NewCondition, scope: Scope): readonly Violation[] {
  const { terms } = spec;
  if (terms === undefined) return defaultViolations(spec, undefined, scope);
  const unreadable = unreadableSchema(terms.schema, scope.field);
  // Nothing is held against a schema that cannot be used.
  const schema = unreadable.length === 0 ? terms.schema : undefined;
  return [
    ...sizeViolations(terms, scope.field),
    ...unreadable,
    ...defaultViolations(spec, schema, scope),
    ...terms.choices.flatMap(({ value }, index) => {
      const field = `${scope.field}.choices[${index}].value`;
      return valueViolations(value, { type: spec.type, schema }, { ...scope, field });
    }),
    ...(terms.rule === undefined ? [] : ruleViolations(terms.rule, { type: spec.type, schema }, scope)),
    ...escalationViolations(terms.escalations, `${scope.field}.escalations`),
  ];
}

/** What every answer must keep. */
interface Asked {
  readonly type: NewCondition["type"];
  readonly schema: Json | undefined;
}

function sizeViolations(terms: ConditionTerms, field: string): readonly Violation[] {
  const size = textSizeBytes(JSON.stringify(terms));
  if (size <= termsBytesMax) return [];
  return [{ field, description: `what it asks for takes ${size} bytes, more than ${termsBytesMax}` }];
}

function unreadableSchema(schema: Json | undefined, field: string): readonly Violation[] {
  const read = schema === undefined ? undefined : readSchema(schema);
  if (read === undefined || !("faults" in read)) return [];
  return read.faults.map(({ pointer, description }) => ({ field: `${field}.schema${pointer}`, description }));
}

function defaultViolations(
  { type, timeoutMs, defaultValue, terms }: NewCondition,
  schema: Json | undefined,
  scope: Scope,
): readonly Violation[] {
  if (defaultValue === undefined) return [];
  const field = `${scope.field}.default_value`;
  if (fitted(defaultValue, type) === undefined) {
    const description = `the default is of type ${defaultValue.kind}, the condition of type ${type}`;
    return [{ field, description }, ...untaken(field, timeoutMs, terms)];
  }
  return [
    ...valueViolations(defaultValue, { type, schema }, { ...scope, field }),
    ...untaken(field, timeoutMs, terms),
  ];
}

/** Several answers may fail to decide: with them a default may be taken without a timeout. */
function untaken(
  field: string,
  timeoutMs: number | undefined,
  terms: ConditionTerms | undefined,
): readonly Violation[] {
  if (timeoutMs !== undefined || (terms?.rule?.requiredCount ?? 1) > 1) return [];
  return [{ field, description: "a default needs a timeout at which it is taken" }];
}

function ruleViolations(rule: AnswerRule, asked: Asked, scope: Scope): readonly Violation[] {
  const owner = `${scope.field}.answer_rule`;
  const violations: Violation[] = [];
  if (rule.requiredCount > rule.voterCount) {
    const description = `is less than the ${rule.requiredCount} equal answers that it takes`;
    violations.push({ field: `${owner}.voter_count`, description });
  }
  if (rule.veto !== undefined) {
    violations.push(...valueViolations(rule.veto, asked, { ...scope, field: `${owner}.veto` }));
  }
  return violations;
}

function valueViolations(stated: Value, { type, schema }: Asked, scope: Scope): readonly Violation[] {
  const value = fitted(stated, type);
  if (value !== undefined) return schemaViolations(schema, value, scope);
  return [{ field: scope.field, description: `is of type ${stated.kind}, the condition of type ${type}` }];
}

function escalationViolations(escalations: readonly Escalation[], field: string): readonly Violation[] {
  const violations: Violation[] = [];
  if (escalations.length > escalationsMax) {
    violations.push({ field, description: `are ${escalations.length}, more than ${escalationsMax}` });
  }
  escalations.forEach(({ afterMs }, index) => {
    const before = escalations[index - 1];
    if (before === undefined || before.afterMs <= afterMs) return;
    violations.push({
      field: `${field}[${index}].after`,
      description: "is earlier than that of the one before",
    });
  });
  return violations;
}
