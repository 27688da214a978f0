import type { Action, TaskSpec } from "../action.ts";
import { namespaceOf } from "../name.ts";
import type { Labels } from "../run.ts";
import { type Counter, counterKey, type Limit } from "./limit.ts";
import { nextStartMs } from "./rate.ts";

/** A limit that a task falls under, and the counter in which it takes its place. */
export interface AppliedLimit {
  readonly limit: Limit;
  /** The key of the counter. */
  readonly key: string;
  /** The label's value, for a limit that has a counter for each; else "". */
  readonly value: string;
}

/**
 * Which of the limits of its namespace a task falls under: those of its op, of the namespace, and of its
 * labels, where its own label goes before its run's.
 */
export function limitsOf(
  action: Pick<Action, "spec" | "run">,
  runLabels: Labels,
  limits: readonly Limit[],
): readonly AppliedLimit[] {
  if (limits.length === 0 || action.spec.kind !== "task") return [];
  const namespace = namespaceOf(action.run);
  const applied: AppliedLimit[] = [];
  for (const limit of limits) {
    const value = valueUnder(limit, action.spec, runLabels);
    if (value !== undefined) applied.push({ limit, key: counterKey(namespace, limit.name, value), value });
  }
  return applied;
}

/** Which of them hold for everything in a queue: those of its op and of the namespace. */
export function limitsOfQueue(op: string, limits: readonly Limit[]): readonly AppliedLimit[] {
  return limits
    .filter(({ scope }) => scope.kind === "namespace" || (scope.kind === "op" && scope.op === op))
    .map((limit) => ({ limit, key: counterKey(limit.namespace, limit.name, ""), value: "" }));
}

/**
 * True if nothing more may start under a limit at a time: all its places are taken, or its rate is used up.
 * No counter means that nothing has started.
 */
export function isFull(counter: Counter | undefined, limit: Limit, nowMs: number): boolean {
  return areAllHeld(counter, limit) || nextStartMs(counter, limit) > nowMs;
}

/** True if all places of a limit are taken, so that only an end frees one. */
export function areAllHeld(counter: Pick<Counter, "heldCount"> | undefined, limit: Limit): boolean {
  return limit.concurrentMax > 0 && (counter?.heldCount ?? 0) >= limit.concurrentMax;
}

/** The value of the counter that a task takes a place in; undefined if the limit does not apply. */
function valueUnder({ scope }: Limit, { op, labels }: TaskSpec, runLabels: Labels): string | undefined {
  switch (scope.kind) {
    case "namespace":
      return "";
    case "op":
      return scope.op === op ? "" : undefined;
    case "label": {
      const from = Object.hasOwn(labels, scope.name) ? labels : runLabels;
      const value = Object.hasOwn(from, scope.name) ? from[scope.name] : undefined;
      if (scope.value === undefined) return value;
      return value === scope.value ? "" : undefined;
    }
  }
}
