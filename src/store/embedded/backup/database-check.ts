import type { DatabaseSync } from "node:sqlite";
import { BackupError } from "./files.ts";

/** What a database holds, for whoever backs it up or puts it back. */
export interface DatabaseContents {
  readonly feedId: string;
  /** The position of the last event, 0 for none. */
  readonly head: number;
  /** When it was committed. */
  readonly lastEventTimeMs: number | undefined;
  readonly runCount: number;
  readonly liveRunCount: number;
  readonly subscriptionCount: number;
}

/** Throws BackupError unless SQLite finds a database whole; `quick` leaves out what indexes say. */
export function checkWhole(
  database: DatabaseSync,
  path: string,
  { isQuick }: { readonly isQuick: boolean },
): void {
  const faults = asked(path, () =>
    database.prepare(`PRAGMA ${isQuick ? "quick_check" : "integrity_check"}(10)`).all(),
  ).map((row) => String(Object.values(row)[0]));
  if (faults.length === 1 && faults[0] === "ok") return;
  throw new BackupError(`${path} is damaged: ${faults.join("; ")}`);
}

/** What a database holds. Throws BackupError if it is none of Signalbox. */
export function readContents(database: DatabaseSync, path: string): DatabaseContents {
  const isOurs = asked(path, () =>
    database
      .prepare(
        "SELECT count(*) AS count FROM sqlite_schema WHERE name IN " +
          "('schema_files', 'feed', 'meta', 'runs')",
      )
      .get(),
  );
  if (isOurs?.["count"] !== 4) throw new BackupError(`${path} is no database of Signalbox`);
  const one = (sql: string) => database.prepare(sql).get() ?? {};
  const { last = 0, timeMs } = one(
    "SELECT last, CAST(substr(body, 3, 16) AS INTEGER) AS timeMs FROM feed ORDER BY first DESC LIMIT 1",
  );
  const { oldest } = one("SELECT value AS oldest FROM meta WHERE name = 'feed_oldest'");
  const { feedId = "" } = one("SELECT value AS feedId FROM meta WHERE name = 'feed_id'");
  const count = (sql: string) => Number(one(`SELECT count(*) AS count FROM ${sql}`)["count"]);
  return {
    feedId: String(feedId),
    head: Math.max(Number(last), Number(oldest ?? 0)),
    lastEventTimeMs: typeof timeMs === "number" ? timeMs : undefined,
    runCount: count("runs"),
    liveRunCount: count("runs WHERE state IN ('QUEUED', 'RUNNING')"),
    subscriptionCount: count("subscriptions"),
  };
}

/** What must hold between rows, and what it is called when it does not. */
const facts = [
  {
    fault: "actions without their run",
    sql: "SELECT count(*) FROM actions WHERE NOT EXISTS (SELECT 1 FROM runs WHERE key = actions.run)",
  },
  {
    fault: "ended attempts without their action",
    sql: `SELECT count(*) FROM attempts WHERE NOT EXISTS
      (SELECT 1 FROM actions WHERE actions.run = attempts.run AND actions.name = attempts.action)`,
  },
  {
    fault: "events missing from the feed",
    sql: `SELECT ifnull(max(last), 0) - ifnull(sum(last - first + 1), 0)
      - CASE WHEN count(*) = 0 THEN 0
        ELSE (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'feed_oldest') END
      FROM feed`,
  },
  {
    fault: "subscriptions ahead of the feed",
    sql: `SELECT count(*) FROM subscriptions WHERE through > max(ifnull((SELECT max(last) FROM feed), 0),
      (SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'feed_oldest'))`,
  },
];

/** Throws BackupError unless the rows of a database, which has the newest schema, fit each other. */
export function checkFacts(database: DatabaseSync, path: string): void {
  for (const { fault, sql } of facts) {
    const count = Number(Object.values(database.prepare(sql).get() ?? {})[0]);
    if (count !== 0) throw new BackupError(`${path} does not fit together: ${count} ${fault}`);
  }
}

/** SQLite says of a file that it is no database only when it is asked something. */
function asked<T>(path: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw new BackupError(
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
