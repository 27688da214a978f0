import { inputSizeBytesMax } from "../../limits.ts";
import type { Action, ActionError, ActionState } from "../action.ts";
import { queueKey } from "../command.ts";
import { decidedBy, groupDecided } from "../conditions/group.ts";
import { pauseCondition } from "../conditions/pause-condition.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf } from "../name.ts";
import { resolvedViolations } from "../ops/check-inputs.ts";
import { describeViolations } from "../refusal.ts";
import { type Values, valuesSizeBytes } from "../value.ts";
import { earliest } from "./deadline.ts";
import { resolveInputs, unmet, waitedFor } from "./dependency.ts";
import { type End, endAction } from "./end-action.ts";

/**
 * Where an action goes on to that nothing holds back: a task is QUEUED, a condition PAUSED, and either ends
 * if a dependency did not end as it must have, or if its inputs cannot be had. PENDING is for a task whose
 * inputs come from an action that is open again.
 */
export interface Next {
  readonly state: Extract<ActionState, "QUEUED" | "PAUSED" | "PENDING"> | End["state"];
  /** How it ends, if it does. */
  readonly end?: End;
}

/** Where an action goes on to whose dependencies have ended. */
export function nextOf(draft: Draft, action: Action): Next {
  const error = unmet(draft, action);
  if (error !== undefined) return ended({ state: "SKIPPED", error });
  if (action.spec.kind !== "condition") return nextOfTask(draft, action);
  return ruledOut(draft, action) ?? { state: "PAUSED" };
}

/** The end of a condition whose group is decided already, whatever it waits for. */
export function ruledOut(draft: Draft, action: Action): Next | undefined {
  const winner = decidedBy(draft, action);
  if (winner === undefined) return undefined;
  return ended({ state: "SKIPPED", error: groupDecided(winner), outcome: "WITHDRAWN" });
}

function nextOfTask(draft: Draft, action: Action): Next {
  const found = findInputs(draft, action);
  return "inputs" in found ? { state: "QUEUED" } : found.next;
}

/** The inputs that a task starts with, or where it goes on to instead. */
export function findInputs(
  draft: Draft,
  action: Action,
): { readonly inputs: Values } | { readonly next: Next; readonly cause: string } {
  const resolved = resolveInputs(draft, action);
  if ("missing" in resolved) {
    const { missing: cause } = resolved;
    const isOpenAgain = waitedFor(draft, action.run, action.parent, action.spec).size > 0;
    const next: Next = isOpenAgain ? { state: "PENDING" } : failed("InputMissing", cause);
    return { next, cause };
  }
  const size = valuesSizeBytes(resolved.inputs);
  if (size > inputSizeBytesMax) {
    const cause = `the inputs take ${size} bytes, more than ${inputSizeBytesMax}; pass references instead`;
    return { next: failed("InputTooLarge", cause), cause };
  }
  const specs = action.spec.kind === "task" ? action.spec.inputSpecs : undefined;
  const violations = specs === undefined ? [] : resolvedViolations(specs, resolved.inputs);
  if (violations.length === 0) return resolved;
  const cause = describeViolations(violations);
  return { next: failed("InputInvalid", cause), cause };
}

/** Lets an action go on to where `nextOf` says. `isNew` spares the event: its creation has said it. */
export function goOn(
  draft: Draft,
  action: Action,
  { next, isNew }: { readonly next: Next; readonly isNew: boolean },
): void {
  if (next.end !== undefined) endAction(draft, action, next.end);
  else if (next.state === "PAUSED") pauseCondition(draft, action);
  else if (next.state === "PENDING") waitAgain(draft, action);
  else queueTask(draft, action, isNew);
}

/** Lets an action go on whose dependencies have ended. */
export function makeReady(draft: Draft, action: Action): void {
  goOn(draft, action, { next: nextOf(draft, action), isNew: false });
}

/** The time of a task's next attempt has come. */
export function queueAgain(draft: Draft, action: Action): void {
  goOn(draft, action, { next: nextOfTask(draft, action), isNew: false });
}

function queueTask(draft: Draft, action: Action, isNew: boolean): void {
  if (action.spec.kind !== "task") return;
  const { queueToStartMs } = action.spec.timeouts;
  const queued = draft.setAction({
    ...action,
    state: "QUEUED",
    queueTimeMs: draft.nowMs,
    ageMs: action.queueTimeMs === undefined ? draft.nowMs : action.ageMs,
    retryTimeMs: undefined,
    dueMs: queueToStartMs === undefined ? undefined : draft.nowMs + queueToStartMs,
  });
  if (!isNew) draft.emit(draft.runOf(queued), queued, { kind: "action_queued" });
  if (queued.dueMs !== undefined) draft.affect({ kind: "due", atMs: queued.dueMs });
  draft.affect({ kind: "queued", queue: queueKey(namespaceOf(action.run), action.spec.op) });
}

/** What it was to start with is open again: it waits until that has ended once more. */
function waitAgain(draft: Draft, action: Action): void {
  const waitingCount = waitedFor(draft, action.run, action.parent, action.spec).size;
  draft.setAction({ ...action, state: "PENDING", waitingCount, retryTimeMs: undefined, dueMs: undefined });
}

function failed(type: string, message: string): Next {
  const error: ActionError = { type, message, stack: "", nonRetryable: true };
  return ended({ state: "FAILED", error });
}

function ended(end: End): Next {
  return { state: end.state, end };
}

/** When a leased task that nobody accepted is taken back, or its time in the queue is over. */
export function acceptDueMs(action: Action, nowMs: number, acceptTimeoutMs: number): number {
  const limit = action.spec.kind === "task" ? action.spec.timeouts.queueToStartMs : undefined;
  const queueEndMs =
    limit === undefined || action.queueTimeMs === undefined ? undefined : action.queueTimeMs + limit;
  return earliest([nowMs + acceptTimeoutMs, queueEndMs]) ?? nowMs + acceptTimeoutMs;
}
