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
  /** Those with credit; who was served longest ago comes first. */
  readonly ready: Set<Taker>;
}

/**
 * Knows which queues may hold work and who could take it. A queue has a lane while somebody here takes from
 * it, so memory is bounded by the open sessions and their ops; a lane begins as one that may hold work, since
 * nothing is known of the time before it.
 */
export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #lanesByTaker = new Map<Taker, readonly Lane[]>();
  /** Lanes that may hold work and have somebody ready; who was looked at longest ago comes first. */
  readonly #takeable = new Set<Lane>();
  #onTakeable: () => void = () => undefined;

  /** Names what is called when work may wait for somebody who is ready: often, so that it must be quick. */
  whenTakeable(callback: () => void): void {
    this.#onTakeable = callback;
  }

  /** How many takers a queue has. */
  takerCount(queue: string): number {
    return this.#lanes.get(queue)?.takers.size ?? 0;
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
      if (lane.ready.size === 0) this.#takeable.delete(lane);
      if (lane.takers.size === 0) this.#lanes.delete(lane.queue);
    }
    this.#lanesByTaker.delete(taker);
  }

  /** Looks at the taker's credit, which has changed. */
  credited(taker: Taker): void {
    const isReady = taker.credit > 0;
    for (const lane of this.#lanesByTaker.get(taker) ?? []) {
      if (isReady) lane.ready.add(taker);
      else lane.ready.delete(taker);
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
    this.#weigh(lane);
    if (lane.ready.size > 0) this.#onTakeable();
  }

  /** Nothing is known for sure any more: every queue may hold work. */
  markAll(): void {
    for (const queue of this.#lanes.keys()) this.mark(queue);
  }

  /** Those to ask the store for, in turn; what is queued from here on marks its lane again. */
  pick(countMax: number): readonly Taker[] {
    const picked = new Set<Taker>();
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

  /** The store found these queues empty when it was asked. */
  foundEmpty(queues: Iterable<string>): void {
    for (const queue of queues) {
      const lane = this.#lanes.get(queue);
      if (lane === undefined || lane.wasMarked) continue;
      lane.mayHoldWork = false;
      this.#weigh(lane);
    }
  }

  /** The queues that a taker takes from. */
  queuesOf(taker: Taker): readonly string[] {
    return (this.#lanesByTaker.get(taker) ?? []).map((lane) => lane.queue);
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
    };
    this.#lanes.set(queue, lane);
    return lane;
  }

  #weigh(lane: Lane): void {
    if (lane.mayHoldWork && lane.ready.size > 0) this.#takeable.add(lane);
    else this.#takeable.delete(lane);
  }
}
