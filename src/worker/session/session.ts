import { create } from "@bufbuild/protobuf";
import {
  type Assignment,
  type Attached,
  type AttemptReference,
  type Declined,
  DrainSchema,
  type Leave,
} from "../../../gen/signalbox/v1/worker_service_pb.ts";
import { leaveTimeoutMs } from "../worker-limits.ts";
import { toAttach } from "./attach-frame.ts";
import type { OpenAttachStream } from "./attach-stream.ts";
import { type Closing, type IncomingFrame, Link, readMs } from "./link.ts";
import { Outbox } from "./outbox.ts";
import { ReconnectDelay } from "./reconnect-delay.ts";
import type {
  SessionFailure,
  SessionIdentity,
  SessionNotice,
  Ticket,
  WorkerCommand,
} from "./thread-messages.ts";
import { endsAttempt, readFailure, readRefusal } from "./worker-refusal.ts";

/** What a session is made of. */
export interface SessionOptions {
  readonly identity: SessionIdentity;
  readonly open: OpenAttachStream;
  /** Called with what the main thread has to know, in order. `ended` is the last. */
  readonly notify: (notice: SessionNotice) => void;
}

/**
 * A worker's session with its server, across streams: it attaches, keeps what is held, and attaches again
 * with backoff for as long as it is not told to leave.
 *
 * - detached: no stream; the next one opens when the delay is over. What is reported waits in the outbox.
 * - attaching, attached: as the link is. With each Attached, the outbox begins again.
 * - moving: the server said Leave. The link still carries frames while a successor attaches, then the
 *   successor takes its place. If the link closes first, the session is detached and goes on the same way.
 * - draining: beside the above; nothing more is taken. When nothing is held and all is recorded, the session
 *   leaves.
 * - leaving, ended: Leave is said; the end of the stream, or the end of patience, ends the session.
 *
 * A stream that ends with SESSION_GONE because another process took the worker's name ends the session: two
 * processes of one name that both attach again would take the name from each other for ever.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #outbox: Outbox;
  readonly #reconnectDelay = new ReconnectDelay();
  #link: Link | undefined;
  #successor: Link | undefined;
  #delay: NodeJS.Timeout | undefined;
  /** The cause of the server's last Leave. */
  #goodbye: string | undefined;
  #state: "open" | "draining" | "leaving" | "ended" = "open";

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.identity, () => this.#link?.wake());
  }

  /** Opens the first stream. */
  start(): void {
    this.#attach();
  }

  /** Does what the main thread asks, in order. */
  apply(commands: readonly WorkerCommand[]): void {
    for (const command of commands) {
      if (command.kind === "drain") {
        this.#drain();
      } else if (command.kind === "leave") {
        this.#leave(command.cause);
      } else {
        this.#outbox.apply(command);
      }
    }
    this.#wake();
  }

  #attach(): void {
    const { identity } = this.#options;
    const link = new Link({
      open: this.#options.open,
      attach: toAttach(identity, this.#outbox.inventory()),
      takeFrame: () => this.#outbox.takeFrame(),
      events: {
        attached: (attachedLink, attached) => this.#attached(attachedLink, attached),
        received: (_, frame) => this.#received(frame),
        closed: (closedLink, closing) => this.#closed(closedLink, closing),
      },
    });
    if (this.#link === undefined) {
      this.#link = link;
    } else {
      this.#successor = link;
    }
  }

  #attached(link: Link, attached: Attached): void {
    if (link === this.#successor) {
      this.#link?.abort();
      this.#link = link;
      this.#successor = undefined;
    }
    this.#goodbye = undefined;
    this.#outbox.restart();
    for (const reference of attached.drop) {
      this.#lose(this.#outbox.find(reference), "the server gave the attempt to another worker or ended it");
    }
    this.#options.notify({
      kind: "attached",
      sessionId: attached.sessionId,
      leaseMs: readMs(attached.lease),
      pulseIntervalMs: readMs(attached.pulseInterval),
      keptCount: attached.keep.length,
    });
    if (this.#state === "draining") {
      link.say({ case: "drain", value: create(DrainSchema) });
    }
    this.#wake();
  }

  #received(frame: IncomingFrame): void {
    const { notify } = this.#options;
    switch (frame.case) {
      case "assign":
        return this.#assigned(frame.value.assignments);
      case "recorded": {
        const { notices, lost } = this.#outbox.recorded(frame.value.reports);
        notify({ kind: "recorded", reports: notices });
        for (const ticket of lost) {
          notify({ kind: "lost", ticket, cause: "the lease of the attempt has moved on" });
        }
        return this.#wake();
      }
      case "cancel":
        for (const { attempt, grace, cause } of frame.value.attempts) {
          this.#tell(attempt, (ticket) => ({ kind: "cancelled", ticket, graceMs: readMs(grace), cause }));
        }
        return;
      case "actionsAdded": {
        const { attempt, callId, actions, refusal } = frame.value;
        if (refusal !== undefined && endsAttempt(refusal)) {
          return this.#lose(this.#outbox.find(attempt), refusal.message);
        }
        const answer = { callId: Number(callId), actions, ...(refusal && { refusal: readRefusal(refusal) }) };
        return this.#tell(attempt, (ticket) => ({ kind: "added", ticket, ...answer }));
      }
      case "childEnded": {
        const { attempt, action } = frame.value;
        if (action !== undefined) {
          this.#tell(attempt, (ticket) => ({ kind: "child-ended", ticket, action }));
        }
        return;
      }
      case "declined":
        return this.#declined(frame.value);
      case "drain":
        notify({ kind: "draining" });
        return this.#drain();
      case "leave":
        return this.#move(frame.value);
      case "pulse":
        return;
    }
  }

  #assigned(assignments: readonly Assignment[]): void {
    const { taken, lost } = this.#outbox.hold(assignments);
    for (const ticket of lost) {
      this.#options.notify({ kind: "lost", ticket, cause: "the action was assigned under a new lease" });
    }
    if (this.#state === "open") this.#options.notify({ kind: "assigned", assignments: taken });
    for (const { ticket } of this.#state === "open" ? [] : taken) {
      this.#outbox.apply({ kind: "decline", ticket, cause: "the worker is draining" });
    }
    this.#wake();
  }

  #declined({ attempt, refusal }: Declined): void {
    if (refusal !== undefined && endsAttempt(refusal)) {
      this.#lose(this.#outbox.find(attempt), refusal.message);
    } else if (refusal !== undefined) {
      this.#options.notify({ kind: "declined", refusal: readRefusal(refusal) });
    }
  }

  /**
   * Opens a successor when the server says so; the link goes on carrying frames until it is attached. A
   * server that does not say when ends the stream itself, and the cause tells what its end means.
   */
  #move({ cause, reconnectAfter }: Leave): void {
    this.#goodbye = cause;
    const isMoving = this.#successor !== undefined || this.#delay !== undefined;
    if (reconnectAfter !== undefined && !isMoving && this.#state !== "leaving") {
      const retryMs = readMs(reconnectAfter);
      this.#options.notify({ kind: "detached", cause: `the server asks to attach again: ${cause}`, retryMs });
      this.#attachAfter(retryMs);
    }
  }

  #closed(link: Link, closing: Closing): void {
    const wasSuccessor = link === this.#successor;
    this.#link = wasSuccessor ? this.#link : undefined;
    this.#successor = wasSuccessor ? undefined : this.#successor;
    if (this.#state === "leaving") {
      return this.#end();
    }
    // With a successor on its way, it is the successor that has taken the place of the link.
    const failure = this.#successor === undefined ? readFailure(closing, this.#goodbye) : undefined;
    if (failure !== undefined) {
      return this.#end(failure);
    }
    if (this.#link === undefined) {
      this.#link = this.#successor;
      this.#successor = undefined;
    }
    if (this.#delay !== undefined || (this.#link !== undefined && !wasSuccessor)) {
      return;
    }
    const retryMs = this.#reconnectDelay.next(closing);
    this.#options.notify({ kind: "detached", cause: closing.message, retryMs });
    this.#attachAfter(retryMs);
  }

  #attachAfter(delayMs: number): void {
    this.#delay = setTimeout(() => {
      this.#delay = undefined;
      this.#attach();
    }, delayMs);
  }

  #drain(): void {
    if (this.#state !== "open") {
      return;
    }
    this.#state = "draining";
    this.#outbox.stopCredit();
    if (this.#link?.isAttached === true) {
      this.#link.say({ case: "drain", value: create(DrainSchema) });
    }
    this.#wake();
  }

  #leave(cause: string): void {
    if (this.#state === "leaving" || this.#state === "ended") {
      return;
    }
    this.#state = "leaving";
    this.#outbox.stopCredit();
    clearTimeout(this.#delay);
    this.#successor?.abort();
    this.#successor = undefined;
    if (this.#link?.isAttached !== true) {
      return this.#end();
    }
    this.#link.leave(cause);
    this.#delay = setTimeout(() => this.#end(), leaveTimeoutMs);
  }

  #end(failure?: SessionFailure): void {
    if (this.#state === "ended") {
      return;
    }
    this.#state = "ended";
    clearTimeout(this.#delay);
    this.#outbox.close();
    this.#link?.abort();
    this.#successor?.abort();
    this.#options.notify(failure === undefined ? { kind: "ended" } : { kind: "ended", failure });
  }

  /** Lets the link take what waits, and leaves once a draining worker has nothing left. */
  #wake(): void {
    this.#link?.wake();
    if (this.#state === "draining" && this.#outbox.isEmpty) {
      this.#leave("drained");
    }
  }

  #tell(reference: AttemptReference | undefined, notice: (ticket: Ticket) => SessionNotice): void {
    const ticket = this.#outbox.find(reference);
    if (ticket !== undefined) {
      this.#options.notify(notice(ticket));
    }
  }

  #lose(ticket: Ticket | undefined, cause: string): void {
    if (ticket !== undefined) {
      this.#outbox.lose(ticket);
      this.#options.notify({ kind: "lost", ticket, cause });
      this.#wake();
    }
  }
}
