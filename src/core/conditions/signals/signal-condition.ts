import { keptSignalsPerRunMax } from "../../../limits.ts";
import type { Action } from "../../action.ts";
import { hasEnded } from "../../action.ts";
import { settle } from "../../actions/settle.ts";
import type { Answers } from "../../answer.ts";
import type { Decision } from "../../change.ts";
import type { CommandOf } from "../../command.ts";
import type { Draft } from "../../draft.ts";
import { fitsDepth, namespaceOf, parentOf, runIdOf } from "../../name.ts";
import { type Refusal, refuse } from "../../refusal.ts";
import { hasRunEnded, type Run } from "../../run.ts";
import { answer, repeated } from "../../runs/requests.ts";
import { runNotFound } from "../../runs/run-commands.ts";
import { areEqual } from "../../value.ts";
import { answerSizeRefusal, checkAnswer } from "../answers/check-answer.ts";
import { objectionTo } from "../answers/rights.ts";
import { answerOf, giveAnswer } from "../answers/take-answer.ts";
import { voterOf } from "../answers/voter.ts";
import { nextInstanceOf, standingOf, termsOf } from "../standing.ts";

/** A signal: what it says, of whom, and for which opening of the condition, 0 for whichever is open. */
export type Signal = Pick<CommandOf<"signalCondition">, "action" | "value" | "by" | "instance">;

/** What a signal comes to. */
export type Signalled = Answers["signalCondition"] | { readonly refusal: Refusal };

/**
 * A signal: gives a paused condition an answer, which ends it once it has enough of them. An equal answer
 * again is accepted and changes nothing. For a condition that a running task may still add, it is kept.
 */
export function signalCondition(
  draft: Draft,
  command: CommandOf<"signalCondition">,
): Decision<"signalCondition"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const run = draft.run(command.run);
  if (run === undefined) return refuse(runNotFound(command.run));
  const signalled = giveSignal(draft, run, command);
  return "refusal" in signalled ? refuse(signalled.refusal) : answer(draft, scope, signalled);
}

/** Gives a signal to the condition that it names in a run, or keeps it for that. */
export function giveSignal(draft: Draft, run: Run, signal: Signal): Signalled {
  const condition = draft.action(run.key, signal.action);
  if (condition === undefined) return keepForNew(draft, run, signal);
  const runId = runIdOf(run.key);
  const { name: action, spec } = condition;
  if (spec.kind !== "condition") {
    return { refusal: { reason: "ACTION_NOT_CONDITION", runId, action, kind: spec.kind } };
  }
  const checked = checkAnswer(condition, signal.value);
  if ("refusal" in checked) return checked;
  // After everything is done again, its answer is of before: its parent may ask anew.
  const asksAgain = condition.isStale && mayStillBeAdded(draft, run, action);
  const isOver = hasEnded(condition) && !asksAgain;
  const changed = instanceRefusal(condition, signal.instance, isOver);
  if (changed !== undefined) return { refusal: changed };
  const good: Signal = { ...signal, value: checked.value };
  if (isOver) return againAfterEnd(condition, good);
  const { by } = good;
  const objection = objectionTo(condition, { by, requester: run.createdBy });
  if (objection !== undefined) return { refusal: notAllowed(condition, voterOf(by), objection) };
  if (condition.state === "PAUSED") return giveToOpen(draft, condition, good);
  // It would be dropped as too early, without anybody hearing of it.
  if (termsOf(condition).dropsEarly) {
    return { refusal: { reason: "CONDITION_NOT_OPEN", runId, action, state: condition.state } };
  }
  return keepSignal(draft, run, good);
}

/** The refusal of what somebody may not do to a condition. */
export function notAllowed({ run, name }: Action, subject: string, rule: string): Refusal {
  return { reason: "NOT_ALLOWED", runId: runIdOf(run), action: name, subject, rule };
}

