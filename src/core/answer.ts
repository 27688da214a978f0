import type { Action } from "./action.ts";
import type { Limit } from "./limits/limit.ts";
import type { Op } from "./ops/op.ts";
import type { Resources } from "./placement/demand.ts";
import type { Refusal } from "./refusal.ts";
import type { Labels, Run } from "./run.ts";
import type { Session } from "./session.ts";
import type { AttemptReference } from "./stated.ts";
import type { Subscription } from "./subscriptions/subscription.ts";
import type { Values } from "./value.ts";

/** An attempt that a session is to execute, with its inputs resolved. */
export interface Assignment {
  readonly attempt: AttemptReference;
  readonly op: string;
  readonly opVersion: number;
  readonly inputs: Values;
  readonly runLabels: Labels;
  readonly startToEndMs: number | undefined;
  readonly heartbeatMs: number | undefined;
  readonly image: string;
  readonly handler: string;
  readonly resources: Resources | undefined;
  readonly deviceIndexes: readonly number[];
}

/** What a command answers when it is not refused. */
export interface Answers {
  createRun: { readonly run: Run };
  cancelRun: { readonly run: Run };
  retryRun: { readonly run: Run };
  updateRun: { readonly run: Run };
  rerunRun: { readonly run: Run; readonly recoveredCount: number };
  signalCondition: {
    /** Undefined while the signal is kept. */
    readonly action: Action | undefined;
    readonly kept: boolean;
    readonly repeated: boolean;
  };
  signalByKey: {
    readonly action: Action | undefined;
    readonly kept: boolean;
    readonly repeated: boolean;
  };
  changeCondition: { readonly action: Action };
  /** False if so many were told of already that this one was not. */
  noteLinkRefusal: { readonly wasNoted: boolean };
  settlePost: Record<never, never>;
  publishEvents: { readonly count: number };
  registerOp: { readonly op: Op };
  updateOp: { readonly op: Op };
  deleteOp: { readonly versionCount: number };
  endAction: { readonly action: Action };
  setLimit: { readonly limit: Limit };
  deleteLimit: Record<never, never>;
  createSubscription: { readonly subscription: Subscription };
  deleteSubscription: Record<never, never>;
  moveSubscription: Record<never, never>;
  releaseDeadLetters: { readonly positions: readonly number[] };
  attach: {
    readonly session: Session;
    readonly keep: readonly AttemptReference[];
    readonly drop: readonly AttemptReference[];
    /** Of what is kept: attempts that a cancel was asked for, to be told again. */
    readonly cancelled: readonly CancelledAttempt[];
  };
  pulse: { readonly session: Session };
  detach: Record<never, never>;
  leave: Record<never, never>;
  drain: Record<never, never>;
  drainWorker: { readonly session: Session };
  evictWorker: { readonly releasedCount: number };
  assign: {
    readonly assignments: readonly { readonly sessionId: string; readonly assignment: Assignment }[];
    /** Queues (`queueKey`) that were found empty. */
    readonly emptyQueues: readonly string[];
    /**
     * Queues that hold work which none of the sessions can take as they are: they are asked for again when
     * something is freed (see the effect), when a session comes or has credit again, or at `againMs`.
     */
    readonly blockedQueues: readonly string[];
    /** When to ask again for what is blocked, whatever happens until then. */
    readonly againMs: number | undefined;
    /** Sessions that are no longer there or take no more work. */
    readonly closedSessions: readonly string[];
  };
  accept: { readonly refused: readonly { readonly attempt: AttemptReference; readonly refusal: Refusal }[] };
  decline: Record<never, never>;
  report: {
    /** In the order of the reports; undefined for those recorded. */
    readonly refusals: readonly (Refusal | undefined)[];
  };
  addActions: { readonly actions: readonly Action[] };
  fire: Record<never, never>;
  boot: { readonly sessionCount: number };
  sweepRequests: { readonly count: number };
  trimFeed: {
    /** How many transactions were removed. */
    readonly count: number;
    /** Subscriptions that lost events by it, and how many of the whole feed each. */
    readonly overtaken: readonly {
      readonly namespace: string;
      readonly name: string;
      readonly missedCount: number;
    }[];
    /** The subscription that alone keeps older events from being removed, if one does. */
    readonly heldBackBy: { readonly namespace: string; readonly name: string } | undefined;
  };
}

/** An attempt that is told to stop. */
export interface CancelledAttempt {
  readonly attempt: AttemptReference;
  readonly graceMs: number;
  readonly cause: string;
}

/** What must be done outside after the commit. Losing one costs time, never correctness. */
export type Effect =
  /** Actions were queued: look whether somebody can take them. */
  | { readonly kind: "queued"; readonly queue: string }
  /** Something that blocked queues wait for was given back. */
  | { readonly kind: "freed" }
  /** A post waits for whoever posts. */
  | { readonly kind: "post" }
  /** A subscription came, went or has letters released: whoever delivers it looks again. */
  | { readonly kind: "subscription"; readonly namespace: string; readonly name: string }
  | { readonly kind: "cancel"; readonly sessionId: string; readonly cancelled: CancelledAttempt }
  | {
      readonly kind: "childEnded";
      readonly sessionId: string;
      readonly parent: AttemptReference;
      readonly child: Action;
    }
  /** The session's place was taken or its lease ran out: its stream, if there is one, must end. */
  | { readonly kind: "gone"; readonly sessionId: string; readonly cause: string }
  | { readonly kind: "drain"; readonly sessionId: string }
  /** Something is due then: arm the timer. */
  | { readonly kind: "due"; readonly atMs: number };
