import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { type Assignment, StoppedSchema } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { fromValues } from "../../client/js-value.ts";
import type { RecordedNotice, SessionNotice, Ticket, WorkerCommand } from "../session/thread-messages.ts";
import { AttemptCancelled, AttemptEnded, AttemptLost, Refused, WorkerStopped } from "../worker-errors.ts";
import { causeLengthMax, errorBytesMax, heartbeatIntervalMsMin } from "../worker-limits.ts";
import { AttemptReports, type EndContent } from "./attempt-reports.ts";
import { Children } from "./children.ts";
import { openContext } from "./open-context.ts";
import { clip, toActionError, toOutcome } from "./outcome.ts";
import type { Task } from "./task-runner.ts";

/** What an attempt is started with. */
export interface AttemptOptions {
  readonly ticket: Ticket;
  readonly assignment: Assignment;
  readonly task: Task;
  readonly post: (command: WorkerCommand) => void;
  /** The session's own namespace. */
  readonly namespace: string;
}

/**
 * One for all attempts: a stack would say nothing, and making one for each costs more than the rest of its
 * end.
 */
const attemptEnded = new AttemptEnded("the attempt has ended");

/**
 * One attempt in the main thread.
 *
 * - running: the task's function has not returned. A cancel, a lost lease or a stopping worker aborts its
 *   signal.
 * - returned: its end is reported, unless the attempt was lost or given back; its place is free.
 * - over: the end is recorded, or nothing is to be recorded. The worker forgets the attempt.
 */
export class RunningAttempt {
  readonly #ticket: Ticket;
  readonly #post: (command: WorkerCommand) => void;
  readonly #reports: AttemptReports;
  readonly #children: Children;
  readonly #abort = new AbortController();
  readonly #options: AttemptOptions;
  #beats: NodeJS.Timeout | undefined;
  #hasReturned = false;
  /** True if what it reports does not count: it is lost or given back. */
  #isSilenced = false;

  constructor(options: AttemptOptions) {
    const { ticket, assignment, post } = options;
    this.#options = options;
    this.#ticket = ticket;
    this.#post = post;
    this.#reports = new AttemptReports(ticket, post);
    this.#children = new Children({ ticket, actionName: assignment.attempt?.action ?? "", post });
  }

  /** True once the function has returned and nothing is to be recorded, since nothing it says counts. */
  get isOver(): boolean {
    return this.#hasReturned && this.#isSilenced;
  }

  /** Calls the function, and resolves when it has returned and its end is reported. Never rejects. */
  async run(): Promise<void> {
    const { assignment, task, namespace } = this.#options;
    const heartbeatMs =
      assignment.heartbeatTimeout === undefined ? 0 : durationMs(assignment.heartbeatTimeout);
    if (heartbeatMs > 0 && task.beats) {
      const intervalMs = Math.max(heartbeatIntervalMsMin, heartbeatMs / 3);
      this.#beats = setInterval(() => this.#reports.heartbeat(), intervalMs).unref();
    }
    const context = openContext({
      assignment,
      namespace,
      signal: this.#abort.signal,
      reports: this.#reports,
      children: this.#children,
      onWaiting: (isWaiting) => this.#post({ kind: "wait", ticket: this.#ticket, isWaiting }),
    });
    try {
      const { succeeded, sizeBytes } = toOutcome(await task.run(context, fromValues(assignment.inputs)));
      this.#end({ case: "succeeded", value: succeeded }, sizeBytes);
    } catch (error) {
      this.#end(this.#toFailedEnd(error));
    }
  }

  /** The attempt must end; it has until the grace is over to say so itself. */
  cancel(cause: string, graceMs: number): void {
    this.#interrupt(new AttemptCancelled(cause, graceMs));
  }

  /** The lease has moved on. */
  lose(cause: string): void {
    this.#silence(new AttemptLost(cause));
  }

  /** The worker leaves before the attempt has ended, and gives it back. */
  giveBack(): void {
    this.#silence(new WorkerStopped("the worker stops before the attempt has ended"));
  }

  /** Takes the answer to a report. Returns true if the attempt is over with it. */
  recorded(notice: RecordedNotice): boolean {
    const kind = this.#reports.recorded(notice);
    const isEnd = kind === "succeeded" || kind === "failed" || kind === "stopped";
    if (isEnd && kind === "succeeded" && notice.refusal !== undefined) {
      this.#reports.end({ case: "failed", value: toActionError(new Refused(notice.refusal)) }, errorBytesMax);
      return false;
    }
    return isEnd;
  }

  /** Takes the answer to a call for children. */
  added(notice: Extract<SessionNotice, { kind: "added" }>): void {
    this.#children.answered(notice);
  }

  /** Takes the end of a child. */
  childEnded({ action }: Extract<SessionNotice, { kind: "child-ended" }>): void {
    this.#children.ended(action);
  }

  /** A new stream is attached. */
  reattached(): void {
    this.#children.reattached();
  }

  #toFailedEnd(error: unknown): EndContent {
    if (this.#abort.signal.reason instanceof AttemptCancelled) {
      const message = clip(error instanceof Error ? error.message : String(error), causeLengthMax);
      return { case: "stopped", value: create(StoppedSchema, { message }) };
    }
    return { case: "failed", value: toActionError(error) };
  }

  #end(content: EndContent, sizeBytes = errorBytesMax): void {
    clearInterval(this.#beats);
    this.#hasReturned = true;
    if (this.#isSilenced) {
      this.#post({ kind: "settle", ticket: this.#ticket });
    } else {
      this.#reports.end(content, sizeBytes);
    }
    this.#reports.close(attemptEnded);
    this.#children.close(attemptEnded);
    this.#abort.abort(attemptEnded);
  }

  #silence(reason: Error): void {
    this.#isSilenced = true;
    clearInterval(this.#beats);
    this.#interrupt(reason);
    this.#reports.close(reason);
  }

  #interrupt(reason: Error): void {
    if (!this.#hasReturned) {
      this.#abort.abort(reason);
      this.#children.close(reason);
    }
  }
}
