import type { Decision } from "../../../src/core/change.ts";
import type { CommandKind, CommandOf, Stamp } from "../../../src/core/command.ts";
import { decide as rules } from "../../../src/core/decide.ts";
import type { Event, Position, Transaction } from "../../../src/core/event.ts";
import type { Loaded } from "../../../src/core/loaded.ts";
import type { MemoryState } from "../../../src/store/memory/memory-state.ts";
import { MemoryStore } from "../../../src/store/memory/memory-store.ts";
import { type Outcome, type Store, StoreUnavailable } from "../../../src/store/store.ts";

/** The rules, as a store calls them. */
export type Decide = <K extends CommandKind>(
  command: CommandOf<K>,
  loaded: Loaded,
  stamp: Stamp,
) => Decision<K>;

/** A command that the rules judged: what they saw, what they said. */
export interface Judged {
  readonly command: CommandOf<CommandKind>;
  readonly before: MemoryState;
  readonly decision: Decision;
}

/** What a disk is made of. */
export interface DiskOptions {
  /** The rules; a planted bug may stand in for them. */
  readonly rules?: Decide;
  /** Called with each judgement before it takes effect. */
  readonly onJudged: (judged: Judged) => void;
  /** A planted bug: commands are acknowledged one commit before they are safe. */
  readonly acknowledgesEarly?: boolean;
  /** A planted bug: what a read answers; `openCount` is how many processes have had the store open. */
  readonly onRead?: (name: string, answer: unknown, openCount: number) => unknown;
}

/** A process that has the store open. */
interface Holder {
  isGone: boolean;
  readsFail: boolean;
  /** The next read waits until the scheduler lets it go. */
  delaysRead: boolean;
}

interface Waiting {
  readonly holder: Holder;
  readonly command: CommandOf<CommandKind>;
  readonly stamp: Stamp;
  readonly resolve: (outcome: Outcome<CommandKind>) => void;
  readonly reject: (error: unknown) => void;
}

/** What became of a command: an outcome, or the bug that the rules came upon. */
type Effected = { readonly outcome: Outcome<CommandKind> } | { readonly error: unknown };

/** The store of one server process, and what can go wrong with it. */
export interface OpenDisk {
  readonly store: Store;
  /** Reads fail with StoreUnavailable while it is set. */
  failReads(isFailing: boolean): void;
  delayNextRead(): void;
  /** The process is gone: nothing that it asked is ever answered. */
  leave(): void;
}

/**
 * What survives a crash. It is the real memory store behind a gate: commands wait until the scheduler commits
 * a group of them, which makes them durable, visible and acknowledged, or lets that fail in one of the ways
 * that the contract of a store permits.
 */
export class Disk {
  readonly #options: DiskOptions;
  #memory: MemoryStore;
  #state: MemoryState | undefined;
  #waiting: Waiting[] = [];
  #delayed: (() => void)[] = [];
  /** Every command that took effect, to build the state again from. */
  #log: Waiting[] = [];
  /** How many of the log are safe; all of them unless a bug is planted. */
  #safeCount = 0;
  #isRebuilding = false;
  #openCount = 0;
  #transactions: Transaction[] = [];
  #head = 0n;
  readonly #feedId: string;

  constructor(options: DiskOptions) {
    this.#options = options;
    this.#memory = this.#newMemory(options.rules ?? rules);
    this.#feedId = this.#memory.feedId;
  }

  /** The state that is durable and visible. Undefined before the first command. */
  get state(): MemoryState | undefined {
    return this.#state;
  }

  /** The feed as the rules made it, in commit order and numbered from 1, whatever the store says of it. */
  get transactions(): readonly Transaction[] {
    return this.#transactions;
  }

  /** The position of the last event. */
  get head(): bigint {
    return this.#head;
  }

  /** The store itself, for who looks at what it says. */
  get store(): Store {
    return this.#memory;
  }

  /** How many commands wait to be committed. */
  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** How many reads wait to be let go. */
  get delayedCount(): number {
    return this.#delayed.length;
  }

  /** Opens it for a process. */
  open(): OpenDisk {
    this.#openCount += 1;
    const holder: Holder = { isGone: false, readsFail: false, delaysRead: false };
    return {
      store: this.#storeOf(holder),
      failReads: (isFailing) => (holder.readsFail = isFailing),
      delayNextRead: () => (holder.delaysRead = true),
      leave: () => (holder.isGone = true),
    };
  }

