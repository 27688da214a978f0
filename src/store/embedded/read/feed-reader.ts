import type { Position, Transaction } from "../../../core/event.ts";
import type { FeedPage, FeedQuery } from "../../store.ts";
import { eventsOfBody } from "../rows/feed-body.ts";
import type { Statements } from "./statements.ts";

interface FeedRow {
  readonly first: number;
  readonly last: number;
  readonly body: string;
}

/** The transaction that has the position may have events behind it: it is looked at too. */
const afterSql = `SELECT first, last, body FROM feed
  WHERE first >= ifnull((SELECT first FROM feed WHERE first <= ?1 ORDER BY first DESC LIMIT 1), 0)
    AND last > ?1
  ORDER BY first`;

const ofRunSql = `SELECT first, last, body FROM feed WHERE run = ? AND first > ?
  UNION ALL
  SELECT feed_runs.first, feed.last, feed.body FROM feed_runs CROSS JOIN feed ON feed.first = feed_runs.first
    WHERE feed_runs.run = ? AND feed_runs.first > ?
  ORDER BY first`;

/** Reads the feed up to a head that is known to be durable. */
export class FeedReader {
  readonly #statements: Statements;

  constructor(statements: Statements) {
    this.#statements = statements;
  }

  /** The position behind which everything is kept. */
  oldest(): Position {
    const oldest = this.#statements.get<{ value: string }>(
      "SELECT value FROM meta WHERE name = 'feed_oldest'",
    );
    return BigInt(oldest?.value ?? 0) as Position;
  }

  /** A part of the feed; nothing behind `head` is looked at. */
  read({ after, run, eventsMax, bytesMax }: FeedQuery, head: number): FeedPage {
    const from = Number(after);
    const rows =
      run === undefined
        ? this.#statements.each<FeedRow>(afterSql, from)
        : this.#statements.each<FeedRow>(ofRunSql, run, from, run, from);
    const transactions: Transaction[] = [];
    let eventCount = 0;
    let bytes = 0;
    let through = Math.max(from, head);
    for (const { first, last, body } of rows) {
      if (last > head) break;
      transactions.push({ first: BigInt(first) as Position, events: eventsOfBody(body) });
      eventCount += last - first + 1;
      bytes += body.length;
      if (eventCount < eventsMax && bytes < bytesMax) continue;
      through = last;
      break;
    }
    return { transactions, through: BigInt(through) as Position, atHead: through >= head };
  }
}
