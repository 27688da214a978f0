import type { ActionError, ActionSpec } from "./action.ts";
import type { WebhookPost } from "./conditions/outbox.ts";
import type { Answerer } from "./conditions/standing.ts";
import type { Published } from "./event.ts";
import type { FeedBounds } from "./feed/feed-bounds.ts";
import type { LimitContent } from "./limits/limit.ts";
import type { RunKey } from "./name.ts";
import type { OpChange, OpContent } from "./ops/op.ts";
import type { Capacity, Taint } from "./placement/demand.ts";
import type { Delivery, Labels } from "./run.ts";
import type { AttemptReference, AttemptReport, Due, NewAction, NewTask, Replays, Request } from "./stated.ts";
import type { DeadLetter, PositionRange, SubscriptionContent } from "./subscriptions/subscription.ts";
import type { Value, Values } from "./value.ts";

/** Everything that can be asked of the rules, by kind. */
export type Command =
  | {
      readonly kind: "createRun";
      readonly request: Request;
      readonly namespace: string;
      /** The caller's own id, or "" for `newRunId`. */
      readonly runId: string;
      readonly newRunId: string;
      readonly labels: Labels;
      readonly priority: number;
      readonly timeoutMs: number | undefined;
      /** Undefined takes that of the op of its only task. */
      readonly delivery: Delivery | undefined;
      /** The subject of the caller. */
      readonly createdBy: string;
      readonly work: { readonly task: NewTask } | { readonly plan: readonly NewAction[] };
    }
  | { readonly kind: "cancelRun"; readonly request: Request; readonly run: RunKey; readonly cause: string }
  | {
      readonly kind: "retryRun";
      readonly request: Request;
      readonly run: RunKey;
      readonly force: boolean;
      /** Also what succeeded. */
      readonly all: boolean;
      readonly replays: Replays;
    }
  /** A new run that does an ended one over, with what that had done. */
  | {
      readonly kind: "rerunRun";
      readonly request: Request;
      /** The earlier one. */
      readonly run: RunKey;
      /** The caller's own id for the new one, or "" for `newRunId`. */
      readonly runId: string;
      readonly newRunId: string;
      /** Actions at the top that are executed again although they succeeded. */
      readonly again: readonly string[];
      readonly replays: Replays;
      /** Set beside those of the earlier run. */
      readonly labels: Labels;
      readonly priority: number | undefined;
      readonly createdBy: string;
    }
  /** From an operator: the action ends so, whatever its worker does. */
  | {
      readonly kind: "endAction";
      readonly request: Request;
      readonly run: RunKey;
      readonly action: string;
      readonly end:
        | { readonly state: "SUCCEEDED"; readonly outputs: Values }
        | { readonly state: "FAILED"; readonly error: ActionError }
        | { readonly state: "CANCELLED" };
      readonly cause: string;
    }
  | {
      readonly kind: "updateRun";
      readonly request: Request;
      readonly run: RunKey;
      readonly priority: number | undefined;
      readonly setLabels: Labels;
      readonly removeLabels: readonly string[];
    }
  | {
      readonly kind: "signalCondition";
      readonly request: Request;
      readonly run: RunKey;
      readonly action: string;
      readonly value: Value;
      readonly by: Answerer;
      /** Only for this opening; 0 for whichever is open. */
      readonly instance: number;
    }
  /** A signal for the open condition of a namespace that has a correlation key. */
  | {
      readonly kind: "signalByKey";
      readonly request: Request;
      readonly namespace: string;
      readonly correlationKey: string;
      readonly value: Value;
      readonly by: Answerer;
      /** How long it is kept if none is open; undefined refuses it. */
      readonly keepForMs: number | undefined;
    }
  /** What people do with a condition in their inbox, short of answering. */
  | {
      readonly kind: "changeCondition";
      readonly request: Request;
      readonly run: RunKey;
      readonly action: string;
      readonly by: Answerer;
      readonly change:
        | { readonly kind: "claim"; readonly force: boolean }
        | { readonly kind: "release"; readonly force: boolean }
        | { readonly kind: "delegate"; readonly to: string }
        /** Undefined, or not after now, wakes it. */
        | { readonly kind: "snooze"; readonly endMs: number | undefined }
        /** Undefined is never. */
        | { readonly kind: "extend"; readonly deadlineMs: number | undefined };
    }
  /** Somebody used an answer link in vain. */
  | {
      readonly kind: "noteLinkRefusal";
      readonly run: RunKey;
      readonly action: string;
      readonly cause: string;
      readonly origin: string;
    }
  /** From whoever posts: what became of a try. Without `retryMs` a post that was not taken is given up. */
  | {
      readonly kind: "settlePost";
      readonly post: Pick<WebhookPost, "key">;
      readonly end: "taken" | { readonly cause: string; readonly retryMs: number | undefined };
    }
  | {
      readonly kind: "publishEvents";
      readonly request: Request;
      readonly namespace: string;
      readonly events: readonly {
        readonly runId: string;
        readonly action: string;
        readonly published: Published;
      }[];
    }
  | {
      readonly kind: "registerOp";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      readonly content: OpContent;
    }
  | {
      readonly kind: "updateOp";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      /** What changes; what is undefined stays, unless it is among `cleared`. */
      readonly set: OpChange;
      readonly cleared: readonly (keyof OpContent)[];
    }
  | {
      readonly kind: "deleteOp";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      /** 0 for all. */
      readonly version: number;
      readonly force: boolean;
    }
  | {
      readonly kind: "setLimit";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      readonly content: LimitContent;
    }
  | {
      readonly kind: "deleteLimit";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
    }
  | {
      readonly kind: "createSubscription";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      readonly content: SubscriptionContent;
      /** Events behind this position are delivered. */
      readonly through: number;
    }
  | {
      readonly kind: "deleteSubscription";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
    }
  /** From whoever delivers: what a subscription has dealt with since, in any order, and what is set aside. */
  | {
      readonly kind: "moveSubscription";
      readonly namespace: string;
      readonly name: string;
      /** Which one of this name: another one may have come since. */
      readonly createTimeMs: number;
      readonly dealtWith: readonly PositionRange[];
      readonly deadLetters: readonly DeadLetter[];
    }
  | {
      readonly kind: "releaseDeadLetters";
      readonly request: Request;
      readonly namespace: string;
      readonly name: string;
      /** Empty means all, `deadLettersPerReleaseMax` at once. */
      readonly positions: readonly number[];
      /** Instead of delivering them again. */
      readonly forget: boolean;
    }
  | {
      readonly kind: "attach";
      readonly newSessionId: string;
      readonly namespace: string;
      readonly workerId: string;
      readonly incarnation: string;
      readonly ops: readonly string[];
      readonly labels: Labels;
      readonly capacity: Capacity;
      readonly taints: readonly Taint[];
      readonly sharedNamespaces: readonly string[];
      readonly running: readonly AttemptReference[];
      readonly leaseMs: number;
    }
  | { readonly kind: "pulse"; readonly sessionId: string; readonly leaseMs: number }
  | { readonly kind: "detach"; readonly sessionId: string }
  | { readonly kind: "leave"; readonly sessionId: string; readonly cause: string }
  /** From the worker itself, on its stream. */
  | { readonly kind: "drain"; readonly sessionId: string }
  /** From an operator, by the worker's name. */
  | {
      readonly kind: "drainWorker";
      readonly request: Request;
      readonly namespace: string;
      readonly workerId: string;
    }
  /** From an operator: everything is taken from the worker at once. */
  | {
      readonly kind: "evictWorker";
      readonly request: Request;
      readonly namespace: string;
      readonly workerId: string;
      readonly cause: string;
    }
  | {
      readonly kind: "assign";
      readonly sessions: readonly { readonly sessionId: string; readonly credit: number }[];
      /** How many in all, at most. */
      readonly limit: number;
      readonly acceptTimeoutMs: number;
    }
  | { readonly kind: "accept"; readonly sessionId: string; readonly attempts: readonly AttemptReference[] }
  | {
      readonly kind: "decline";
      readonly sessionId: string;
      readonly attempt: AttemptReference;
      readonly cause: string;
    }
  | { readonly kind: "report"; readonly sessionId: string; readonly reports: readonly AttemptReport[] }
  | {
      readonly kind: "addActions";
      readonly sessionId: string;
      readonly attempt: AttemptReference;
      readonly actions: readonly NewAction[];
    }
  | { readonly kind: "fire"; readonly due: Due }
  /** Once, when a server opens the store: every lease gets the time a worker needs to attach again. */
  | { readonly kind: "boot"; readonly leaseMs: number }
  /** Forgets request ids that have served their time. */
  | { readonly kind: "sweepRequests" }
  /** Removes the oldest events that need not be kept. */
  | ({ readonly kind: "trimFeed" } & FeedBounds);

/** The name of a command. */
export type CommandKind = Command["kind"];

/** The command of a kind. */
export type CommandOf<K extends CommandKind> = Extract<Command, { readonly kind: K }>;

/** Names the queue of an op in a namespace. */
export function queueKey(namespace: string, op: string): string {
  return `${namespace}/${op}`;
}

/** When and by which chance a command is decided: what the pure rules must be told. `chance` is in [0, 1). */
export interface Stamp {
  readonly nowMs: number;
  readonly chance: number;
}

/** The kinds of spec, for event details and pages. */
export type ActionKind = ActionSpec["kind"];
