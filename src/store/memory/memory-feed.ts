import { type Event, lastPosition, type Position, type Transaction } from "../../core/event.ts";
import type { KeptTransaction } from "../../core/loaded.ts";
import type { RunKey } from "../../core/name.ts";
import type { FeedPage, FeedQuery } from "../store.ts";

/** The feed as a list of its transactions. */
export class MemoryFeed {
  readonly transactions: Transaction[] = [];
  head = 0n as Position;
  /** Everything behind this position is kept. */
  oldest = 0n as Position;

  /** The oldest transactions that are kept, in order. */
  first(limit: number): readonly KeptTransaction[] {
    return this.transactions.slice(0, limit).map((transaction) => ({
      last: Number(lastPosition(transaction)),
      timeMs: transaction.events[0]?.timeMs ?? 0,
    }));
  }

  /** Adds the events of one transaction; answers the position of the last, or undefined for none. */
  append(events: readonly Event[]): Position | undefined {
    if (events.length === 0) return undefined;
    this.transactions.push({ first: (this.head + 1n) as Position, events });
    this.head = (this.head + BigInt(events.length)) as Position;
    return this.head;
  }

  /** Removes the transactions up to a position, where one ends. */
  trim(through: Position): void {
    this.transactions.splice(0, this.#indexBehind(through));
    this.oldest = through;
  }

  read({ after, run, eventsMax, bytesMax }: FeedQuery): FeedPage {
    const transactions: Transaction[] = [];
    let eventCount = 0;
    let bytes = 0;
    for (let index = this.#indexBehind(after); index < this.transactions.length; index += 1) {
      const transaction = this.transactions[index] as Transaction;
      if (run !== undefined && !isOfRun(transaction, run)) continue;
      transactions.push(transaction);
      eventCount += transaction.events.length;
      bytes += JSON.stringify(transaction.events).length;
      if (eventCount < eventsMax && bytes < bytesMax) continue;
      const through = lastPosition(transaction);
      return { transactions, through, atHead: through >= this.head };
    }
    return { transactions, through: after > this.head ? after : this.head, atHead: true };
  }

  /** The index of the first transaction with an event behind a position. */
  #indexBehind(after: Position): number {
    let low = 0;
    let high = this.transactions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (lastPosition(this.transactions[middle] as Transaction) <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isOfRun(transaction: Transaction, run: RunKey): boolean {
  return transaction.events.some(
    (event) => event.runId !== "" && `${event.namespace}/${event.runId}` === run,
  );
}