function instanceRefusal(condition: Action, instance: number, isOver: boolean): Refusal | undefined {
  const currentInstance = isOver ? standingOf(condition).instance : nextInstanceOf(condition);
  if (instance === 0 || instance === currentInstance) return undefined;
  const { run, name: action } = condition;
  return { reason: "INSTANCE_CHANGED", runId: runIdOf(run), action, instance, currentInstance };
}

function giveToOpen(draft: Draft, paused: Action, { value, by }: Signal): Signalled {
  const mine = answerOf(paused, by);
  if (mine !== undefined) {
    if (areEqual(mine.value, value)) return { action: paused, kept: false, repeated: true };
    return { refusal: alreadyAnswered(paused) };
  }
  giveAnswer(draft, paused, { value, by, timeMs: draft.nowMs });
  settle(draft);
  const action = draft.action(paused.run, paused.name);
  return { action, kept: false, repeated: false };
}

/** Behind its end a condition takes again what it was given: its answer of anybody, and theirs of each. */
function againAfterEnd(ended: Action, { value, by }: Signal): Signalled {
  const taken = ended.outputs?.["value"];
  const mine = answerOf(ended, by)?.value;
  if ((taken !== undefined && areEqual(taken, value)) || (mine !== undefined && areEqual(mine, value))) {
    return { action: ended, kept: false, repeated: true };
  }
  if (taken !== undefined) return { refusal: alreadyAnswered(ended) };
  const { run, name: action, state } = ended;
  return { refusal: { reason: "ACTION_ENDED", runId: runIdOf(run), action, state } };
}

function alreadyAnswered({ run, name }: Action): Refusal {
  return { reason: "ALREADY_ANSWERED", runId: runIdOf(run), action: name };
}

/** For a condition that is not there: a running task may add it, and then it opens for the first time. */
function keepForNew(draft: Draft, run: Run, signal: Signal): Signalled {
  const runId = runIdOf(run.key);
  const { action, instance } = signal;
  const tooLarge = answerSizeRefusal(signal.value);
  if (tooLarge !== undefined) return { refusal: tooLarge };
  if (!hasRunEnded(run) && !mayStillBeAdded(draft, run, action)) {
    return { refusal: { reason: "ACTION_NOT_FOUND", runId, action } };
  }
  if (!hasRunEnded(run) && instance > 1) {
    return { refusal: { reason: "INSTANCE_CHANGED", runId, action, instance, currentInstance: 0 } };
  }
  return keepSignal(draft, run, signal);
}

function keepSignal(draft: Draft, run: Run, { action, value, by }: Signal): Signalled {
  const runId = runIdOf(run.key);
  if (hasRunEnded(run)) return { refusal: { reason: "RUN_ENDED", runId, state: run.state } };
  const kept = draft.keptSignal(run.key, action);
  if (kept !== undefined) {
    if (areEqual(kept.value, value)) return { action: undefined, kept: true, repeated: true };
    return { refusal: { reason: "ALREADY_ANSWERED", runId, action } };
  }
  if (run.keptSignalCount >= keptSignalsPerRunMax) {
    return {
      refusal: { reason: "LIMIT_REACHED", limit: "keptSignalsPerRunMax", maximum: keptSignalsPerRunMax },
    };
  }
  draft.keepSignal({ run: run.key, action, value, by, timeMs: draft.nowMs });
  const keeping = { ...run, keptSignalCount: run.keptSignalCount + 1 };
  draft.setRun(keeping);
  tellKept(draft, keeping, action, { value, by });
  return { action: undefined, kept: true, repeated: false };
}

function tellKept(draft: Draft, run: Run, action: string, { value, by }: Pick<Signal, "value" | "by">): void {
  const { signalledBy, subject } = by;
  const nothingElse = { correlationKey: undefined, expireMs: undefined };
  draft.emitNamed(run, action, { kind: "signal_kept", value, signalledBy, subject, ...nothingElse });
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
