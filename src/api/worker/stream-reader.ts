import type {
  AddActions,
  AttachRequest,
  AttemptReport as AttemptReportMessage,
  Report,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import type { CommandKind, CommandOf } from "../../core/command.ts";
import type { Refusal } from "../../core/refusal.ts";
import type { Session } from "../../core/session.ts";
import type { AttemptReport } from "../../core/stated.ts";
import type { Engine } from "../../engine/engine.ts";
import type { OpenSession } from "../../engine/sessions.ts";
import { incomingFramesMax, reportedBytesMax } from "../../limits.ts";
import type { Outcome } from "../../store/store.ts";
import type { WebhookTargets } from "../delivery/webhook-targets.ts";
import { Faults } from "../mapping/faults.ts";
import {
  fromAttemptReference,
  fromAttemptReport,
  fromRequiredReference,
} from "../mapping/from-proto-report.ts";
import { translated } from "../requests.ts";
import { toConnectError, toThrown } from "../status.ts";
import { addActions } from "./add-actions.ts";
import { expected } from "./first-frame.ts";
import type { OutgoingQueue } from "./outgoing-queue.ts";
import { reportSizeBytes } from "./report-size.ts";
import type { StreamOutlet } from "./stream-outlet.ts";

/** What a reader is made of. */
export interface StreamReaderOptions {
  readonly engine: Engine;
  readonly targets: WebhookTargets;
  readonly session: Session;
  readonly open: OpenSession;
  readonly outlet: StreamOutlet;
  readonly queue: OutgoingQueue;
}

type Frame = AttachRequest["frame"];

/** A report as it came, and what it says or why it says nothing. */
type TranslatedReport = { readonly message: AttemptReportMessage } & (
  | { readonly report: AttemptReport }
  | { readonly refusal: Refusal }
);

/**
 * Turns the frames of one worker into commands, in their order and without waiting for each other's outcome;
 * at most `incomingFramesMax` are in work at once. Answers are told in the order of the frames.
 */
export class StreamReader {
  readonly #engine: Engine;
  readonly #targets: WebhookTargets;
  readonly #session: Session;
  readonly #open: OpenSession;
  readonly #outlet: StreamOutlet;
  readonly #queue: OutgoingQueue;
  #inWork = 0;
  #whenRoom: (() => void) | undefined;
  /** Settles when everything submitted so far is answered. Never rejects. */
  #answered: Promise<void> = Promise.resolve();
  #pulse: "idle" | "running" | "again" = "idle";
  #hasLeft = false;

  constructor({ engine, targets, session, open, outlet, queue }: StreamReaderOptions) {
    this.#engine = engine;
    this.#targets = targets;
    this.#session = session;
    this.#open = open;
    this.#outlet = outlet;
    this.#queue = queue;
  }

  /** True once the worker has said goodbye by itself. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Reads until the worker says goodbye, the frames end, or one of them ends the stream. Never rejects. */
  async read(frames: AsyncIterator<AttachRequest>): Promise<void> {
    try {
      while (!this.#hasLeft && !this.#queue.hasEnded) {
        if (this.#inWork >= incomingFramesMax) await this.#room();
        const taken = await frames.next();
        if (taken.done === true) break;
        this.#take(taken.value.frame);
      }
      this.finish();
    } catch (error) {
      this.finish(toThrown(error));
    }
  }

  /** Ends the stream behind the answers to everything that was submitted. */
  finish(error?: Error): void {
    this.#inOrder(() => this.#queue.end(error));
  }

  #take(frame: Frame): void {
    const sessionId = this.#session.id;
    switch (frame.case) {
      case "attach":
        throw expected("a second attach");
      case "credit":
        this.#declineIf(this.#open.addCredit(frame.value.amount));
        return;
      case "accept":
        this.#accept(frame.value.attempts);
        return;
      case "decline":
        this.#decline(frame.value);
        return;
      case "report":
        this.#report(frame.value);
        return;
      case "addActions":
        this.#addActions(frame.value);
        return;
      case "pulse":
        this.#takePulse();
        return;
      case "drain":
        this.#submit({ kind: "drain", sessionId }, (outcome) => this.#declineUnless(outcome));
        return;
      case "leave":
        this.#hasLeft = true;
        this.#submit({ kind: "leave", sessionId, cause: frame.value.cause }, (outcome) =>
          this.#declineUnless(outcome),
        );
        return;
      case undefined:
        // A frame of a later version of the contract.
        return;
    }
  }

  #accept(references: Extract<Frame, { case: "accept" }>["value"]["attempts"]): void {
    const { id: sessionId, namespace } = this.#session;
    const attempts = translated((faults) =>
      faults.within("accept", () =>
        faults.each("attempts", references, (reference) =>
          fromAttemptReference(reference, namespace, faults),
        ),
      ),
    );
    this.#submit({ kind: "accept", sessionId, attempts }, (outcome) => {
      if (!outcome.ok) this.#refuse(outcome.refusal);
      else for (const { attempt, refusal } of outcome.answer.refused) this.#outlet.declined(refusal, attempt);
    });
  }

  #decline({ attempt: reference, cause }: Extract<Frame, { case: "decline" }>["value"]): void {
    const { id: sessionId, namespace } = this.#session;
    const attempt = translated((faults) =>
      faults.within("decline", () => fromRequiredReference(reference, namespace, faults)),
    );
    this.#submit({ kind: "decline", sessionId, attempt, cause }, (outcome) => {
      if (outcome.ok) return;
      if (outcome.refusal.reason === "SESSION_GONE") this.#refuse(outcome.refusal);
      else this.#outlet.declined(outcome.refusal, attempt);
    });
  }

  /**
   * A report that cannot be translated is refused by itself: its worker would only send it again on a new
   * stream.
   */
  #report({ reports: stated }: Report): void {
    const { namespace } = this.#session;
    let part: TranslatedReport[] = [];
    let sizeBytes = 0;
    stated.forEach((message, index) => {
      const faults = new Faults();
      const translate = () => fromAttemptReport(message, namespace, faults);
      const report = faults.within("report", () =>
        faults.within("reports", () => faults.within(index, translate)),
      );
      const reportBytes = reportSizeBytes(report.content);
      if (part.length > 0 && sizeBytes + reportBytes > reportedBytesMax) {
        this.#submitReports(part);
        part = [];
        sizeBytes = 0;
      }
      sizeBytes += reportBytes;
      const { violations } = faults;
      if (violations.length === 0) part.push({ message, report });
      else part.push({ message, refusal: { reason: "INVALID_REQUEST", violations } });
    });
    this.#submitReports(part);
  }

  /** Reports that become one transaction, and so one frame of the feed. */
  #submitReports(part: readonly TranslatedReport[]): void {
    const { id: sessionId } = this.#session;
    const reports = part.flatMap((one) => ("report" in one ? [one.report] : []));
    this.#submit({ kind: "report", sessionId, reports }, (outcome) => {
      if (!outcome.ok) {
        this.#refuse(outcome.refusal);
        return;
      }
      const refusals = outcome.answer.refusals.values();
      this.#outlet.recorded(
        part.map(({ message }) => message),
        part.map((one) => ("refusal" in one ? one.refusal : refusals.next().value)),
      );
    });
  }

  #addActions(call: AddActions): void {
    const parts = { engine: this.#engine, targets: this.#targets, session: this.#session };
    this.#follow(addActions(parts, call), (asked) => {
      if ("reason" in asked && asked.reason === "SESSION_GONE") this.#refuse(asked);
      else this.#outlet.actionsAdded(call, asked);
    });
  }

  /** Pulses that come while one is being recorded are answered together by one more. */
  #takePulse(): void {
    if (this.#pulse !== "idle") {
      this.#pulse = "again";
      return;
    }
    this.#pulse = "running";
    const { leaseMs } = this.#engine.settings;
    this.#submit({ kind: "pulse", sessionId: this.#session.id, leaseMs }, (outcome) => {
      const isAsked = this.#pulse === "again";
      this.#pulse = "idle";
      if (!outcome.ok) this.#refuse(outcome.refusal);
      else this.#outlet.pulse();
      if (outcome.ok && isAsked) this.#takePulse();
    });
  }

  #declineUnless(outcome: { readonly ok: true } | { readonly ok: false; readonly refusal: Refusal }): void {
    if (!outcome.ok) this.#refuse(outcome.refusal);
  }

  #declineIf(refusal: Refusal | undefined): void {
    if (refusal !== undefined) this.#outlet.declined(refusal, undefined);
  }

  /** What is refused ends the stream if the session is no more; else the worker is told and goes on. */
  #refuse(refusal: Refusal): void {
    if (refusal.reason === "SESSION_GONE") this.#queue.end(toConnectError(refusal));
    else this.#outlet.declined(refusal, undefined);
  }

  #submit<K extends CommandKind>(command: CommandOf<K>, tell: (outcome: Outcome<K>) => void): void {
    this.#follow(this.#engine.execute<K>(command), tell);
  }

  /** Says something behind the answers to everything that was submitted. */
  #inOrder(tell: () => void): void {
    this.#follow(Promise.resolve(), tell);
  }

  #follow<Result>(result: Promise<Result>, tell: (result: Result) => void): void {
    this.#inWork += 1;
    this.#answered = this.#tellInOrder(this.#answered, result, tell);
  }

  async #tellInOrder<Result>(
    before: Promise<void>,
    result: Promise<Result>,
    tell: (result: Result) => void,
  ): Promise<void> {
    const [settled] = await Promise.allSettled([result, before]);
    this.#inWork -= 1;
    this.#whenRoom?.();
    try {
      if (settled.status === "rejected") this.#queue.end(toThrown(settled.reason));
      else tell(settled.value);
    } catch (error) {
      this.#queue.end(toThrown(error));
    }
  }

  async #room(): Promise<void> {
    while (this.#inWork >= incomingFramesMax) {
      await new Promise<void>((resolve) => {
        this.#whenRoom = resolve;
      });
    }
  }
}
