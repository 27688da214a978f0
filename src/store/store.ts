import type { Action, ActionState, Attempt } from "../core/action.ts";
import type { Answers, Effect } from "../core/answer.ts";
import type { CommandKind, CommandOf, Stamp } from "../core/command.ts";
import type { WebhookPost } from "../core/conditions/outbox.ts";
import type { Position, Transaction } from "../core/event.ts";
import type { Counter, Limit } from "../core/limits/limit.ts";
import type { RunKey } from "../core/name.ts";
import type { Op } from "../core/ops/op.ts";
import type { Refusal } from "../core/refusal.ts";
import type { Labels, Run, RunState } from "../core/run.ts";
import type { Session } from "../core/session.ts";
import type { Due } from "../core/stated.ts";
import type { DeadLetter, Subscription } from "../core/subscriptions/subscription.ts";

/** What became of a command. `position` is that of its last event; undefined if it made none. */
export type Outcome<K extends CommandKind> =
  | { readonly ok: false; readonly refusal: Refusal }
  | {
      readonly ok: true;
      readonly answer: Answers[K];
      readonly effects: readonly Effect[];
      readonly position: Position | undefined;
    };

/** A page of a list; `next` is where the following one begins, undefined at the end. */
export interface Page<T, Key> {
  readonly items: readonly T[];
  readonly next: Key | undefined;
}

/** Which runs, the newest first. */
export interface RunQuery {
  /** Undefined means all namespaces. */
  readonly namespace: string | undefined;
  /** Empty means any. */
  readonly states: readonly RunState[];
  readonly labels: Labels;
  readonly pausedOnly: boolean;
  /** The op and the image of its only task; undefined means any. */
  readonly op: string | undefined;
  readonly image: string | undefined;
  /** Created at these times or between them, both included; undefined means without a bound. */
  readonly createdFromMs: number | undefined;
  readonly createdUntilMs: number | undefined;
  /** Only older ones. */
  readonly after: RunPlace | undefined;
  /** Only newer ones: the page is the one that ends right before, its items still the newest first. */
  readonly before: RunPlace | undefined;
  readonly limit: number;
}

/** A run's place among all runs: by creation time, then key. */
export interface RunPlace {
  readonly timeMs: number;
  readonly run: RunKey;
}

/** Which actions of a run, by name. */
export interface ActionQuery {
  readonly run: RunKey;
  /** Empty means any. */
  readonly states: readonly ActionState[];
  readonly after: string | undefined;
  readonly limit: number;
}

/** Which conditions, the oldest first. */
export interface ConditionQuery {
  readonly namespace: string | undefined;
  readonly run: RunKey | undefined;
  readonly labels: Labels;
  readonly includeEnded: boolean;
  /** Open ones that are snoozed too. */
  readonly includeSnoozed: boolean;
  /** Undefined means any. */
  readonly assignee: string | undefined;
  readonly dueBeforeMs: number | undefined;
  /** The op of the task that asks. */
  readonly op: string | undefined;
  readonly correlationKey: string | undefined;
  /** By `due` only open ones are listed: whose time runs out first, those without a deadline last. */
  readonly order: "age" | "due";
  readonly after: ConditionPlace | undefined;
  readonly limit: number;
}

/** A condition's place among all: by time, then run, then name. */
export interface ConditionPlace {
  /** By age when it was created; by `due` its deadline, `noDeadlineMs` for none. */
  readonly timeMs: number;
  readonly run: RunKey;
  readonly name: string;
}

/** The deadline of a condition without one, in the order of deadlines: after all others. */
export const noDeadlineMs = Number.MAX_SAFE_INTEGER;

/** A condition with what is said of its run. */
export interface ConditionRow {
  readonly action: Action;
  readonly runLabels: Labels;
  /** Who created its run. */
  readonly requester: string;
  /** The op of the task that asks; "" in a plan. */
  readonly op: string;
}

/** Posts of webhooks that are due, the longest due first. */
export interface PostPage {
  readonly posts: readonly WebhookPost[];
  /** When the next one after them is due. */
  readonly nextMs: number | undefined;
}

/** Which ops. */
export interface OpQuery {
  readonly namespace: string;
  readonly allVersions: boolean;
  readonly namePrefix: string;
  readonly after: OpPlace | undefined;
  readonly limit: number;
}

/** An op version's place among all: by name, then the latest version first. */
export interface OpPlace {
  readonly name: string;
  readonly version: number;
}

/** Which things of a namespace (undefined: of all), by name. */
export interface NameQuery {
  readonly namespace: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
}

/** Which part of the feed. */
export interface FeedQuery {
  /**
   * Everything behind this position, which is that of a last event of a transaction, or 0. Without a run it
   * may be any: a transaction with events on both sides of it comes whole.
   */
  readonly after: Position;
  /** Only transactions with events of this run, if said. */
  readonly run: RunKey | undefined;
  /** Stop after the transaction that reaches either bound; at least one is read if there is one. */
  readonly eventsMax: number;
  readonly bytesMax: number;
}

/** A part of the feed. `through` is how far it was looked at: resuming there misses nothing. */
export interface FeedPage {
  readonly transactions: readonly Transaction[];
  readonly through: Position;
  /** True if nothing lay behind `through` when it was read. */
  readonly atHead: boolean;
}

