import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Event } from "../../../core/event.ts";
import type { KeptTransaction } from "../../../core/loaded.ts";
import { metaNumber } from "../meta.ts";
import { eventsOfBody, feedBodyOf } from "../rows/feed-body.ts";

/**
 * The feed, as the one who writes sees it: gives positions, one after the other, to what is committed, and
 * removes what need not be kept.
 */
export class FeedTable {
  readonly #database: DatabaseSync;
  readonly #sql: ReturnType<typeof prepare>;
  #head = 0;
  #oldest = 0;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#sql = prepare(database);
    this.clear();
  }

  /** The position of the last event that was added. */
  get head(): number {
    return this.#head;
  }

  /** The position behind which everything is kept. */
  get oldest(): number {
    return this.#oldest;
  }

  /** Adds the events of one transaction; answers the position of the last, or undefined for none. */
  append(events: readonly Event[]): number | undefined {
    if (events.length === 0) return undefined;
    const first = this.#head + 1;
    this.#head += events.length;
    const runs = runsOf(events);
    const run = runs.length === 1 ? (runs[0] ?? null) : null;
    this.#sql.insert.run(first, this.#head, run, feedBodyOf(events));
    if (runs.length > 1) this.#sql.insertRuns.run(first, JSON.stringify(runs));
    return this.#head;
  }

  /** The oldest transactions that are kept, in order. The time is the first thing in a body. */
  first(limit: number): readonly KeptTransaction[] {
    return this.#sql.first.all(limit) as unknown as readonly KeptTransaction[];
  }

  /** Removes the transactions up to a position, where one ends. */
  trim(through: number): void {
    // The rows of a transaction in feed_runs are found by their runs.
    for (const row of this.#sql.shared.all(through)) {
      const runs = runsOf(eventsOfBody(row["body"] as string));
      if (runs.length > 1) this.#sql.deleteRuns.run(row["first"] as number, JSON.stringify(runs));
    }
    this.#sql.delete.run(through);
    this.#oldest = through;
    this.#sql.putOldest.run(String(through));
  }

  /** Goes back to what the database says. */
  clear(): void {
    this.#oldest = metaNumber(this.#database, "feed_oldest");
    const last = this.#sql.last.get()?.["last"];
    this.#head = typeof last === "number" ? last : this.#oldest;
  }
}

function prepare(database: DatabaseSync) {
  const sql = (text: string): StatementSync => database.prepare(text);
  return {
    last: sql("SELECT last FROM feed ORDER BY first DESC LIMIT 1"),
    first: sql(
      "SELECT last, CAST(substr(body, 3, 16) AS INTEGER) AS timeMs FROM feed ORDER BY first LIMIT ?",
    ),
    insert: sql("INSERT INTO feed (first, last, run, body) VALUES (?, ?, ?, ?)"),
    insertRuns: sql("INSERT INTO feed_runs (run, first) SELECT value, ? FROM json_each(?) WHERE true"),
    shared: sql("SELECT first, body FROM feed WHERE first <= ? AND run IS NULL"),
    delete: sql("DELETE FROM feed WHERE first <= ?"),
    deleteRuns: sql("DELETE FROM feed_runs WHERE first = ? AND run IN (SELECT value FROM json_each(?))"),
    putOldest: sql("UPDATE meta SET value = ? WHERE name = 'feed_oldest'"),
  };
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
