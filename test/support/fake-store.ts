import type { Command, CommandKind, CommandOf, Stamp } from "../../src/core/command.ts";
import { type Event, lastPosition, type Position, type Transaction } from "../../src/core/event.ts";
import { runKey } from "../../src/core/name.ts";
import type { Due } from "../../src/core/stated.ts";
import type { FeedPage, FeedQuery, Outcome, Store } from "../../src/store/store.ts";

/** What a scripted command comes to. */
export type Script = (command: Command, stamp: Stamp) => Outcome<CommandKind> | Promise<Outcome<CommandKind>>;

/** The outcome of a command that does nothing. */
export function done(answer: object = {}, more: Partial<Extract<Outcome<"fire">, { ok: true }>> = {}) {
  return { ok: true, answer, effects: [], position: undefined, ...more } as Outcome<CommandKind>;
}

/**
 * A store without rules: a feed that a test appends to, and commands whose outcomes a test scripts. It counts
 * what it is asked, and can be told to hold or to fail reads.
 */
export class FakeStore implements Partial<Store> {
  readonly feedId = "fake";
  readonly feedOrigin = { timeMs: 0, ancestors: [] };
  readonly transactions: Transaction[] = [];
  readonly commands: Command[] = [];
  readonly feedReads: FeedQuery[] = [];
  script: Script = () => done();
  dues: { readonly due: Due; readonly atMs: number }[] = [];
  dueLookCount = 0;
  /** Awaited before each read of the feed. */
  beforeRead: () => Promise<void> = () => Promise.resolve();
  /** Awaited after each read of the feed, before its answer is given. */
  afterRead: () => Promise<void> = () => Promise.resolve();
  #removedThrough = 0n as Position;

  /** The store as the engine takes it. */
  asStore(): Store {
    return this as unknown as Store;
  }

  /** Appends a transaction; the answer is the position of its last event. */
  append(...events: readonly Event[]): Position {
    const transaction = { first: (this.#head + 1n) as Position, events };
    this.transactions.push(transaction);
    return lastPosition(transaction);
  }

  /** Removes everything up to a position, as a retention would. */
  removeThrough(position: Position): void {
    this.#removedThrough = position;
    while (this.transactions[0] !== undefined && lastPosition(this.transactions[0]) <= position) {
      this.transactions.shift();
    }
  }

  get #head(): Position {
    const last = this.transactions.at(-1);
    return last === undefined ? this.#removedThrough : lastPosition(last);
  }

  async transact<K extends CommandKind>(command: CommandOf<K>, stamp: Stamp): Promise<Outcome<K>> {
    this.commands.push(command);
    return (await this.script(command, stamp)) as Outcome<K>;
  }

  async head(): Promise<Position> {
    return this.#head;
  }

  async oldest(): Promise<Position> {
    return this.#removedThrough;
  }

  async readFeed(query: FeedQuery): Promise<FeedPage> {
    this.feedReads.push(query);
    await this.beforeRead();
    const page = this.#read(query);
    await this.afterRead();
    return page;
  }

  #read(query: FeedQuery): FeedPage {
    const transactions: Transaction[] = [];
    let count = 0;
    let through = query.after;
    for (const transaction of this.transactions) {
      if (lastPosition(transaction) <= query.after) continue;
      if (count >= query.eventsMax) return { transactions, through, atHead: false };
      through = lastPosition(transaction);
      const isWanted = transaction.events.some(
        (event) => query.run === undefined || runKey(event.namespace, event.runId) === query.run,
      );
      if (!isWanted) continue;
      transactions.push(transaction);
      count += transaction.events.length;
    }
    return { transactions, through, atHead: true };
  }

  async due(nowMs: number, limit: number) {
    this.dueLookCount += 1;
    const sorted = [...this.dues].sort((one, other) => one.atMs - other.atMs);
    const due = sorted.filter(({ atMs }) => atMs <= nowMs).slice(0, limit);
    const nextMs = sorted[due.length]?.atMs;
    return { due: due.map((one) => one.due), nextMs };
  }

  async listSubscriptions() {
    return { items: [], next: undefined };
  }

  async close(): Promise<void> {}
}

/** An event of a run, with a number to tell it by. */
export function eventOf(runId: string, number: number): Event {
  return {
    timeMs: 0,
    namespace: "default",
    runId,
    action: "main",
    attempt: 0,
    runLabels: {},
    delivery: undefined,
    detail: { kind: "action_progressed", percent: number, message: "" },
  };
}
