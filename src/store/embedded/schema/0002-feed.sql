-- The feed: one row for each transaction; rows/feed-body.ts says what stands in its body.

CREATE TABLE feed (
  -- The position of the first event.
  first INTEGER PRIMARY KEY,
  -- The position of the last event.
  last INTEGER NOT NULL,
  -- The run that its events are of; NULL if they are of none, or of several: then feed_runs says of which.
  run TEXT,
  body TEXT NOT NULL
) STRICT;

CREATE INDEX feed_by_run ON feed (run, first) WHERE run IS NOT NULL;

-- The runs of transactions with events of several runs.
CREATE TABLE feed_runs (
  run TEXT NOT NULL,
  first INTEGER NOT NULL,
  PRIMARY KEY (run, first)
) STRICT, WITHOUT ROWID;

-- Facts of the store itself, among them the feed's id.
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
