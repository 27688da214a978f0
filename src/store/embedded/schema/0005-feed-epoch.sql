-- What of the feed is kept, which epoch of it this is, and what subscriptions have missed.

ALTER TABLE subscriptions ADD COLUMN missed_count INTEGER NOT NULL DEFAULT 0;

-- The epochs that this feed comes from, the first one first: what it has of each.
CREATE TABLE feed_ancestors (
  sequence INTEGER PRIMARY KEY,
  feed_id TEXT NOT NULL,
  -- The last position that both have in common.
  through INTEGER NOT NULL
) STRICT;

-- feed_oldest: the position behind which everything is kept. epoch_base: leases get epochs above it.
-- feed_time_ms: when the epoch began; a feed that is there already began with its first event, whose time
-- is the first thing in its body.
INSERT INTO meta (name, value) VALUES ('feed_oldest', '0'), ('epoch_base', '0');
INSERT INTO meta (name, value)
  SELECT 'feed_time_ms', CAST(CAST(substr(body, 3, 16) AS INTEGER) AS TEXT) FROM feed ORDER BY first LIMIT 1;
