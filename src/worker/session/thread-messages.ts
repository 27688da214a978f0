import type { Action, NewAction } from "../../../gen/signalbox/v1/action_pb.ts";
import type { Assignment, AttemptReport } from "../../../gen/signalbox/v1/worker_service_pb.ts";

/**
 * What the two threads of a worker say to each other: the main thread, which runs the tasks, sends commands;
 * the connection thread, which holds the session, sends notices. Both are plain objects that can be cloned,
 * and both go in lists, in order.
 */

/** The number by which both threads name one attempt under one lease; unique in the process. */
export type Ticket = number;

/** What a report says. */
export type ReportContent = Exclude<AttemptReport["content"], { case: undefined }>;

/** Why something was refused, as the server said it. */
export interface WorkerRefusal {
  /** The name of the reason, such as `STALE_EPOCH`. */
  readonly reason: string;
  readonly message: string;
}

/** What the main thread asks for. Commands about an attempt that is lost do nothing. */
export type WorkerCommand =
  /** The tasks of these attempts start. */
  | { readonly kind: "accept"; readonly tickets: readonly Ticket[] }
  /** This attempt does not start here. */
  | { readonly kind: "decline"; readonly ticket: Ticket; readonly cause: string }
  /** Kept and sent, again after each attach, until it is recorded. */
  | {
      readonly kind: "report";
      readonly ticket: Ticket;
      /** Counts the reports of the attempt from 1, without gaps. */
      readonly sequence: number;
      readonly content: ReportContent;
      /** At least what it takes on the wire. */
      readonly sizeBytes: number;
    }
  /**
   * Sent once, on the stream that is open; after each attach the main thread asks again for what it waits
   * for.
   */
  | {
      readonly kind: "add";
      readonly ticket: Ticket;
      readonly callId: number;
      readonly actions: readonly NewAction[];
    }
  /**
   * The task of this attempt waits for a child, and another may have its place meanwhile; or no longer does.
   */
  | { readonly kind: "wait"; readonly ticket: Ticket; readonly isWaiting: boolean }
  /** The task of this attempt has returned, and its place is free. */
  | { readonly kind: "settle"; readonly ticket: Ticket }
  /** No more work; leave when everything has ended and is recorded. */
  | { readonly kind: "drain" }
  /** Leave now; what is held is given back. */
  | { readonly kind: "leave"; readonly cause: string };

/** What the connection thread tells. */
export type SessionNotice =
  | {
      readonly kind: "attached";
      readonly sessionId: string;
      readonly leaseMs: number;
      readonly pulseIntervalMs: number;
      readonly keptCount: number;
    }
  | { readonly kind: "detached"; readonly cause: string; readonly retryMs: number }
  | { readonly kind: "assigned"; readonly assignments: readonly TicketedAssignment[] }
  | { readonly kind: "recorded"; readonly reports: readonly RecordedNotice[] }
  | {
      readonly kind: "cancelled";
      readonly ticket: Ticket;
      readonly graceMs: number;
      readonly cause: string;
    }
  | {
      readonly kind: "added";
      readonly ticket: Ticket;
      readonly callId: number;
      readonly actions: readonly Action[];
      readonly refusal?: WorkerRefusal;
    }
  | { readonly kind: "child-ended"; readonly ticket: Ticket; readonly action: Action }
  /** The lease has moved on: nothing the attempt says counts any more. */
  | { readonly kind: "lost"; readonly ticket: Ticket; readonly cause: string }
  /** The server asks the worker to drain, and the session has begun to. */
  | { readonly kind: "draining" }
  /** A frame was declined and there is nothing to do about it. */
  | { readonly kind: "declined"; readonly refusal: WorkerRefusal }
  /** The session is over and the thread ends. */
  | { readonly kind: "ended"; readonly failure?: SessionFailure };

/** An assignment with its ticket. */
export interface TicketedAssignment {
  readonly ticket: Ticket;
  readonly assignment: Assignment;
}

/** What became of one report. */
export interface RecordedNotice {
  readonly ticket: Ticket;
  readonly sequence: number;
  readonly refusal?: WorkerRefusal;
}

/** Why a session ended other than by drain or leave. */
export interface SessionFailure {
  /** `superseded`: another process has the worker's name. `refused`: the server does not take this worker. */
  readonly kind: "superseded" | "refused";
  readonly message: string;
}

/** Who attaches, and where. */
export interface SessionIdentity {
  /** The server, as a URL without a path. */
  readonly address: string;
  readonly namespace: string;
  /** Who it is to the server; empty for a server that does not ask. */
  readonly token: string;
  readonly workerId: string;
  /** Chosen anew by each process. */
  readonly incarnation: string;
  readonly ops: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** How many attempts may run at once. */
  readonly concurrency: number;
  /** What it has to give; nothing if not said. */
  readonly capacity?: AnnouncedCapacity;
  readonly taints: readonly { readonly key: string; readonly value: string }[];
  /** Further namespaces whose tasks it takes. */
  readonly sharedNamespaces: readonly string[];
}

/** What a worker has to give, as its first frame says it. */
export interface AnnouncedCapacity {
  readonly cpu?: number;
  readonly ramMb?: bigint;
  readonly devices: readonly { readonly index: number; readonly kind: string; readonly vramMb: bigint }[];
}
