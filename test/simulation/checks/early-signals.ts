import type { AcceptedSignal } from "../../guarantees/actions.ts";
import type { RecordedEvent, Violations } from "../../guarantees/record.ts";

/**
 * Early signals are kept: a signal that was acknowledged as kept is in the feed, and what is kept becomes the
 * answer of the next condition of its name, or is said to be dropped. Only what runs that have ended is
 * judged whole: a condition of a live one may still come.
 */
export function earlySignalsKept(
  events: readonly RecordedEvent[],
  acknowledged: readonly AcceptedSignal[],
): Violations {
  const violations: string[] = [];
  const kept = new Map<string, string>();
  const everKept = new Set<string>();
  const paused = new Set<string>();
  for (const event of events) {
    const { namespace, runId, action, kind, value = "" } = event;
    const name = `${namespace}/${runId}/${action}`;
    // Kept for a correlation key: no condition is named yet.
    if (action === "" && kind.startsWith("signal_")) continue;
    if (kind === "signal_kept") {
      everKept.add(`${name} ${value}`);
      kept.set(name, value);
    }
    // One of several answers, or one that an earlier answer stands against, is given too.
    if (kind === "signal_dropped" || kind === "answer_given") {
      kept.delete(name);
      paused.delete(name);
    }
    if (kind === "condition_paused") {
      if (kept.has(name)) paused.add(name);
    }
    if (kind === "condition_answered" && kept.has(name)) {
      if (kept.get(name) !== value)
        violations.push(`${name} was answered ${value}, ${kept.get(name)} was kept`);
      kept.delete(name);
      paused.delete(name);
    }
    if (kind === "action_ended" && paused.has(name)) {
      violations.push(`${name} ended without the signal that was kept for it`);
    }
    if (kind === "run_ended") {
      for (const lost of kept.keys()) {
        if (lost.startsWith(`${namespace}/${runId}/`)) violations.push(`${lost} was kept and forgotten`);
      }
    }
  }
  for (const { namespace, runId, action, value } of acknowledged) {
    const name = `${namespace}/${runId}/${action}`;
    if (!everKept.has(`${name} ${value}`))
      violations.push(`${name} was said to be kept and is not in the feed`);
  }
  return violations;
}
