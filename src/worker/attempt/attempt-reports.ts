import { create } from "@bufbuild/protobuf";
import { type LogLevel, LogLevel as LogLevels, type Published } from "../../../gen/signalbox/v1/event_pb.ts";
import { HeartbeatSchema, type TraceEnded } from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type {
  RecordedNotice,
  ReportContent,
  Ticket,
  WorkerCommand,
  WorkerRefusal,
} from "../session/thread-messages.ts";
import { Refused } from "../worker-errors.ts";
import {
  causeLengthMax,
  messageLengthMax,
  waitingEventsMax,
  waitingLogBytesMax,
  waitingLogsMax,
} from "../worker-limits.ts";
import { clip } from "./outcome.ts";

/** The end of an attempt, as it is reported. */
export type EndContent = Extract<ReportContent, { case: "succeeded" | "failed" | "stopped" }>;

interface Waiting {
  readonly kind: ReportContent["case"];
  /** At least what it takes on the wire. */
  readonly sizeBytes: number;
  readonly resolve?: (() => void) | undefined;
  readonly reject?: ((error: Error) => void) | undefined;
}

/**
 * What one attempt reports, numbered from 1. The connection thread keeps each report until it is recorded;
 * this side bounds how many there can be of the kinds a task may produce without end:
 *
 * - progress: one at a time waits to be recorded, and the latest after it; those between are dropped;
 * - heartbeats: one at a time;
 * - log lines: `waitingLogsMax` or `waitingLogBytesMax` of them, then they are dropped and a later line says
 *   how many;
 * - events: `waitingEventsMax`, then they are declined until some are recorded.
 */
export class AttemptReports {
  readonly #ticket: Ticket;
  readonly #post: (command: WorkerCommand) => void;
  readonly #waiting = new Map<number, Waiting>();
  #sequence = 0;
  #nextProgress: Extract<ReportContent, { case: "progress" }> | undefined;
  #waitingCounts = new Map<ReportContent["case"], number>();
  #droppedLogs = 0;
  #waitingLogBytes = 0;
  #closedBy: Error | undefined;

  constructor(ticket: Ticket, post: (command: WorkerCommand) => void) {
    this.#ticket = ticket;
    this.#post = post;
  }

  /** Reports how far the attempt is, from 0 to 100; what is outside is moved to the nearer end. */
  progress(percent: number, message: string): void {
    const bounded = Math.min(100, Math.max(0, Number.isNaN(percent) ? 0 : percent));
    const said = clip(message, causeLengthMax);
    const value = { $typeName: "signalbox.v1.ActionProgressed", percent: bounded, message: said } as const;
    if (this.#count("progress") > 0) {
      this.#nextProgress = { case: "progress", value };
    } else {
      this.#send({ case: "progress", value });
    }
  }

  /** Reports a log line. */
  log(level: LogLevel, message: string): void {
    if (this.#count("log") >= waitingLogsMax || this.#waitingLogBytes >= waitingLogBytesMax) {
      this.#droppedLogs += 1;
    } else {
      this.#sendLog(level, message);
    }
  }

  /** Reports that the attempt is alive. */
  heartbeat(): void {
    if (this.#count("heartbeat") === 0) {
      this.#send({ case: "heartbeat", value: create(HeartbeatSchema) });
    }
  }

  /** Reports an event; resolves when it is recorded. */
  event(value: Published, sizeBytes: number): Promise<void> {
    if (this.#count("event") >= waitingEventsMax) {
      const message = `${waitingEventsMax} events wait to be recorded; await some before the next`;
      return Promise.reject(new Refused({ reason: "LIMIT_REACHED", message }));
    }
    return this.#sendAndWait({ case: "event", value }, sizeBytes);
  }

  /** Reports how a step ended; resolves when it is recorded. */
  traceEnded(value: TraceEnded, sizeBytes: number): Promise<void> {
    return this.#sendAndWait({ case: "traceEnded", value }, sizeBytes);
  }

