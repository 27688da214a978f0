import { outputSizeBytesMax } from "../../limits.ts";
import type { Action, ActionError } from "../action.ts";
import { hasEnded } from "../action.ts";
import { runningDueMs } from "../actions/deadline.ts";
import { endAction, failAttempt } from "../actions/end-action.ts";
import { settle } from "../actions/settle.ts";
import { unreachable } from "../assert.ts";
import type { Decision } from "../change.ts";
import type { CommandOf } from "../command.ts";
import type { Draft } from "../draft.ts";
import { runIdOf, wholeName } from "../name.ts";
import { outputViolations } from "../ops/check-outputs.ts";
import { describeViolations, type Refusal } from "../refusal.ts";
import type { AttemptReport, ReportContent } from "../stated.ts";
import { type Values, valuesSizeBytes } from "../value.ts";
import { startAttempt } from "./attempt.ts";
import { fenced } from "./fence.ts";

/** Takes a worker's reports, each by itself and in order. One recorded before is answered again. */
export function report(draft: Draft, command: CommandOf<"report">): Decision<"report"> {
  const refusals = command.reports.map((reported) => {
    const refusal = takeReport(draft, reported);
    settle(draft);
    return refusal;
  });
  return draft.accept<"report">({ refusals });
}

function takeReport(draft: Draft, { attempt, sequence, content }: AttemptReport): Refusal | undefined {
  const known = draft.action(attempt.run, attempt.action);
  const isRepeat =
    known !== undefined &&
    known.epoch === attempt.epoch &&
    known.attempt === attempt.attempt &&
    sequence <= known.reportSequence;
  if (isRepeat) return undefined;
  const found = fenced(draft, attempt);
  if ("refusal" in found) return found.refusal;
  if (content.kind === "failed" && content.error.message === "") {
    const description = "must say what went wrong";
    return { reason: "INVALID_REQUEST", violations: [{ field: "failed.message", description }] };
  }
  if (content.kind === "trace_ended") {
    const refusal = traceRefusal(draft, found.action, content);
    if (refusal !== undefined) return refusal;
  }
  const running = found.action.state === "ASSIGNED" ? startAttempt(draft, found.action) : found.action;
  const beating = { ...running, reportSequence: sequence, beatTimeMs: draft.nowMs };
  const dueMs = runningDueMs(beating);
  // After a boot its silence counts from later than now: this moves its deadline forward.
  if (dueMs !== undefined && dueMs < (running.dueMs ?? dueMs)) draft.affect({ kind: "due", atMs: dueMs });
  take(draft, draft.setAction({ ...beating, dueMs }), content);
  return undefined;
}

function take(draft: Draft, action: Action, content: ReportContent): void {
  const { epoch } = action;
  switch (content.kind) {
    case "heartbeat":
      return;
    case "progress": {
      const { percent, message } = content;
      const moved = draft.setAction({ ...action, progressPercent: percent, progressMessage: message });
      draft.emit(draft.runOf(action), moved, { kind: "action_progressed", percent, message });
      return;
    }
    case "log":
      draft.emit(draft.runOf(action), action, {
        kind: "action_logged",
        level: content.level,
        message: content.message,
      });
      return;
    case "event":
      draft.emit(draft.runOf(action), action, { kind: "published", ...content.published });
      return;
    case "succeeded":
      succeed(draft, action, content.outputs);
      return;
    case "failed":
      failAttempt(draft, action, { state: "FAILED", error: content.error, epoch });
      return;
    case "stopped": {
      const error = { type: "Cancelled", message: content.message, stack: "", nonRetryable: true };
      if (action.cancelTimeMs === undefined) failAttempt(draft, action, { state: "FAILED", error, epoch });
      else endAction(draft, action, { state: "CANCELLED", error, epoch });
      return;
    }
    case "trace_ended":
      endTrace(draft, action, content);
      return;
    default:
      unreachable(content);
  }
}

function succeed(draft: Draft, action: Action, outputs: Values): void {
  const error = outputError(action, outputs);
  const { epoch } = action;
  if (error === undefined) endAction(draft, action, { state: "SUCCEEDED", outputs, epoch });
  else failAttempt(draft, action, { state: "FAILED", error, epoch });
}

/** Why outputs cannot be taken; trying again cannot make them smaller, but may well make them right. */
function outputError(action: Action, outputs: Values): ActionError | undefined {
  const size = valuesSizeBytes(outputs);
  if (size > outputSizeBytesMax) {
    const message = `the outputs take ${size} bytes, more than ${outputSizeBytesMax}; put out references instead`;
    return { type: "OutputTooLarge", message, stack: "", nonRetryable: true };
  }
  const specs = action.spec.kind === "task" ? action.spec.outputSpecs : undefined;
  const violations = specs === undefined ? [] : outputViolations(specs, outputs);
  if (violations.length === 0) return undefined;
  return { type: "OutputInvalid", message: describeViolations(violations), stack: "", nonRetryable: false };
}

/** Why the end of a step cannot be recorded: there is no such step, or its outputs are too large to keep. */
function traceRefusal(draft: Draft, parent: Action, content: TraceEnd): Refusal | undefined {
  const action = wholeName(parent.name, content.name);
  if (draft.action(parent.run, action)?.spec.kind !== "trace") {
    return { reason: "ACTION_NOT_FOUND", runId: runIdOf(parent.run), action };
  }
  if (valuesSizeBytes(content.outputs) <= outputSizeBytesMax) return undefined;
  return { reason: "LIMIT_REACHED", limit: "outputSizeBytesMax", maximum: outputSizeBytesMax };
}

type TraceEnd = Extract<ReportContent, { kind: "trace_ended" }>;

/** Ends a step; one that has ended stays as it ended. */
function endTrace(draft: Draft, parent: Action, { name, outputs, error }: TraceEnd): void {
  const trace = draft.action(parent.run, wholeName(parent.name, name));
  if (trace === undefined || hasEnded(trace)) return;
  const { epoch } = parent;
  if (error === undefined) endAction(draft, trace, { state: "SUCCEEDED", outputs, epoch });
  else endAction(draft, trace, { state: "FAILED", error, epoch });
}
