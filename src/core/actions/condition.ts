import { keptSignalsPerRunMax } from "../../limits.ts";
import { hasEnded } from "../action.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { fitsDepth, namespaceOf, parentOf, runIdOf } from "../name.ts";
import { refuse } from "../refusal.ts";
import { hasRunEnded, type Run } from "../run.ts";
import { answer, repeated } from "../runs/requests.ts";
import { areEqual, fitted } from "../value.ts";
import { settle } from "./settle.ts";
import { takeAnswer } from "./take-answer.ts";

/**
 * A signal: ends a paused condition with its value, once. An equal answer again is accepted and changes
 * nothing. For a condition that a running task may still add, it is kept.
 */
export function signalCondition(
  draft: Draft,
  command: CommandOf<"signalCondition">,
): Decision<"signalCondition"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const runId = runIdOf(command.run);
  const run = draft.run(command.run);
  if (run === undefined) return refuse({ reason: "RUN_NOT_FOUND", namespace: scope.namespace, runId });
  const condition = draft.action(command.run, command.action);
  if (condition === undefined) return keepSignal(draft, run, command);
  if (condition.spec.kind !== "condition") {
    const kind = condition.spec.kind;
    return refuse({ reason: "ACTION_NOT_CONDITION", runId, action: condition.name, kind });
  }
  const value = fitted(command.value, condition.spec.type);
  if (value === undefined) {
    const { type: expected } = condition.spec;
    return refuse({ reason: "SIGNAL_TYPE_MISMATCH", expected, actual: command.value.kind });
  }
  // After everything is done again, its answer is of before: its parent may ask anew.
  const asksAgain = condition.isStale && mayStillBeAdded(draft, run, condition.name);
  if (hasEnded(condition) && !asksAgain) {
    const taken = condition.outputs?.["value"];
    if (taken === undefined) {
      return refuse({ reason: "ACTION_ENDED", runId, action: condition.name, state: condition.state });
    }
    if (!areEqual(taken, value)) return refuse({ reason: "ALREADY_ANSWERED", runId, action: condition.name });
    return answer(draft, scope, { action: condition, kept: false, repeated: true });
  }
  if (condition.state !== "PAUSED") return keepSignal(draft, run, { ...command, value });
  takeAnswer(draft, condition, { value, signalledBy: command.signalledBy });
  settle(draft);
  return answer(draft, scope, {
    action: draft.action(command.run, command.action),
    kept: false,
    repeated: false,
  });
}

function keepSignal(
  draft: Draft,
  run: Run,
  command: CommandOf<"signalCondition">,
): Decision<"signalCondition"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const runId = runIdOf(run.key);
  const { action, value, signalledBy } = command;
  if (hasRunEnded(run)) return refuse({ reason: "RUN_ENDED", runId, state: run.state });
  if (draft.action(run.key, action) === undefined && !mayStillBeAdded(draft, run, action)) {
    return refuse({ reason: "ACTION_NOT_FOUND", runId, action });
  }
  const kept = draft.keptSignal(run.key, action);
  if (kept !== undefined) {
    if (!areEqual(kept.value, value)) return refuse({ reason: "ALREADY_ANSWERED", runId, action });
    return answer(draft, scope, { action: undefined, kept: true, repeated: true });
  }
  if (run.keptSignalCount >= keptSignalsPerRunMax) {
    return refuse({ reason: "LIMIT_REACHED", limit: "keptSignalsPerRunMax", maximum: keptSignalsPerRunMax });
  }
  draft.keepSignal({ run: run.key, action, value, signalledBy, timeMs: draft.nowMs });
  const keeping = { ...run, keptSignalCount: run.keptSignalCount + 1 };
  draft.setRun(keeping);
  draft.emitNamed(keeping, action, { kind: "signal_kept", value, signalledBy });
  return answer(draft, scope, { action: undefined, kept: true, repeated: false });
}

/**
 * Only a task can add actions, below itself: the nearest ancestor that exists must be one that has not ended
 * and is not asked to.
 */
function mayStillBeAdded(draft: Draft, run: Run, name: string): boolean {
  if (!fitsDepth(name)) return false;
  for (let parent = parentOf(name); parent !== ""; parent = parentOf(parent)) {
    const ancestor = draft.action(run.key, parent);
    if (ancestor === undefined) continue;
    return ancestor.spec.kind === "task" && !hasEnded(ancestor) && ancestor.cancelTimeMs === undefined;
  }
  return false;
}