/** An earlier epoch of a feed, which went on elsewhere, or not at all, when the store was put back to it. */
export interface FeedAncestor {
  /** The `feedId` that it had. */
  readonly feedId: string;
  /** The last position that both have in common. */
  readonly through: Position;
}

/** Where a feed comes from. */
export interface FeedOrigin {
  /** When its epoch began. */
  readonly timeMs: number;
  /** The epochs that it goes on from, the first one first: what was committed in each up to its `through`. */
  readonly ancestors: readonly FeedAncestor[];
}

/** The store cannot write or read at the moment; trying again is safe. */
export class StoreUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreUnavailable";
  }
}

/**
 * Remembers; decides nothing. Every implementation keeps this contract, and the suite in `test/store` holds
 * each of them to it.
 *
 * - A command takes effect whole or not at all, and its outcome arrives only when it is durable.
 * - Commands take effect one after the other, in the order of their calls from one caller.
 * - A refused command writes nothing. A bug in the rules rejects the call with that error and writes nothing.
 * - Positions grow with commit order, without holes. What has a position is durable before anybody can read
 *   it.
 * - Reads see at least everything that was acknowledged before they began.
 */
export interface Store {
  /** Lets the rules judge a command and commits what they say. Throws StoreUnavailable. */
  transact<K extends CommandKind>(command: CommandOf<K>, stamp: Stamp): Promise<Outcome<K>>;

  /**
   * Names this epoch of the feed. Another value means other events: cursors of the one mean nothing in the
   * other, but for what `feedOrigin` says of those before.
   */
  readonly feedId: string;
  readonly feedOrigin: FeedOrigin;
  /** The position of the last event, 0 for none. */
  head(): Promise<Position>;
  /** The position behind which everything is kept: 0 until something is removed. It never moves back. */
  oldest(): Promise<Position>;
  readFeed(query: FeedQuery): Promise<FeedPage>;

  run(run: RunKey): Promise<Run | undefined>;
  listRuns(query: RunQuery): Promise<Page<Run, RunPlace>>;
  action(run: RunKey, name: string): Promise<Action | undefined>;
  listActions(query: ActionQuery): Promise<Page<Action, string>>;
  /** The ended attempts of an action, by number; the last 1,000. */
  listAttempts(run: RunKey, name: string): Promise<readonly Attempt[]>;
  listConditions(query: ConditionQuery): Promise<Page<ConditionRow, ConditionPlace>>;
  /** Posts of conditions' webhooks that are due at a time. */
  duePosts(nowMs: number, limit: number): Promise<PostPage>;
  /** A key for signing links: chosen once at random, kept with the data and in backups, shown to nobody. */
  linkKey(): Promise<Uint8Array>;
  op(namespace: string, name: string, version: number): Promise<Op | undefined>;
  /** The latest version of an op that has this name of its own. */
  opNamed(namespace: string, name: string, versionName: string): Promise<Op | undefined>;
  /** The latest version of each op, by name; or all versions, the latest first. */
  listOps(query: OpQuery): Promise<Page<Op, OpPlace>>;
  limit(namespace: string, name: string): Promise<Limit | undefined>;
  /** By name. */
  listLimits(query: NameQuery): Promise<Page<Limit, string>>;
  counter(key: string): Promise<Counter | undefined>;
  /** The counters of a limit, by key. */
  listCounters(namespace: string, limit: string, count: number): Promise<readonly Counter[]>;
  /** Actions that hold a place in a counter: the first of them, among at most 10,000 held ones looked at. */
  holders(counter: string, count: number): Promise<readonly Action[]>;
  subscription(namespace: string, name: string): Promise<Subscription | undefined>;
  /** By name; undefined is for all namespaces, by namespace and name, where `after` is `namespace/name`. */
  listSubscriptions(query: NameQuery): Promise<Page<Subscription, string>>;
  /** What a subscription set aside, the oldest event first. */
  listDeadLetters(query: {
    readonly namespace: string;
    readonly name: string;
    readonly after: number | undefined;
    readonly limit: number;
  }): Promise<Page<DeadLetter, number>>;
  sessionOf(namespace: string, workerId: string): Promise<Session | undefined>;
  /** Sessions by namespace and worker; `after` is the last one's `namespace/worker`. */
  listSessions(query: {
    readonly namespace: string | undefined;
    readonly labels: Labels;
    readonly after: string | undefined;
    readonly limit: number;
  }): Promise<Page<Session, string>>;
  /** The actions that a session holds, by run and name; the first of them. */
  listHeld(sessionId: string, limit: number): Promise<readonly Action[]>;
  /** How many actions a session holds. */
  heldCount(sessionId: string): Promise<number>;
  /** How many queued actions of its op come before this one, counted up to a limit. */
  queuePlace(action: Action, limit: number): Promise<number>;
  /** What is due at a time, the longest due first, and when the next thing after that is due. */
  due(
    nowMs: number,
    limit: number,
  ): Promise<{ readonly due: readonly Due[]; readonly nextMs: number | undefined }>;

  /** Ends everything that waits and closes. Commands that were taken are committed first. */
  close(): Promise<void>;
}
