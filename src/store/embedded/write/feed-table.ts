import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Event } from "../../../core/event.ts";
import { feedBodyOf } from "../rows/feed-body.ts";

/** The feed, as the one who writes sees it: gives positions, one after the other, to what is committed. */
export class FeedTable {
  readonly #last: StatementSync;
  readonly #insert: StatementSync;
  readonly #insertRuns: StatementSync;
  #head = 0;

  constructor(database: DatabaseSync) {
    this.#last = database.prepare("SELECT last FROM feed ORDER BY first DESC LIMIT 1");
    this.#insert = database.prepare("INSERT INTO feed (first, last, run, body) VALUES (?, ?, ?, ?)");
    this.#insertRuns = database.prepare(
      "INSERT INTO feed_runs (run, first) SELECT value, ? FROM json_each(?) WHERE true",
    );
    this.clear();
  }

  /** The position of the last event that was added. */
  get head(): number {
    return this.#head;
  }

  /** Adds the events of one transaction; answers the position of the last, or undefined for none. */
  append(events: readonly Event[]): number | undefined {
    if (events.length === 0) return undefined;
    const first = this.#head + 1;
    this.#head += events.length;
    const runs = runsOf(events);
    const run = runs.length === 1 ? (runs[0] ?? null) : null;
    this.#insert.run(first, this.#head, run, feedBodyOf(events));
    if (runs.length > 1) this.#insertRuns.run(first, JSON.stringify(runs));
    return this.#head;
  }

  /** Goes back to what the database says. */
  clear(): void {
    const last = this.#last.get()?.["last"];
    this.#head = typeof last === "number" ? last : 0;
  }
}

/** The keys of the runs that events are of, each once. */
function runsOf(events: readonly Event[]): readonly string[] {
  const runs = new Set<string>();
  let previous: Event | undefined;
  for (const event of events) {
    const isAgain = event.runId === previous?.runId && event.namespace === previous.namespace;
    previous = event;
    if (event.runId !== "" && !isAgain) runs.add(`${event.namespace}/${event.runId}`);
  }
  return [...runs];
}
