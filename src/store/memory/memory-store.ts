import type { Action, Attempt } from "../../core/action.ts";
import type { Decision } from "../../core/change.ts";
import type { CommandKind, CommandOf, Stamp } from "../../core/command.ts";
import { decide as rules } from "../../core/decide.ts";
import type { Position } from "../../core/event.ts";
import type { Counter, Limit } from "../../core/limits/limit.ts";
import type { Loaded } from "../../core/loaded.ts";
import type { RunKey } from "../../core/name.ts";
import type { Op } from "../../core/ops/op.ts";
import type { Run } from "../../core/run.ts";
import type { Session } from "../../core/session.ts";
import type { DeadLetter, Subscription } from "../../core/subscriptions/subscription.ts";
import { attemptsListedMax, holdersScanMax } from "../../limits.ts";
import { scanPage } from "../scan.ts";
import type * as seam from "../store.ts";
import { StoreUnavailable } from "../store.ts";
import { listByName, listConditions, listOps, listRuns, listSessions } from "./memory-lists.ts";
import { MemoryState } from "./memory-state.ts";

/** The rules, as a store calls them. */
type Decide = <K extends CommandKind>(command: CommandOf<K>, loaded: Loaded, stamp: Stamp) => Decision<K>;

/** How a store in memory is made. */
export interface MemoryStoreOptions {
  /** The rules of `core` unless said. */
  readonly decide?: Decide;
}

/**
 * The store of tests and of servers that need not remember: plain maps, and nothing on disk. It does
 * everything in the simplest way that is right; the other stores are held against it.
 */
export class MemoryStore implements seam.Store {
  readonly feedId = crypto.randomUUID();
  readonly feedOrigin: seam.FeedOrigin = { timeMs: Date.now(), ancestors: [] };
  readonly #decide: Decide;
  readonly #state = new MemoryState();
  readonly #linkKey = crypto.getRandomValues(new Uint8Array(32));
  #isClosed = false;

  constructor({ decide = rules }: MemoryStoreOptions = {}) {
    this.#decide = decide;
  }

  async transact<K extends CommandKind>(command: CommandOf<K>, stamp: Stamp): Promise<seam.Outcome<K>> {
    const state = this.#open();
    const decision = this.#decide<K>(command, state, stamp);
    if (!decision.ok) return decision;
    const position = state.apply(decision.change);
    return { ok: true, answer: decision.answer, effects: decision.effects, position };
  }

  async head(): Promise<Position> {
    return this.#open().feed.head;
  }

  async oldest(): Promise<Position> {
    return this.#open().feed.oldest;
  }

  async readFeed(query: seam.FeedQuery): Promise<seam.FeedPage> {
    return this.#open().feed.read(query);
  }

  async run(run: RunKey): Promise<Run | undefined> {
    return this.#open().run(run);
  }

  async listRuns(query: seam.RunQuery): Promise<seam.Page<Run, seam.RunPlace>> {
    return listRuns(this.#open(), query);
  }

  async action(run: RunKey, name: string): Promise<Action | undefined> {
    return this.#open().action(run, name);
  }

  async listActions({ run, states, after, limit }: seam.ActionQuery): Promise<seam.Page<Action, string>> {
    const actions = this.#open().actions(run);
    return scanPage({
      rows: actions.filter((action) => after === undefined || action.name > after),
      limit,
      matches: (action) => states.length === 0 || states.includes(action.state),
      placeOf: (action) => action.name,
    });
  }

  async listAttempts(run: RunKey, name: string): Promise<readonly Attempt[]> {
    return this.#open().attempts(run, name).slice(-attemptsListedMax);
  }

  async listConditions(
    query: seam.ConditionQuery,
  ): Promise<seam.Page<seam.ConditionRow, seam.ConditionPlace>> {
    return listConditions(this.#open(), query);
  }

  async duePosts(nowMs: number, limit: number): Promise<seam.PostPage> {
    return this.#open().decisions.duePosts(nowMs, limit);
  }

  async linkKey(): Promise<Uint8Array> {
    this.#open();
    return this.#linkKey;
  }

  async op(namespace: string, name: string, version: number): Promise<Op | undefined> {
    return this.#open().op(namespace, name, version);
  }

  async opNamed(namespace: string, name: string, versionName: string): Promise<Op | undefined> {
    return this.#open().ops.named(namespace, name, versionName);
  }

  async listOps(query: seam.OpQuery): Promise<seam.Page<Op, seam.OpPlace>> {
    return listOps(this.#open(), query);
  }

  async limit(namespace: string, name: string): Promise<Limit | undefined> {
    return this.#open().allLimits.get(`${namespace}/${name}`);
  }

  async listLimits(query: seam.NameQuery): Promise<seam.Page<Limit, string>> {
    return listByName([...this.#open().allLimits.values()], query);
  }

  async counter(key: string): Promise<Counter | undefined> {
    return this.#open().counter(key);
  }

  async listCounters(namespace: string, limit: string, count: number): Promise<readonly Counter[]> {
    return this.#open().countersOf(namespace, limit).slice(0, count);
  }

  async holders(counter: string, count: number): Promise<readonly Action[]> {
    const held = this.#open().indexes.held().slice(0, holdersScanMax);
    return held.filter((action) => action.holds.includes(counter)).slice(0, count);
  }

  async subscription(namespace: string, name: string): Promise<Subscription | undefined> {
    return this.#open().subscription(namespace, name);
  }

  async listSubscriptions(query: seam.NameQuery): Promise<seam.Page<Subscription, string>> {
    return listByName(this.#open().subscriptions.all(), query);
  }

  async listDeadLetters(
    query: Parameters<seam.Store["listDeadLetters"]>[0],
  ): Promise<seam.Page<DeadLetter, number>> {
    const { namespace, name, after, limit } = query;
    const letters = this.#open().deadLetters(namespace, name, Number.POSITIVE_INFINITY);
    return scanPage({
      rows: letters.filter(({ position }) => after === undefined || position > after),
      limit,
      matches: () => true,
      placeOf: ({ position }) => position,
    });
  }

  async sessionOf(namespace: string, workerId: string): Promise<Session | undefined> {
    return this.#open().sessionOf(namespace, workerId);
  }

  async listSessions(query: Parameters<seam.Store["listSessions"]>[0]): Promise<seam.Page<Session, string>> {
    return listSessions(this.#open(), query);
  }

  async listHeld(sessionId: string, limit: number): Promise<readonly Action[]> {
    return this.#open().indexes.heldBy(sessionId, limit);
  }

  async heldCount(sessionId: string): Promise<number> {
    return this.#open().heldBy(sessionId).length;
  }

  async queuePlace(action: Action, limit: number): Promise<number> {
    return Math.min(limit, this.#open().indexes.queuePlace(action));
  }

  async due(nowMs: number, limit: number): ReturnType<seam.Store["due"]> {
    const found = this.#open().deadlines.first(limit + 1);
    const count = found.slice(0, limit).filter(({ atMs }) => atMs <= nowMs).length;
    return { due: found.slice(0, count).map(({ due }) => due), nextMs: found[count]?.atMs };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
  }

  #open(): MemoryState {
    if (this.#isClosed) throw new StoreUnavailable("the store is closed");
    return this.#state;
  }
}
