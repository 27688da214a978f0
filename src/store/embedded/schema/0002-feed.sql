-- The feed: one row for each transaction, with its events as a JSON list.

CREATE TABLE feed (
  -- The position of the first event.
  first INTEGER PRIMARY KEY,
  -- The position of the last event.
  last INTEGER NOT NULL,
  -- The run that all of the events are of; NULL if there is no such run.
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