  /** Commits the first of what waits, as one group, and acknowledges it, all or none of it. */
  async commit(count: number, { isHeard = true } = {}): Promise<void> {
    if (this.#options.acknowledgesEarly === true) this.#safeCount = this.#log.length;
    const group = this.#waiting.splice(0, count);
    const outcomes = await this.#takeEffect(group);
    if (this.#options.acknowledgesEarly !== true) this.#safeCount = this.#log.length;
    outcomes.forEach((outcome, index) => {
      const { holder, resolve, reject } = group[index] as Waiting;
      if (holder.isGone) return;
      if (!isHeard) reject(new StoreUnavailable("nobody knows what became of it"));
      else if ("error" in outcome) reject(outcome.error);
      else resolve(outcome.outcome);
    });
  }

  /** Refuses to commit the first of what waits: none of it takes effect. */
  fail(count: number): void {
    for (const { reject } of this.#waiting.splice(0, count)) reject(new StoreUnavailable("the disk is full"));
  }

  /** Lets the first of the delayed reads go. */
  letGo(): void {
    this.#delayed.shift()?.();
  }

  /**
   * The process that writes dies. Of what waits, the first so many were committed and nobody heard of it; the
   * rest never was.
   */
  async crash(keptCount: number): Promise<void> {
    const waiting = this.#waiting.splice(0);
    this.#delayed = [];
    if (this.#safeCount < this.#log.length) await this.#rebuild();
    await this.#takeEffect(waiting.slice(0, keptCount));
    this.#safeCount = this.#log.length;
  }

  /** The events that come of judging everything again, by rules that see only what they are given. */
  async replay(): Promise<readonly (readonly Event[])[]> {
    const events: (readonly Event[])[] = [];
    const { rules: decide = rules } = this.#options;
    const memory = new MemoryStore({
      decide: (command, loaded, stamp) => {
        const decision = decide(command, loaded, stamp);
        if (decision.ok && decision.change.events.length > 0) events.push(decision.change.events);
        return decision;
      },
    });
    for (const { command, stamp } of this.#log) await memory.transact(command, stamp).catch(() => {});
    return events;
  }

  /** What was not safe is gone. */
  async #rebuild(): Promise<void> {
    const safe = this.#log.slice(0, this.#safeCount);
    this.#log = [];
    this.#memory = this.#newMemory(this.#options.rules ?? rules);
    this.#transactions = [];
    this.#head = 0n;
    this.#isRebuilding = true;
    for (const waiting of safe) {
      this.#log.push(waiting);
      await this.#memory.transact(waiting.command, waiting.stamp);
    }
    this.#isRebuilding = false;
  }

  async #takeEffect(group: readonly Waiting[]): Promise<readonly Effected[]> {
    const running = group.map(async (waiting) => {
      this.#log.push(waiting);
      try {
        return { outcome: await this.#memory.transact(waiting.command, waiting.stamp) };
      } catch (error) {
        return { error };
      }
    });
    return Promise.all(running);
  }

  #newMemory(decide: Decide): MemoryStore {
    return new MemoryStore({
      decide: (command, loaded, stamp) => {
        const before = loaded as unknown as MemoryState;
        this.#state = before;
        const decision = decide(command, loaded, stamp);
        if (!this.#isRebuilding) this.#options.onJudged({ command, before, decision });
        if (decision.ok) this.#append(decision.change.events);
        return decision;
      },
    });
  }

  /** Keeps the feed as it should be, beside the store's own. */
  #append(events: readonly Event[]): void {
    if (events.length === 0) return;
    this.#transactions.push({ first: (this.#head + 1n) as Position, events });
    this.#head += BigInt(events.length);
  }

  #storeOf(holder: Holder): Store {
    const submit = (command: CommandOf<CommandKind>, stamp: Stamp) =>
      new Promise((resolve, reject) => {
        if (!holder.isGone) this.#waiting.push({ holder, command, stamp, resolve, reject });
      });
    const get = (_: object, name: string) => {
      if (name === "transact") return submit;
      if (name === "close") return async () => {};
      if (name === "feedId") return this.#feedId;
      const found: unknown = Reflect.get(this.#memory, name, this.#memory);
      if (typeof found !== "function") return found;
      const read = (args: unknown[]) =>
        (Reflect.get(this.#memory, name) as typeof found).apply(this.#memory, args);
      const { onRead } = this.#options;
      const planted = async (args: unknown[]) => onRead?.(name, await read(args), this.#openCount);
      return (...args: unknown[]) =>
        this.#read(holder, () => (onRead === undefined ? read(args) : planted(args)));
    };
    return new Proxy({}, { get }) as Store;
  }

  #read(holder: Holder, read: () => unknown): unknown {
    if (holder.isGone) return new Promise(() => {});
    if (holder.readsFail) return Promise.reject(new StoreUnavailable("it cannot be read"));
    if (!holder.delaysRead) return read();
    holder.delaysRead = false;
    return new Promise((resolve) => {
      this.#delayed.push(() => {
        if (!holder.isGone) resolve(read());
      });
    });
  }
}