  /**
   * Reports the end, after what still has to be said. Nothing may follow but another end in place of a
   * refused one.
   */
  end(content: EndContent, sizeBytes: number): void {
    this.#sendDroppedLogs();
    if (this.#nextProgress !== undefined) {
      this.#send(this.#nextProgress);
      this.#nextProgress = undefined;
    }
    this.#send(content, sizeBytes);
  }

  /** Takes the answer to a report, and returns what kind of report it was. */
  recorded({ sequence, refusal }: RecordedNotice): ReportContent["case"] | undefined {
    const waiting = this.#waiting.get(sequence);
    if (waiting === undefined) {
      return undefined;
    }
    this.#waiting.delete(sequence);
    this.#waitingCounts.set(waiting.kind, this.#count(waiting.kind) - 1);
    this.#answer(waiting, refusal);
    if (waiting.kind === "progress" && this.#nextProgress !== undefined && this.#closedBy === undefined) {
      this.#send(this.#nextProgress);
      this.#nextProgress = undefined;
    }
    if (waiting.kind === "log") {
      this.#waitingLogBytes -= waiting.sizeBytes;
      const isHalf =
        this.#count("log") < waitingLogsMax / 2 && this.#waitingLogBytes < waitingLogBytesMax / 2;
      if (isHalf) {
        this.#sendDroppedLogs();
      }
    }
    return waiting.kind;
  }

  /** Ends every wait with the error; what is reported from here on, but for the end, is left out. */
  close(error: Error): void {
    this.#closedBy ??= error;
    for (const { reject } of this.#waiting.values()) {
      reject?.(error);
    }
  }

  #answer({ resolve, reject }: Waiting, refusal: WorkerRefusal | undefined): void {
    if (refusal === undefined) {
      resolve?.();
    } else {
      reject?.(new Refused(refusal));
    }
  }

  #sendDroppedLogs(): void {
    if (this.#droppedLogs > 0) {
      const dropped = `${this.#droppedLogs} log lines are missing before this one`;
      this.#droppedLogs = 0;
      this.#sendLog(LogLevels.WARN, `${dropped}: too many were waiting to be recorded`);
    }
  }

  #sendLog(level: LogLevel, message: string): void {
    const value = {
      $typeName: "signalbox.v1.ActionLogged",
      level,
      message: clip(message, messageLengthMax),
    } as const;
    this.#send({ case: "log", value });
  }

  #sendAndWait(content: ReportContent, sizeBytes: number): Promise<void> {
    if (this.#closedBy !== undefined) {
      return Promise.reject(this.#closedBy);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A task may publish without waiting; that its attempt then ends first is not an unhandled error.
    promise.catch(() => undefined);
    this.#send(content, sizeBytes, { resolve, reject });
    return promise;
  }

  #send(
    content: ReportContent,
    sizeBytes = textBytes(content),
    waiter?: Pick<Waiting, "resolve" | "reject">,
  ): void {
    if (this.#closedBy !== undefined && !isEndContent(content)) {
      return;
    }
    this.#sequence += 1;
    this.#waiting.set(this.#sequence, { kind: content.case, sizeBytes, ...waiter });
    this.#waitingLogBytes += content.case === "log" ? sizeBytes : 0;
    this.#waitingCounts.set(content.case, this.#count(content.case) + 1);
    this.#post({ kind: "report", ticket: this.#ticket, sequence: this.#sequence, content, sizeBytes });
  }

  #count(kind: ReportContent["case"]): number {
    return this.#waitingCounts.get(kind) ?? 0;
  }
}

function isEndContent(content: ReportContent): content is EndContent {
  return content.case === "succeeded" || content.case === "failed" || content.case === "stopped";
}

/** At least what a report without values takes on the wire: a character is at most three bytes. */
function textBytes(content: ReportContent): number {
  switch (content.case) {
    case "progress":
    case "log":
      return 64 + 3 * content.value.message.length;
    default:
      return 64;
  }
}
