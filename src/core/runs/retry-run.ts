import type { Action } from "../action.ts";
import { hasEnded, hasSucceeded } from "../action.ts";
import { isRuledOut } from "../actions/dependency.ts";
import { reopenActions } from "../actions/reopen.ts";
import { settle } from "../actions/settle.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import { replayOf, replayViolations, toBeAskedAgain } from "../conditions/replay.ts";
import type { Draft } from "../draft.ts";
import { namespaceOf, runIdOf } from "../name.ts";
import { type Refusal, refuse } from "../refusal.ts";
import { hasRunEnded, type Run } from "../run.ts";
import type { Replay, Replays } from "../stated.ts";
import { answer, repeated } from "./requests.ts";
import { runNotFound } from "./run-commands.ts";

/**
 * Opens an ended run again. What failed, timed out, was cancelled, or was skipped because of that, is opened;
 * what succeeded stays, and so does what a guard or a decided group ruled out, unless everything is done
 * again: that is what `all` asks for, and what `force` means for a run that succeeded. Only `force` goes
 * beyond the attempts that the policies allow: what it opens counts them anew.
 */
export function retryRun(draft: Draft, command: CommandOf<"retryRun">): Decision<"retryRun"> {
  const scope = { namespace: namespaceOf(command.run), kind: command.kind, request: command.request };
  const before = repeated(draft, scope);
  if (before !== undefined) return before;
  const run = draft.run(command.run);
  if (run === undefined) return refuse(runNotFound(command.run));
  const runId = runIdOf(run.key);
  if (!hasRunEnded(run)) return refuse({ reason: "RUN_NOT_ENDED", runId, state: run.state });
  if (command.all && !command.force) return refuse({ reason: "INVALID_REQUEST", violations: [allAlone] });
  if (run.state === "SUCCEEDED" && !command.force) return refuse({ reason: "RUN_SUCCEEDED", runId });
  const doesAll = command.all || run.state === "SUCCEEDED";
  const actions = draft.actions(run.key);
  const violations = replayViolations(command.replays, actions);
  if (violations.length > 0) return refuse({ reason: "INVALID_REQUEST", violations });
  const top = actions.filter((action) => action.parent === "");
  const asked = { replays: command.replays, doesAll };
  const again = top.filter((action) => isDoneAgain(action, asked));
  const refusal = command.force ? undefined : exhausted(again);
  if (refusal !== undefined) return refuse(refusal);
  openRun(draft, run);
  for (const child of actions) {
    if (child.parent !== "" && isDoneAgain(child, asked)) markStale(draft, child, asked);
  }
  reopenActions(
    draft,
    again.map((action) => toBeAskedAgain(action, replayFor(action, asked))),
    { countsAnew: command.force },
  );
  settle(draft);
  return answer(draft, scope, { run: draft.run(run.key) ?? run });
}

const allAlone = { field: "all", description: "takes force: what succeeded is not done again without it" };

/** The first task that would be opened and has no attempt left by its policy. */
function exhausted(actions: readonly Action[]): Refusal | undefined {
  for (const { run, name, spec, attempt, attemptBase } of actions) {
    if (spec.kind !== "task") continue;
    const attempts = attempt - attemptBase;
    const { maxAttempts } = spec.retry;
    if (attempts < maxAttempts) continue;
    return { reason: "ATTEMPTS_EXHAUSTED", runId: runIdOf(run), action: name, attempts, maxAttempts };
  }
  return undefined;
}

function openRun(draft: Draft, run: Run): void {
  const deadlineMs = run.timeoutMs === undefined ? undefined : draft.nowMs + run.timeoutMs;
  const opened: Run = {
    ...run,
    state: "QUEUED",
    endTimeMs: undefined,
    deadlineMs,
    dueMs: deadlineMs,
    error: undefined,
    outputs: undefined,
    cancelRequested: false,
    cancelCause: "",
    timedOut: false,
    // Whatever ended badly at the top is opened again.
    worst: undefined,
    retryCount: run.retryCount + 1,
    updateTimeMs: draft.nowMs,
  };
  draft.setRun(opened);
  draft.emit(opened, undefined, { kind: "run_retried", retryCount: opened.retryCount });
  if (deadlineMs !== undefined) draft.affect({ kind: "due", atMs: deadlineMs });
}

interface Asked {
  readonly replays: Replays;
  readonly doesAll: boolean;
}

/** True for what is opened: at the top at once, below when its parent asks for it. */
function isDoneAgain(action: Action, asked: Asked): boolean {
  if (action.spec.kind === "condition" && hasSucceeded(action)) return replayFor(action, asked) !== "reuse";
  return asked.doesAll || (action.parent === "" && isToRepeat(action));
}

/** What becomes of an answer: without a word of it everything that is done again is asked again. */
function replayFor({ name, spec }: Action, { replays, doesAll }: Asked): Replay {
  if (spec.kind !== "condition") return "askAgain";
  return replayOf(replays, name, doesAll ? "askAgain" : "reuse");
}

function markStale(draft: Draft, child: Action, asked: Asked): void {
  const condition = child.spec.kind === "condition" ? toBeAskedAgain(child, replayFor(child, asked)) : child;
  draft.setAction({ ...condition, isStale: true });
}

function isToRepeat(action: Action): boolean {
  if (!hasEnded(action) || hasSucceeded(action)) return false;
  return !isRuledOut(action);
}
