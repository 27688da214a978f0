-- Runs and what they consist of. Times are milliseconds since 1970; texts that begin with { or [ are JSON.
-- Columns stand in the order of their use: what lists look at comes before what may be large.

CREATE TABLE runs (
  key TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL,
  create_ms INTEGER NOT NULL,
  is_single INTEGER NOT NULL,
  timeout_ms INTEGER,
  deadline_ms INTEGER,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL,
  start_ms INTEGER,
  end_ms INTEGER,
  due_ms INTEGER,
  paused_condition_count INTEGER NOT NULL,
  action_count INTEGER NOT NULL,
  ended_action_count INTEGER NOT NULL,
  worst TEXT,
  cancel_requested INTEGER NOT NULL,
  cancel_cause TEXT NOT NULL,
  timed_out INTEGER NOT NULL,
  retry_count INTEGER NOT NULL,
  kept_signal_count INTEGER NOT NULL,
  labels TEXT NOT NULL,
  error TEXT,
  outputs TEXT
) STRICT;

CREATE INDEX runs_by_time ON runs (create_ms, key);
CREATE INDEX runs_by_namespace ON runs (namespace, create_ms, key);
CREATE INDEX runs_paused ON runs (create_ms, key) WHERE paused_condition_count > 0;
CREATE INDEX runs_paused_by_namespace ON runs (namespace, create_ms, key) WHERE paused_condition_count > 0;
CREATE INDEX runs_due ON runs (due_ms, key) WHERE due_ms IS NOT NULL;

CREATE TABLE actions (
  run TEXT NOT NULL,
  name TEXT NOT NULL,
  namespace TEXT NOT NULL,
  parent TEXT NOT NULL,
  kind TEXT NOT NULL,
  op TEXT,
  create_ms INTEGER NOT NULL,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL,
  age_ms INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  attempt_base INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  session_id TEXT,
  worker_id TEXT,
  report_sequence INTEGER NOT NULL,
  waiting_count INTEGER NOT NULL,
  queue_ms INTEGER,
  assign_ms INTEGER,
  start_ms INTEGER,
  end_ms INTEGER,
  retry_ms INTEGER,
  beat_ms INTEGER,
  cancel_ms INTEGER,
  cancel_cause TEXT NOT NULL,
  due_ms INTEGER,
  progress_percent REAL NOT NULL,
  progress_message TEXT NOT NULL,
  outcome TEXT,
  signalled_by TEXT NOT NULL,
  is_stale INTEGER NOT NULL,
  child_count INTEGER NOT NULL,
  parent_attempt INTEGER NOT NULL,
  error TEXT,
  outputs TEXT,
  -- NULL if it is so large that it has a row of its own in large_specs.
  spec TEXT,
  PRIMARY KEY (run, name)
) STRICT;

CREATE INDEX actions_queued ON actions (namespace, op, priority DESC, age_ms, run, name)
  WHERE state = 'QUEUED';
CREATE INDEX actions_due ON actions (due_ms, run, name) WHERE due_ms IS NOT NULL;
CREATE INDEX actions_held ON actions (session_id, run, name) WHERE session_id IS NOT NULL;
CREATE INDEX actions_children ON actions (run, parent, name) WHERE parent <> '';
-- A condition is listed from when it is open.
CREATE INDEX conditions_of_run ON actions (run, create_ms, name)
  WHERE kind = 'condition' AND state <> 'PENDING';
CREATE INDEX conditions_open ON actions (create_ms, run, name) WHERE kind = 'condition' AND state = 'PAUSED';
CREATE INDEX conditions_open_by_namespace ON actions (namespace, create_ms, run, name)
  WHERE kind = 'condition' AND state = 'PAUSED';
CREATE INDEX conditions_by_time ON actions (create_ms, run, name)
  WHERE kind = 'condition' AND state <> 'PENDING';
CREATE INDEX conditions_by_namespace ON actions (namespace, create_ms, run, name)
  WHERE kind = 'condition' AND state <> 'PENDING';

-- A spec never changes: a large one is kept out of the row that is written again with every step.
CREATE TABLE large_specs (
  run TEXT NOT NULL,
  name TEXT NOT NULL,
  spec TEXT NOT NULL,
  PRIMARY KEY (run, name)
) STRICT;

CREATE TABLE edges (
  run TEXT NOT NULL,
  from_name TEXT NOT NULL,
  to_name TEXT NOT NULL,
  PRIMARY KEY (run, from_name, to_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
  run TEXT NOT NULL,
  action TEXT NOT NULL,
  number INTEGER NOT NULL,
  state TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  worker_id TEXT,
  assign_ms INTEGER,
  start_ms INTEGER,
  end_ms INTEGER,
  progress_percent REAL NOT NULL,
  progress_message TEXT NOT NULL,
  error TEXT,
  outputs TEXT,
  PRIMARY KEY (run, action, number)
) STRICT;

CREATE TABLE kept_signals (
  run TEXT NOT NULL,
  action TEXT NOT NULL,
  value TEXT NOT NULL,
  signalled_by TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  PRIMARY KEY (run, action)
) STRICT;
