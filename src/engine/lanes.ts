/** One who takes work from queues while it has credit. */
export interface Taker {
  /** How many more assignments it permits. */
  readonly credit: number;
}

/** A queue as the sessions of this process see it. */
interface Lane {
  readonly queue: string;
  /** False once the store found it empty and nothing was queued since. */
  mayHoldWork: boolean;
  /** True if something was queued since the store was last asked. */
  wasMarked: boolean;
  readonly takers: Set<Taker>;
  /** Those with credit who may find something; who was served longest ago comes first. */
  readonly ready: Set<Taker>;
  /** Those with credit who cannot take what is there, as they are; who was asked for first comes first. */
  readonly blocked: Set<Taker>;
}

/** What came of asking the store. */
export interface Found {
  /** The takers that it was asked for. */
  readonly asked: readonly Taker[];
  readonly emptyQueues: Iterable<string>;
  /** Queues with work that none of these takers can take as they are. */
  readonly blockedQueues: Iterable<string>;
}

/**
 * Knows which queues may hold work and who could take it. A queue has a lane while somebody here takes from
 * it, so memory is bounded by the open sessions and their queues; a lane begins as one that may hold work,
 * since nothing is known of the time before it.
 *
 * Work that nobody who was asked for can take *blocks* these takers in its lane, and only them: the others
 * are asked for next, so that however few are asked for at once, whoever can take it gets its turn. A blocked
 * taker is asked for again when something is queued there or freed, or when it has run out of credit and gets
 * more.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #lanesByTaker = new Map<Taker, readonly Lane[]>();
  /** Lanes that may hold work and have somebody ready; who was looked at longest ago comes first. */
  readonly #takeable = new Set<Lane>();
  /** Lanes in which somebody is blocked, and perhaps some in which nobody is any more. */
  readonly #blocked = new Set<Lane>();
  /** True if something was freed since the store was last asked. */
  #wasFreed = false;
  #onTakeable: () => void = () => undefined;

  /** Names what is called when work may wait for somebody who is ready: often, so that it must be quick. */
  whenTakeable(callback: () => void): void {
    this.#onTakeable = callback;
  }

  /** How many takers a queue has. */
  takerCount(queue: string): number {
    return this.#lanes.get(queue)?.takers.size ?? 0;
  }

  /** The takers of a queue, the first of them. */
  takersOf(queue: string, countMax: number): readonly Taker[] {
    return [...(this.#lanes.get(queue)?.takers ?? [])].slice(0, countMax);
  }

  /** True while work may wait for somebody who is ready. */
  get isTakeable(): boolean {
    return this.#takeable.size > 0;
  }

  /** From here on the taker takes from these queues. */
  enter(taker: Taker, queues: readonly string[]): void {
    const lanes = [...new Set(queues)].map((queue) => this.#laneOf(queue));
    this.#lanesByTaker.set(taker, lanes);
    for (const lane of lanes) lane.takers.add(taker);
    this.credited(taker);
  }

  /** From here on the taker takes nothing more. */
  leave(taker: Taker): void {
    for (const lane of this.#lanesByTaker.get(taker) ?? []) {
      lane.takers.delete(taker);
      lane.ready.delete(taker);
      lane.blocked.delete(taker);
      if (lane.ready.size === 0) this.#takeable.delete(lane);
      if (lane.takers.size > 0) continue;
      this.#lanes.delete(lane.queue);
      this.#blocked.delete(lane);
    }
    this.#lanesByTaker.delete(taker);
  }

  /** Looks at the taker's credit, which has changed. */
  credited(taker: Taker): void {
    const isReady = taker.credit > 0;
    for (const lane of this.#lanesByTaker.get(taker) ?? []) {
      if (!isReady) {
        lane.ready.delete(taker);
        lane.blocked.delete(taker);
      } else if (!lane.blocked.has(taker)) lane.ready.add(taker);
      this.#weigh(lane);
    }
    if (this.isTakeable) this.#onTakeable();
  }

  /** Something was queued. */
  mark(queue: string): void {
    const lane = this.#lanes.get(queue);
    if (lane === undefined) return;
    lane.mayHoldWork = true;
    lane.wasMarked = true;
    this.#unblock(lane);
    if (lane.ready.size > 0) this.#onTakeable();
  }

  /** Something was given back that may be what blocked takers wait for. Queues found empty stay so. */
  freed(): void {
    this.#wasFreed = true;
    for (const lane of [...this.#blocked]) this.#unblock(lane);
    if (this.isTakeable) this.#onTakeable();
  }

  /** Nothing is known for sure any more: every queue may hold work. */
  markAll(): void {
    for (const queue of this.#lanes.keys()) this.mark(queue);
  }

  /** Those to ask the store for, in turn; what is queued or freed from here on is news. */
  pick(countMax: number): readonly Taker[] {
    const picked = new Set<Taker>();
    this.#wasFreed = false;
    for (const lane of [...this.#takeable]) {
      lane.wasMarked = false;
      this.#takeable.delete(lane);
      this.#takeable.add(lane);
      for (const taker of lane.ready) {
        if (picked.size === countMax) return [...picked];
        picked.add(taker);
      }
    }
    return [...picked];
  }

  /**
   * Takes in what the store said when it was asked for these takers. Whoever was asked for in vain comes
   * after the others next time; who is blocked is not asked for again until there is news.
   */
  found({ asked, emptyQueues, blockedQueues }: Found): void {
    const settled = new Set(emptyQueues);
    for (const queue of settled) {
      const lane = this.#lanes.get(queue);
      if (lane === undefined || lane.wasMarked) continue;
      lane.mayHoldWork = false;
      this.#weigh(lane);
    }
    const blocked = new Set(blockedQueues);
    for (const taker of asked) {
      for (const lane of this.#lanesByTaker.get(taker) ?? []) {
        if (settled.has(lane.queue) || !lane.ready.delete(taker)) continue;
        const isOld = lane.wasMarked || this.#wasFreed;
        if (isOld || !blocked.has(lane.queue)) lane.ready.add(taker);
        else this.#block(lane, taker);
      }
    }
  }

  /** The queues that takers take from, each once. */
  queuesOf(takers: Iterable<Taker>): ReadonlySet<string> {
    const queues = new Set<string>();
    for (const taker of takers) {
      for (const lane of this.#lanesByTaker.get(taker) ?? []) queues.add(lane.queue);
    }
    return queues;
  }

  /** The taker was served: others come before it, and its credit has changed. */
  served(taker: Taker): void {
    for (const lane of this.#lanesByTaker.get(taker) ?? []) lane.ready.delete(taker);
    this.credited(taker);
  }

  #laneOf(queue: string): Lane {
    const known = this.#lanes.get(queue);
    if (known !== undefined) return known;
    const lane: Lane = {
      queue,
      mayHoldWork: true,
      // What an earlier lane of this queue asked the store says nothing about the time since.
      wasMarked: true,
      takers: new Set(),
      ready: new Set(),
      blocked: new Set(),
    };
    this.#lanes.set(queue, lane);
    return lane;
  }

  #block(lane: Lane, taker: Taker): void {
    lane.blocked.add(taker);
    this.#blocked.add(lane);
    this.#weigh(lane);
  }

  /** Whoever is blocked may be asked for again, after those who have not been. */
  #unblock(lane: Lane): void {
    for (const taker of lane.blocked) lane.ready.add(taker);
    lane.blocked.clear();
    this.#blocked.delete(lane);
    this.#weigh(lane);
  }

  #weigh(lane: Lane): void {
    if (lane.mayHoldWork && lane.ready.size > 0) this.#takeable.add(lane);
    else this.#takeable.delete(lane);
  }
}
