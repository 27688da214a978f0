import { Reason, type Refusal } from "../../../gen/signalbox/v1/reason_pb.ts";
import type { AttemptReport } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { Closing } from "./link.ts";
import type { SessionFailure, WorkerRefusal } from "./thread-messages.ts";

/** The reasons after which nothing that an attempt says counts any more. */
const endingReasons: ReadonlySet<Reason> = new Set([
  Reason.STALE_EPOCH,
  Reason.RUN_ENDED,
  Reason.RUN_NOT_FOUND,
]);

/** The same, where the refusal is about the attempt's own action and not about a step of it. */
const endingReasonsOfAction: ReadonlySet<Reason> = new Set([Reason.ACTION_ENDED, Reason.ACTION_NOT_FOUND]);

/**
 * True if the refusal of a report, or of what else the attempt said, means that it is no longer this
 * worker's.
 */
export function endsAttempt({ reason }: Refusal, report?: AttemptReport): boolean {
  const isAboutStep = report?.content.case === "traceEnded";
  return endingReasons.has(reason) || (endingReasonsOfAction.has(reason) && !isAboutStep);
}

/** A refusal as the main thread and the task see it: the reason by name, as docs/errors.md lists it. */
export function readRefusal({ reason, message }: Refusal): WorkerRefusal {
  return { reason: nameReason(reason), message };
}

/**
 * Why a session must not attach again after a stream has closed, if it must not. `goodbye` is the cause that
 * the server gave in its Leave, if it said one: a session can be gone for other causes than that another
 * process took its worker's name, and after those it attaches again.
 */
export function readFailure(closing: Closing, goodbye: string | undefined): SessionFailure | undefined {
  const { reason, message, wasAttached } = closing;
  if (reason === "SESSION_GONE" && wasAttached && (goodbye ?? "superseded") === "superseded") {
    const cure = "give each process a name of its own, or none";
    return { kind: "superseded", message: `another process attached under the worker's name; ${cure}` };
  }
  if ((reason === "INVALID_REQUEST" || reason === "UNAUTHENTICATED") && !wasAttached) {
    return { kind: "refused", message };
  }
  return undefined;
}

function nameReason(reason: Reason): string {
  const named = Object.entries(Reason).find(([, number]) => number === reason);
  return named?.[0] ?? `REASON_${reason}`;
}
