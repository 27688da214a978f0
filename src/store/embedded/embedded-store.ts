import { resolve } from "node:path";
import type { Worker } from "node:worker_threads";
import type { Action, Attempt } from "../../core/action.ts";
import type { CommandKind, CommandOf, Stamp } from "../../core/command.ts";
import type { Position } from "../../core/event.ts";
import type { Counter, Limit } from "../../core/limits/limit.ts";
import type { RunKey } from "../../core/name.ts";
import type { Op } from "../../core/ops/op.ts";
import type { Run } from "../../core/run.ts";
import type { Session } from "../../core/session.ts";
import type { DeadLetter, Subscription } from "../../core/subscriptions/subscription.ts";
import type * as seam from "../store.ts";
import { StoreUnavailable } from "../store.ts";
import { openForReading } from "./database.ts";
import { FolderLock } from "./folder-lock.ts";
import { GroupCommit } from "./group-commit.ts";
import type { FromThread, Reply, ToThread } from "./messages.ts";
import { outcomeOf } from "./outcome.ts";
import { Reader } from "./read/reader.ts";
import { makeFolder, moduleEnding, type StartedThread, startThread } from "./start-thread.ts";

/** How an embedded store is opened. */
export interface EmbeddedStoreOptions {
  /** The folder that holds it; made if it is not there. */
  readonly path: string;
  /** The module that exports `decide`; the rules of `core` unless said. */
  readonly rules?: URL;
  /** Told once when the disk fails: nothing more is acknowledged, so that the server had better stop. */
  readonly onBroken?: (error: StoreUnavailable) => void;
}

/**
 * The store of one server on one machine: SQLite, written by a thread of its own in which the rules run, read
 * through a second connection on the main thread. See `docs/store.md` for what it promises and where it ends.
 */
export class EmbeddedStore implements seam.Store {
  readonly feedId: string;
  readonly feedOrigin: seam.FeedOrigin;
  readonly #thread: Worker;
  readonly #ended: Promise<void>;
  readonly #lock: FolderLock;
  readonly #commits: GroupCommit;
  readonly #reader: Reader;
  readonly #onBroken: ((error: StoreUnavailable) => void) | undefined;
  #head: number;
  /** Why nothing can be asked any more. */
  #refusal: StoreUnavailable | undefined;
  #closing: Promise<void> | undefined;

