import { create } from "@bufbuild/protobuf";
import {
  AddActionsSchema,
  type Assignment,
  type AttachRequest,
  type AttemptReference,
  AttemptReportSchema,
  CreditSchema,
  DeclineSchema,
  type RecordedReport,
  ReportSchema,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { frameBytesMax, framePartsMax, inventoryMax } from "../worker-limits.ts";
import { type HeldAttempt, holdAttempt, isEnd, referenceBytes, type WaitingReport } from "./held-attempt.ts";
import { HeldAttempts } from "./held-attempts.ts";
import { Starts } from "./starts.ts";
import type {
  RecordedNotice,
  SessionIdentity,
  Ticket,
  TicketedAssignment,
  WorkerCommand,
} from "./thread-messages.ts";
import { endsAttempt, readRefusal } from "./worker-refusal.ts";

/** A frame on its way to the server. */
export type OutgoingFrame = Exclude<AttachRequest["frame"], { case: undefined }>;

type AttemptCommand = Exclude<WorkerCommand, { kind: "drain" | "leave" }>;

/**
 * What a worker holds and what it still has to say, across all its streams. It does no I/O: commands, answers
 * and the beginnings of streams go in, frames come out when the stream has room for one, and then with all
 * that has gathered since the last.
 *
 * Nothing that was reported is forgotten before the server has recorded it: after `restart`, which begins a
 * stream, starts that the server may not know of and all reports not yet recorded are sent again, in order.
 * Calls for children are sent once; who waits for their answers asks again.
 */
export class Outbox {
  readonly #concurrency: number;
  readonly #held: HeldAttempts;
  #lastTicket = 0;
  /** Credits that the server has on this stream. */
  #openCredit = 0;
  /** Attempts whose tasks have not returned and do not wait for a child. */
  #occupied = 0;
  #givesCredit = true;
  readonly #starts: Starts;
  #calls: OutgoingFrame[] = [];
  #reports: WaitingReport[] = [];
  #declines: OutgoingFrame[] = [];

  /** `wake` is called when there is a frame to take. */
  constructor({ concurrency, namespace }: SessionIdentity, wake: () => void) {
    this.#concurrency = concurrency;
    this.#held = new HeldAttempts(namespace);
    this.#starts = new Starts(wake);
  }

  /** Says nothing by itself any more. */
  readonly close = () => this.#starts.close();

  /** True if nothing is held and nothing is left to say. */
  get isEmpty(): boolean {
    return this.#held.size === 0 && this.#declines.length === 0;
  }

  /** The attempts whose leases are wanted: those that run and those whose end is not yet recorded. */
  inventory(): AttemptReference[] {
    const wanted = this.#held.all.filter(({ state }) => state !== "lost");
    return wanted.slice(0, inventoryMax).map(({ reference }) => reference);
  }

  /** Gives no more credit from here on. */
  stopCredit(): void {
    this.#givesCredit = false;
  }

  /** Begins a stream: what the stream before may not have brought across is to be sent. */
  restart(): void {
    this.#openCredit = 0;
    this.#calls = [];
    const known = this.#held.all.filter(({ state }) => state === "accepted" || state === "ended");
    this.#starts.restart(known);
    this.#reports = known.flatMap(({ waiting }) => [...waiting.values()]);
  }

  /**
   * Holds what was assigned, and gives what is not held already its ticket. Epochs grow with each lease on an
   * action: what comes under a lower one than is held is late and declined, and what is held under a lower
   * one is among `lost`.
   */
  hold(assignments: readonly Assignment[]): { taken: TicketedAssignment[]; lost: Ticket[] } {
    this.#openCredit = Math.max(0, this.#openCredit - assignments.length);
    const taken: TicketedAssignment[] = [];
    const lost: Ticket[] = [];
    for (const assignment of assignments) {
      const reference = assignment.attempt;
      if (reference === undefined || this.#held.find(reference) !== undefined) {
        continue;
      }
      const earlier = this.#held.latestOf(reference);
      if (earlier !== undefined && earlier.reference.epoch > reference.epoch) {
        const cause = `the action is held under epoch ${earlier.reference.epoch}`;
        this.#declines.push({ case: "decline", value: create(DeclineSchema, { attempt: reference, cause }) });
        continue;
      }
      if (earlier !== undefined && earlier.state !== "lost") {
        lost.push(earlier.ticket);
        this.lose(earlier.ticket);
      }
      this.#lastTicket += 1;
      const held = holdAttempt(this.#lastTicket, reference);
      this.#occupied += 1;
      this.#held.add(held);
      taken.push({ ticket: held.ticket, assignment });
    }
    // Of two leases in one frame the lower one never starts.
    for (const ticket of lost.filter((one) => taken.some((other) => other.ticket === one))) {
      this.apply({ kind: "settle", ticket });
    }
    return { taken: taken.filter(({ ticket }) => !lost.includes(ticket)), lost };
  }

  /** The ticket of an attempt, if it is held and not lost. */
  find(reference: AttemptReference | undefined): Ticket | undefined {
    const held = this.#held.find(reference);
    return held === undefined || held.state === "lost" ? undefined : held.ticket;
  }

  /** Does what the main thread asks. */
  apply(command: AttemptCommand): void {
    if (command.kind === "accept") {
      for (const ticket of command.tickets) {
        this.#accept(ticket);
      }
      return;
    }
    const held = this.#held.get(command.ticket);
    if (held === undefined) {
      return;
    }
    if (command.kind === "wait") {
      return this.#occupy(held, { isWaiting: command.isWaiting, settled: held.settled });
    }
    if (command.kind === "settle") {
      this.#occupy(held, { isWaiting: false, settled: true });
      return this.#forgetIfOver(held);
    }
    if (held.state === "lost") {
      return;
    }
    switch (command.kind) {
      case "decline": {
        const decline = create(DeclineSchema, { attempt: held.reference, cause: command.cause });
        this.#declines.push({ case: "decline", value: decline });
        this.#occupy(held, { isWaiting: false, settled: true });
        this.#held.forget(held);
        return;
      }
      case "report":
        return this.#report(held, command);
      case "add": {
        const { callId, actions } = command;
        const call = { attempt: held.reference, callId: BigInt(callId), actions: [...actions] };
        this.#calls.push({ case: "addActions", value: create(AddActionsSchema, call) });
        return;
      }
    }
  }

  /**
   * Takes the answers to reports: the recorded are forgotten, and so are the refused. An attempt whose lease
   * has moved on is lost: it is among `lost`, and not among `notices`.
   */
  recorded(answers: readonly RecordedReport[]): { notices: RecordedNotice[]; lost: Ticket[] } {
    const notices: RecordedNotice[] = [];
    const lost: Ticket[] = [];
    for (const answer of answers) {
      const held = this.#held.find(answer.attempt);
      const sequence = Number(answer.sequence);
      const waiting = held?.waiting.get(sequence);
      if (held === undefined || waiting === undefined) {
        continue;
      }
      held.waiting.delete(sequence);
      if (answer.refusal === undefined) {
        held.startConfirmed = true;
        notices.push({ ticket: held.ticket, sequence });
      } else if (endsAttempt(answer.refusal, waiting.report)) {
        lost.push(held.ticket);
        this.lose(held.ticket);
      } else {
        // A refused success leaves the attempt running at the server; the main thread reports a failure
        // instead.
        if (waiting.report.content.case === "succeeded") {
          held.state = "accepted";
        }
        notices.push({ ticket: held.ticket, sequence, refusal: readRefusal(answer.refusal) });
      }
      this.#forgetIfOver(held);
    }
    return { notices, lost };
  }

  /** Forgets what an attempt has to say, since nothing it says counts any more. */
  lose(ticket: Ticket): void {
    const held = this.#held.get(ticket);
    if (held !== undefined) {
      held.state = "lost";
      held.waiting.clear();
      this.#forgetIfOver(held);
    }
  }

  /** The next frame for a stream that is attached, or nothing if there is nothing to say. */
  takeFrame(): OutgoingFrame | undefined {
    return (
      this.#starts.takeFrame() ??
      this.#calls.shift() ??
      this.#takeReports() ??
      this.#declines.shift() ??
      this.#takeCredit()
    );
  }

  #accept(ticket: Ticket): void {
    const held = this.#held.get(ticket);
    if (held !== undefined && held.state === "assigned") {
      held.state = "accepted";
      this.#starts.add(held);
    }
  }

  #report(held: HeldAttempt, command: Extract<WorkerCommand, { kind: "report" }>): void {
    const { sequence, content } = command;
    const report = create(AttemptReportSchema, {
      attempt: held.reference,
      sequence: BigInt(sequence),
      content,
    });
    const waiting = { held, sequence, report, sizeBytes: command.sizeBytes + referenceBytes(held.reference) };
    if (isEnd(report)) {
      held.state = "ended";
      this.#occupy(held, { isWaiting: false, settled: true });
    }
    held.waiting.set(sequence, waiting);
    this.#reports.push(waiting);
  }

  #takeReports(): OutgoingFrame | undefined {
    let sizeBytes = 0;
    let count = 0;
    const taken: WaitingReport[] = [];
    for (const waiting of this.#reports) {
      const isWanted = waiting.held.waiting.get(waiting.sequence) === waiting;
      const isFull = taken.length === framePartsMax || sizeBytes + waiting.sizeBytes > frameBytesMax;
      if (isWanted && isFull && taken.length > 0) {
        break;
      }
      count += 1;
      if (isWanted) {
        sizeBytes += waiting.sizeBytes;
        taken.push(waiting);
      }
    }
    this.#reports.splice(0, count);
    const reports = taken.map(({ report }) => report);
    return reports.length === 0 ? undefined : { case: "report", value: create(ReportSchema, { reports }) };
  }

  /** Fills the credit up to the places that are free. */
  #takeCredit(): OutgoingFrame | undefined {
    if (!this.#givesCredit) {
      return undefined;
    }
    const places = Math.min(this.#concurrency - this.#occupied, inventoryMax - this.#held.size);
    const amount = places - this.#openCredit;
    if (amount <= 0) {
      return undefined;
    }
    this.#openCredit += amount;
    return { case: "credit", value: create(CreditSchema, { amount }) };
  }

  #occupy(held: HeldAttempt, next: Pick<HeldAttempt, "isWaiting" | "settled">): void {
    const places = ({ isWaiting, settled }: typeof next) => (isWaiting || settled ? 0 : 1);
    this.#occupied += places(next) - places(held);
    Object.assign(held, next);
  }

  #forgetIfOver(held: HeldAttempt): void {
    if (held.settled && held.waiting.size === 0 && (held.state === "ended" || held.state === "lost")) {
      this.#held.forget(held);
    }
  }
}
