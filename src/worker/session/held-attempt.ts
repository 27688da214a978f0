import type {
  Assignment,
  AttemptReference,
  AttemptReport,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { Ticket } from "./thread-messages.ts";

/**
 * One attempt as the connection thread holds it, from its assignment until its end is recorded and its place
 * is free.
 *
 * - `assigned`: the main thread has it before it; accepted or declined next.
 * - `accepted`: its task runs.
 * - `ended`: its end is reported; it stays in the inventory until the end is recorded, so that its lease is
 *   kept.
 * - `lost`: its lease has moved on; it takes a place while its task still runs, and nothing else.
 */
export interface HeldAttempt {
  readonly ticket: Ticket;
  readonly reference: AttemptReference;
  state: "assigned" | "accepted" | "ended" | "lost";
  /** True once the server has shown that it knows of the start. Until then each new stream says so again. */
  startConfirmed: boolean;
  /** True while the task waits for a child and leaves its place to another. */
  isWaiting: boolean;
  /** True once the task has returned and the place is free. */
  settled: boolean;
  /** The reports that wait to be recorded, by sequence number, in order. */
  readonly waiting: Map<number, WaitingReport>;
}

/** A report that is not yet recorded. */
export interface WaitingReport {
  readonly held: HeldAttempt;
  readonly sequence: number;
  readonly report: AttemptReport;
  /** At least what it takes on the wire. */
  readonly sizeBytes: number;
}

/** An attempt that has just been assigned. */
export function holdAttempt(ticket: Ticket, reference: NonNullable<Assignment["attempt"]>): HeldAttempt {
  return {
    ticket,
    reference,
    state: "assigned",
    startConfirmed: false,
    isWaiting: false,
    settled: false,
    waiting: new Map(),
  };
}

/** True of the reports after which nothing follows. */
export function isEnd(report: AttemptReport): boolean {
  const { case: kind } = report.content;
  return kind === "succeeded" || kind === "failed" || kind === "stopped";
}

/**
 * What tells attempts apart: the same attempt under another lease is another one. A reference without a
 * namespace is of the session's, which `own` is.
 */
export function referenceKey(
  { namespace, runId, action, attempt, epoch }: AttemptReference,
  own: string,
): string {
  return `${namespace === own ? "" : namespace} ${runId} ${action} ${attempt} ${epoch}`;
}

/** What tells actions apart, whatever their attempts and leases; namespaces as above. */
export function actionKey({ namespace, runId, action }: AttemptReference, own: string): string {
  return `${namespace === own ? "" : namespace} ${runId} ${action}`;
}

/** At least what a reference takes on the wire, so that a frame never grows past its bound. */
export function referenceBytes({ namespace, runId, action }: AttemptReference): number {
  return namespace.length + runId.length + action.length + 64;
}
