import { areEqual, canonical, fitted, type Value, type ValueType } from "../../value.ts";
import type { AnswerRule } from "../terms.ts";

/** What some answers come to: decided by the last one, still open, or not to be decided any more. */
export type Verdict = "decided" | "open" | "undecided";

/**
 * Counts the answers of one opening, each of another voter and of the condition's type. Only the last one can
 * have decided: the verdict was open before it. It is undecided as soon as no value has a way left to the
 * required count, also none that nobody has given yet.
 */
export function tally(rule: AnswerRule, type: ValueType, values: readonly Value[]): Verdict {
  const last = values.at(-1);
  if (last === undefined) return "open";
  const veto = rule.veto === undefined ? undefined : fitted(rule.veto, type);
  if (veto !== undefined && areEqual(last, veto)) return "decided";
  const counts = new Map<string, number>();
  for (const value of values) {
    const key = canonical(value);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  if ((counts.get(canonical(last)) ?? 0) >= rule.requiredCount) return "decided";
  const left = rule.voterCount - values.length;
  return Math.max(...counts.values()) + left >= rule.requiredCount ? "open" : "undecided";
}
