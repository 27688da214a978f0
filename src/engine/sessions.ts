import type { Action } from "../core/action.ts";
import type { Assignment, CancelledAttempt } from "../core/answer.ts";
import { assert } from "../core/assert.ts";
import { queueKey } from "../core/command.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Session } from "../core/session.ts";
import type { AttemptReference } from "../core/stated.ts";
import { creditMax, outgoingFramesMax, sessionOpenTimeoutMs } from "../limits.ts";
import type { Clock } from "./clock.ts";
import type { Lanes } from "./lanes.ts";

/** What a worker is told on its stream. */
export type Outgoing =
  /** Work: leased to the session and durable. */
  | { readonly kind: "assign"; readonly assignments: readonly Assignment[] }
  /** Attempts must end; at most `frameItemsMax` of them. */
  | { readonly kind: "cancel"; readonly cancelled: readonly CancelledAttempt[] }
  /** A child of an attempt that the session holds has ended. */
  | { readonly kind: "childEnded"; readonly parent: AttemptReference; readonly child: Action }
  /** An operator wants the worker to take no more work. */
  | { readonly kind: "drain" }
  /** The server stops: attach again a little later. */
  | { readonly kind: "leave"; readonly cause: string; readonly reconnectAfterMs: number }
  /** The session is no more: nothing follows, and the stream must end. */
  | { readonly kind: "gone"; readonly cause: string };

/** The way to a worker: a bounded queue of what is sent to it, and its stream's end. Neither may throw. */
export interface Outlet {
  /** Takes one on, in order; false: the queue is full and this one is lost, so that the stream is to end. */
  send(outgoing: Outgoing): boolean;
  /** Ends the stream; nothing was sent since `send` said false. */
  end(cause: string): void;
}

/** A session whose stream is open in this process. */
export interface OpenSession {
  readonly sessionId: string;
  readonly namespace: string;
  readonly workerId: string;
  /** How many more assignments it permits. */
  readonly credit: number;
  /** Permits more; refused with LIMIT_REACHED, and nothing added, if more than `creditMax` would be open. */
  addCredit(amount: number): Refusal | undefined;
  /** The stream has ended: nothing is sent from here on. What it holds stays leased. */
  close(): void;
}

/** What of a session must be known to open it. It takes from each of its ops in each of its namespaces. */
export type TakingSession = Pick<Session, "id" | "namespace" | "sharedNamespaces" | "workerId" | "ops">;

/** What sessions are made of. */
export interface SessionsOptions {
  readonly lanes: Lanes;
  readonly clock: Clock;
}

/** What came for a session between its attach and its stream. */
interface Expected {
  readonly outgoing: Outgoing[];
  readonly cancelTimer: () => void;
}

/**
 * The sessions whose streams are open in this process: what they are sent, and how much work they permit.
 * Nothing here is durable and nothing is decided: whether a session still stands is the store's to say.
 *
 * A session is *expected* from the moment its attach is committed: what the next commits have for it waits,
 * bounded, until its stream is opened, so that nothing falls between the two. It is *open* until its stream
 * ends, it is gone, or it does not read what it is sent; it takes work until it drains.
 */
export class Sessions {
  readonly #lanes: Lanes;
  readonly #clock: Clock;
  readonly #open = new Map<string, LiveSession>();
  readonly #expected = new Map<string, Expected>();
  #farewell: Outgoing | undefined;

  constructor({ lanes, clock }: SessionsOptions) {
    this.#lanes = lanes;
    this.#clock = clock;
  }

  /** How many are open. */
  get openCount(): number {
    return this.#open.size;
  }