  /** Opens the store of a folder. Throws StoreUnavailable if another server has it or it cannot be read. */
  static async open({ path, rules, onBroken }: EmbeddedStoreOptions): Promise<EmbeddedStore> {
    const folder = resolve(path);
    makeFolder(folder);
    const lock = FolderLock.take(folder);
    try {
      const module = rules ?? new URL(`../../core/decide.${moduleEnding}`, import.meta.url);
      const started = await startThread({ folder, rules: module.href });
      try {
        return new EmbeddedStore({ folder, lock, started, onBroken });
      } catch (error) {
        await started.thread.terminate();
        throw error;
      }
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(parts: {
    readonly folder: string;
    readonly lock: FolderLock;
    readonly started: StartedThread;
    readonly onBroken: ((error: StoreUnavailable) => void) | undefined;
  }) {
    this.#lock = parts.lock;
    this.#thread = parts.started.thread;
    const { feedId, origin } = parts.started.opened.feed;
    this.feedId = feedId;
    this.feedOrigin = origin;
    this.#head = parts.started.opened.head;
    this.#onBroken = parts.onBroken;
    this.#reader = new Reader(openForReading(parts.folder));
    this.#commits = new GroupCommit((commands) => {
      this.#tell({ kind: "batch", commands });
    });
    this.#thread.on("message", (message: FromThread) => {
      this.#hear(message);
    });
    this.#thread.on("error", (error) => {
      this.#breakOff(`the thread of the store failed: ${String(error)}`);
    });
    this.#ended = new Promise((settle) => {
      this.#thread.once("exit", () => {
        this.#breakOff("the thread of the store has ended");
        settle();
      });
    });
  }

  async transact<K extends CommandKind>(command: CommandOf<K>, stamp: Stamp): Promise<seam.Outcome<K>> {
    const reply = await this.#commits.submit(JSON.stringify({ command, stamp }));
    return outcomeOf<K>(command.kind, reply);
  }

  async head(): Promise<Position> {
    this.#assertUsable();
    return BigInt(this.#head) as Position;
  }

  async oldest(): Promise<Position> {
    return this.#read((reader) => reader.feed.oldest());
  }

  async readFeed(query: seam.FeedQuery): Promise<seam.FeedPage> {
    return this.#read((reader) => reader.feed.read(query, this.#head));
  }

  async run(run: RunKey): Promise<Run | undefined> {
    return this.#read((reader) => reader.runs.get(run));
  }

  async listRuns(query: seam.RunQuery): Promise<seam.Page<Run, seam.RunPlace>> {
    return this.#read((reader) => reader.runs.list(query));
  }

  async action(run: RunKey, name: string): Promise<Action | undefined> {
    return this.#read((reader) => reader.action(run, name));
  }

  async listActions(query: seam.ActionQuery): Promise<seam.Page<Action, string>> {
    return this.#read((reader) => reader.listActions(query));
  }

  async listAttempts(run: RunKey, name: string): Promise<readonly Attempt[]> {
    return this.#read((reader) => reader.listAttempts(run, name));
  }

  async listConditions(
    query: seam.ConditionQuery,
  ): Promise<seam.Page<seam.ConditionRow, seam.ConditionPlace>> {
    return this.#read((reader) => reader.conditions.list(query));
  }

  async duePosts(nowMs: number, limit: number): Promise<seam.PostPage> {
    return this.#read((reader) => reader.duePosts(nowMs, limit));
  }

  async linkKey(): Promise<Uint8Array> {
    return this.#read((reader) => reader.linkKey());
  }

  async op(namespace: string, name: string, version: number): Promise<Op | undefined> {
    return this.#read((reader) => reader.ops.get(namespace, name, version));
  }

  async opNamed(namespace: string, name: string, versionName: string): Promise<Op | undefined> {
    return this.#read((reader) => reader.ops.named(namespace, name, versionName));
  }

  async listOps(query: seam.OpQuery): Promise<seam.Page<Op, seam.OpPlace>> {
    return this.#read((reader) => reader.ops.list(query));
  }

  async limit(namespace: string, name: string): Promise<Limit | undefined> {
    return this.#read((reader) => reader.limits.get(namespace, name));
  }

  async listLimits(query: seam.NameQuery): Promise<seam.Page<Limit, string>> {
    return this.#read((reader) => reader.limits.list(query));
  }

  async counter(key: string): Promise<Counter | undefined> {
    return this.#read((reader) => reader.limits.counter(key));
  }

  async listCounters(namespace: string, limit: string, count: number): Promise<readonly Counter[]> {
    return this.#read((reader) => reader.limits.counters(namespace, limit, count));
  }

  async holders(counter: string, count: number): Promise<readonly Action[]> {
    return this.#read((reader) => reader.workers.holders(counter, count));
  }

  async subscription(namespace: string, name: string): Promise<Subscription | undefined> {
    return this.#read((reader) => reader.subscriptions.get(namespace, name));
  }

  async listSubscriptions(query: seam.NameQuery): Promise<seam.Page<Subscription, string>> {
    return this.#read((reader) => reader.subscriptions.list(query));
  }

  async listDeadLetters(
    query: Parameters<seam.Store["listDeadLetters"]>[0],
  ): Promise<seam.Page<DeadLetter, number>> {
    return this.#read((reader) => reader.subscriptions.deadLetters(query));
  }

  async sessionOf(namespace: string, workerId: string): Promise<Session | undefined> {
    return this.#read((reader) => reader.workers.sessionOf(namespace, workerId));
  }

  async listSessions(query: Parameters<seam.Store["listSessions"]>[0]): Promise<seam.Page<Session, string>> {
    return this.#read((reader) => reader.workers.list(query));
  }

  async listHeld(sessionId: string, limit: number): Promise<readonly Action[]> {
    return this.#read((reader) => reader.workers.held(sessionId, limit));
  }

  async heldCount(sessionId: string): Promise<number> {
    return this.#read((reader) => reader.workers.heldCount(sessionId));
  }

  async queuePlace(action: Action, limit: number): Promise<number> {
    return this.#read((reader) => reader.workers.queuePlace(action, limit));
  }

  async due(nowMs: number, limit: number): ReturnType<seam.Store["due"]> {
    return this.#read((reader) => reader.due(nowMs, limit));
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closed = new StoreUnavailable("the store is closed");
    await this.#commits.drain(closed);
    this.#refusal ??= closed;
    // The reader goes first: its connection would keep the log from being moved into the database.
    this.#reader.close();
    this.#tell({ kind: "close" });
    await this.#ended;
    this.#lock.release();
  }

  #hear(message: FromThread): void {
    if (message.kind === "committed") {
      // The head moves first: who hears of an outcome finds its events.
      this.#head = message.head;
      this.#commits.answered(JSON.parse(message.replies) as readonly Reply[]);
    } else if (message.kind === "broken") this.#breakOff(`the disk of the store failed: ${message.message}`);
  }

  #tell(message: ToThread): void {
    this.#thread.postMessage(message);
  }

  #breakOff(message: string): void {
    if (this.#refusal !== undefined) return;
    this.#refusal = new StoreUnavailable(message);
    this.#commits.breakOff(this.#refusal);
    this.#onBroken?.(this.#refusal);
  }

  #assertUsable(): void {
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  #read<T>(read: (reader: Reader) => T): T {
    this.#assertUsable();
    try {
      return read(this.#reader);
    } catch (error) {
      if (error instanceof Error && "errcode" in error) {
        throw new StoreUnavailable(`the store cannot be read: ${error.message}`, { cause: error });
      }
      throw error;
    }
  }
}
