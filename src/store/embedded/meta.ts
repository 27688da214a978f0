import { randomBytes, randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { epochsPerRestore, feedAncestorsMax } from "../../limits.ts";
import type { FeedAncestor, FeedOrigin } from "../store.ts";

/** What a feed is called, and where it comes from. */
export interface FeedIdentity {
  readonly feedId: string;
  readonly origin: FeedOrigin;
}

/** A number among the facts of the store itself; 0 for one that is not there. */
export function metaNumber(database: DatabaseSync, name: string): number {
  return Number(database.prepare("SELECT value FROM meta WHERE name = ?").get(name)?.["value"] ?? 0);
}

/** Sees to it that a database has a key for signing links: 32 bytes by chance, the same ever after. */
export function ensureLinkKey(database: DatabaseSync): void {
  database
    .prepare("INSERT INTO meta (name, value) VALUES ('link_key', ?) ON CONFLICT (name) DO NOTHING")
    .run(randomBytes(32).toString("hex"));
}

/**
 * The identity of the feed in a database: made by chance when it is first asked for, the same ever after,
 * until `beginEpoch`.
 */
export function feedIdentityOf(database: DatabaseSync, nowMs: number): FeedIdentity {
  const begin = database.prepare(
    "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
  );
  begin.run("feed_id", randomUUID());
  begin.run("feed_time_ms", String(nowMs));
  const ancestors = database
    .prepare("SELECT feed_id AS feedId, through FROM feed_ancestors ORDER BY sequence")
    .all() as unknown as readonly { readonly feedId: string; readonly through: number }[];
  return {
    feedId: String(database.prepare("SELECT value FROM meta WHERE name = 'feed_id'").get()?.["value"]),
    origin: {
      timeMs: metaNumber(database, "feed_time_ms"),
      ancestors: ancestors.map(
        ({ feedId, through }) => ({ feedId, through: BigInt(through) }) as FeedAncestor,
      ),
    },
  };
}

/**
 * Begins a new epoch of the feed in a database that was put back to an earlier state: another name, that of
 * the one before among its ancestors, and leases with epochs that were never given. Within a transaction.
 */
export function beginEpoch(database: DatabaseSync, head: number, nowMs: number): FeedIdentity {
  const { feedId } = feedIdentityOf(database, nowMs);
  database.prepare("INSERT INTO feed_ancestors (feed_id, through) VALUES (?, ?)").run(feedId, head);
  database
    .prepare(
      `DELETE FROM feed_ancestors
        WHERE sequence NOT IN (SELECT sequence FROM feed_ancestors ORDER BY sequence DESC LIMIT ?)`,
    )
    .run(feedAncestorsMax);
  // The same backup may be put back twice: the time tells the leases of the one from those of the other.
  const epochBase = Math.max(metaNumber(database, "epoch_base") + epochsPerRestore, nowMs);
  const put = database.prepare(
    "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
  );
  put.run("feed_id", randomUUID());
  put.run("feed_time_ms", String(nowMs));
  put.run("epoch_base", String(epochBase));
  return feedIdentityOf(database, nowMs);
}