  /**
   * Opens the stream of a session that was attached. What has come for it since is sent before this returns,
   * so the answer to the attach must be in the outlet's queue by then.
   */
  open(opened: TakingSession, outlet: Outlet): OpenSession {
    const { id: sessionId, namespace, sharedNamespaces, workerId, ops } = opened;
    assert(!this.#open.has(sessionId), "a session is opened once", { sessionId, workerId });
    const session = new LiveSession({ sessionId, namespace, workerId }, outlet, {
      credited: () => this.#lanes.credited(session),
      close: () => this.#remove(session),
    });
    this.#open.set(sessionId, session);
    const namespaces = [namespace, ...sharedNamespaces];
    const queues = namespaces.flatMap((one) => ops.map((op) => queueKey(one, op)));
    this.#lanes.enter(session, queues);
    const expected = this.#expected.get(sessionId);
    this.#forget(sessionId);
    for (const outgoing of expected?.outgoing ?? []) this.tell(sessionId, outgoing);
    if (this.#farewell !== undefined) this.#leave(session, this.#farewell);
    return session;
  }

  /** The session was attached and its stream will be opened: keeps what comes for it. */
  expect(sessionId: string): void {
    if (this.#farewell !== undefined) return;
    const cancelTimer = this.#clock.after(sessionOpenTimeoutMs, () => this.#expected.delete(sessionId));
    this.#expected.set(sessionId, { outgoing: [], cancelTimer });
  }

  /** How many more assignments an open session permits; undefined if it is not open here. */
  creditOf(sessionId: string): number | undefined {
    return this.#open.get(sessionId)?.credit;
  }

  /** How many open sessions take work from a queue (`queueKey`). */
  openOn(queue: string): number {
    return this.#lanes.takerCount(queue);
  }

  /** The open sessions that take work from a queue, the first of them. */
  takersOf(queue: string, countMax: number): readonly OpenSession[] {
    return this.#lanes.takersOf(queue, countMax) as readonly OpenSession[];
  }

  /** Sends to a session if it is open here; else it is somebody else's, or its attach will tell it again. */
  tell(sessionId: string, outgoing: Outgoing): void {
    const session = this.#open.get(sessionId);
    if (session === undefined) {
      this.#keep(sessionId, outgoing);
      return;
    }
    if (outgoing.kind === "drain") this.#lanes.leave(session);
    this.#send(session, outgoing);
    if (outgoing.kind === "gone") this.#remove(session);
  }

  /** Offers no more work to a session. */
  retire(sessionId: string): void {
    const session = this.#open.get(sessionId);
    if (session !== undefined) this.#lanes.leave(session);
  }

  /** Sends what was assigned and takes the credits for it back. False if the session is not open any more. */
  assign(session: OpenSession, assignments: readonly Assignment[]): boolean {
    const live = this.#open.get(session.sessionId);
    if (live !== session) return false;
    live.spend(assignments.length);
    this.#lanes.served(live);
    this.#send(live, { kind: "assign", assignments });
    return true;
  }

  /** Tells all, and all who still come, that the server stops. Their streams stay open until they end. */
  leaveAll(cause: string, reconnectAfterMs: number): void {
    const farewell: Outgoing = { kind: "leave", cause, reconnectAfterMs };
    this.#farewell = farewell;
    for (const sessionId of [...this.#expected.keys()]) this.#forget(sessionId);
    for (const session of [...this.#open.values()]) this.#leave(session, farewell);
  }

  #leave(session: LiveSession, farewell: Outgoing): void {
    this.#lanes.leave(session);
    this.#send(session, farewell);
  }

  #send(session: LiveSession, outgoing: Outgoing): void {
    if (session.outlet.send(outgoing)) return;
    this.#remove(session);
    session.outlet.end("TOO_SLOW");
  }

  #remove(session: LiveSession): void {
    if (this.#open.get(session.sessionId) !== session) return;
    this.#open.delete(session.sessionId);
    this.#lanes.leave(session);
  }

  #keep(sessionId: string, outgoing: Outgoing): void {
    const expected = this.#expected.get(sessionId);
    if (expected === undefined) return;
    // A worker of which so much is wanted before it is there would not keep up either: it attaches again.
    if (expected.outgoing.length < outgoingFramesMax) expected.outgoing.push(outgoing);
    else expected.outgoing[outgoingFramesMax - 1] = { kind: "gone", cause: "too much came at once" };
  }

  #forget(sessionId: string): void {
    this.#expected.get(sessionId)?.cancelTimer();
    this.#expected.delete(sessionId);
  }
}

/** What a session does in the table that it stands in. */
interface Table {
  credited(): void;
  close(): void;
}

class LiveSession implements OpenSession {
  readonly sessionId: string;
  readonly namespace: string;
  readonly workerId: string;
  readonly outlet: Outlet;
  readonly #table: Table;
  #credit = 0;

  constructor(
    { sessionId, namespace, workerId }: Pick<OpenSession, "sessionId" | "namespace" | "workerId">,
    outlet: Outlet,
    table: Table,
  ) {
    this.sessionId = sessionId;
    this.namespace = namespace;
    this.workerId = workerId;
    this.outlet = outlet;
    this.#table = table;
  }

  get credit(): number {
    return this.#credit;
  }

  addCredit(amount: number): Refusal | undefined {
    if (this.#credit + amount > creditMax) {
      return { reason: "LIMIT_REACHED", limit: "creditMax", maximum: creditMax };
    }
    this.#credit += amount;
    this.#table.credited();
    return undefined;
  }

  spend(count: number): void {
    assert(count <= this.#credit, "no more is assigned than was permitted", { count, credit: this.#credit });
    this.#credit -= count;
  }

  close(): void {
    this.#table.close();
  }
}
