-- What a task asks of its worker, ops with several versions, limits with their counters, and subscriptions.
-- What most rows do not have is NULL, and no index of the rows of a plain task has an entry more.

ALTER TABLE runs ADD COLUMN op TEXT;
ALTER TABLE runs ADD COLUMN op_version INTEGER;
ALTER TABLE runs ADD COLUMN image TEXT;
ALTER TABLE runs ADD COLUMN delivery TEXT;
-- NULL if that is the last of start_ms, end_ms and create_ms.
ALTER TABLE runs ADD COLUMN update_ms INTEGER;

ALTER TABLE actions ADD COLUMN device_indexes TEXT;
ALTER TABLE actions ADD COLUMN holds TEXT;
ALTER TABLE actions ADD COLUMN parked_on TEXT;
ALTER TABLE actions ADD COLUMN attempt_inputs TEXT;
-- While a task stands in a queue: the digest of what it asks of its worker, '' for nothing.
ALTER TABLE actions ADD COLUMN queue_shape TEXT;
-- The version of a registered op, until the task has ended.
ALTER TABLE actions ADD COLUMN live_version INTEGER;
-- PAUSED or ENDED for a condition, from when it is open.
ALTER TABLE actions ADD COLUMN condition_state TEXT;

ALTER TABLE attempts ADD COLUMN inputs TEXT;
ALTER TABLE attempts ADD COLUMN device_indexes TEXT;

-- When a version was made; create_ms is from here on that of the first one.
ALTER TABLE ops ADD COLUMN update_ms INTEGER NOT NULL DEFAULT 0;
-- A name of the caller's own, '' for none.
ALTER TABLE ops ADD COLUMN version_name TEXT NOT NULL DEFAULT '';
CREATE INDEX ops_named ON ops (namespace, name, version_name, version) WHERE version_name <> '';

-- The highest version that an op has ever had: it stays when the op is deleted.
CREATE TABLE op_names (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  last_version INTEGER NOT NULL,
  PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN capacity TEXT;
ALTER TABLE sessions ADD COLUMN taints TEXT;
ALTER TABLE sessions ADD COLUMN shared_namespaces TEXT;
ALTER TABLE sessions ADD COLUMN reserved TEXT;

CREATE TABLE limits (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  update_ms INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- How much of a limit is in use, for each value of its label.
CREATE TABLE counters (
  key TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL,
  limit_name TEXT NOT NULL,
  value TEXT NOT NULL,
  held_count INTEGER NOT NULL,
  full_ms REAL NOT NULL,
  due_ms REAL
) STRICT, WITHOUT ROWID;

CREATE INDEX counters_of_limit ON counters (namespace, limit_name, key);
CREATE INDEX counters_due ON counters (due_ms, key) WHERE due_ms IS NOT NULL;

CREATE TABLE subscriptions (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  create_ms INTEGER NOT NULL,
  through INTEGER NOT NULL,
  dead_letter_count INTEGER NOT NULL,
  -- What is dealt with beyond `through`, as a list of ranges; NULL for nothing.
  ahead TEXT,
  content TEXT NOT NULL,
  PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

-- Events that could not be delivered and were set aside.
CREATE TABLE dead_letters (
  namespace TEXT NOT NULL,
  subscription TEXT NOT NULL,
  position INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  cause TEXT NOT NULL,
  PRIMARY KEY (namespace, subscription, position)
) STRICT, WITHOUT ROWID;

-- What is there already gets what it would have got.

DROP INDEX actions_queued;
DROP INDEX conditions_of_run;
DROP INDEX conditions_open;
DROP INDEX conditions_open_by_namespace;
DROP INDEX conditions_by_time;
DROP INDEX conditions_by_namespace;

UPDATE runs SET (op, op_version) = (
  SELECT actions.op, nullif(json_extract(coalesce(actions.spec, large_specs.spec), '$.opVersion'), 0)
  FROM actions LEFT JOIN large_specs USING (run, name)
  WHERE actions.run = runs.key AND actions.name = 'main'
) WHERE is_single = 1;

UPDATE actions SET
  spec = json_set(spec, '$.retry.manual', json('false')),
  queue_shape = CASE WHEN state = 'QUEUED' THEN '' END,
  live_version = CASE WHEN state IN ('PENDING', 'QUEUED', 'ASSIGNED', 'RUNNING')
    THEN nullif(json_extract(spec, '$.opVersion'), 0) END
WHERE kind = 'task';

UPDATE actions SET condition_state = CASE state WHEN 'PAUSED' THEN 'PAUSED' ELSE 'ENDED' END
WHERE kind = 'condition' AND state <> 'PENDING';

UPDATE large_specs SET spec = json_set(spec, '$.retry.manual', json('false'))
WHERE json_type(spec, '$.retry') = 'object';

UPDATE actions SET live_version = (
  SELECT nullif(json_extract(large_specs.spec, '$.opVersion'), 0) FROM large_specs
  WHERE large_specs.run = actions.run AND large_specs.name = actions.name
) WHERE kind = 'task' AND spec IS NULL AND state IN ('PENDING', 'QUEUED', 'ASSIGNED', 'RUNNING');

-- What an index is about stands in columns that change only when it does: a step of a task that moves none
-- of them touches no index.

CREATE INDEX actions_queued ON actions (namespace, op, queue_shape, priority DESC, age_ms, run, name)
  WHERE queue_shape IS NOT NULL;
CREATE INDEX actions_parked ON actions (parked_on, priority DESC, age_ms, run, name)
  WHERE parked_on IS NOT NULL;
CREATE INDEX actions_live ON actions (namespace, op, live_version, run, name) WHERE live_version IS NOT NULL;
CREATE INDEX conditions_of_run ON actions (run, create_ms, name) WHERE condition_state IS NOT NULL;
CREATE INDEX conditions_open ON actions (create_ms, run, name) WHERE condition_state = 'PAUSED';
CREATE INDEX conditions_open_by_namespace ON actions (namespace, create_ms, run, name)
  WHERE condition_state = 'PAUSED';
CREATE INDEX conditions_by_time ON actions (create_ms, run, name) WHERE condition_state IS NOT NULL;
CREATE INDEX conditions_by_namespace ON actions (namespace, create_ms, run, name)
  WHERE condition_state IS NOT NULL;

INSERT INTO op_names SELECT namespace, name, max(version) FROM ops GROUP BY namespace, name;
UPDATE ops SET update_ms = create_ms, content = json_insert(content, '$.versionName', '',
  '$.inputs', json('{"specs":{},"allowExtra":true}'), '$.outputs', json('{}'), '$.image', '', '$.handler', '');
UPDATE ops SET create_ms = (
  SELECT min(first.update_ms) FROM ops AS first
  WHERE first.namespace = ops.namespace AND first.name = ops.name
);

-- Answers that a repeated request gets hold rows as they stood then.
UPDATE answers SET answer = json_insert(answer, '$.run.op', '', '$.run.opVersion', 0, '$.run.image', '',
  '$.run.updateTimeMs', json_extract(answer, '$.run.createTimeMs'))
WHERE json_type(answer, '$.run') = 'object';
UPDATE answers SET answer = json_insert(answer,
  '$.action.deviceIndexes', json('[]'), '$.action.holds', json('[]'))
WHERE json_type(answer, '$.action') = 'object';
UPDATE answers SET answer = json_insert(answer, '$.op.versionName', '', '$.op.outputs', json('{}'),
  '$.op.inputs', json('{"specs":{},"allowExtra":true}'), '$.op.image', '', '$.op.handler', '',
  '$.op.updateTimeMs', json_extract(answer, '$.op.createTimeMs'))
WHERE json_type(answer, '$.op') = 'object';
UPDATE answers SET answer = json_insert(answer, '$.session.capacity', json('{"devices":[]}'),
  '$.session.taints', json('[]'), '$.session.sharedNamespaces', json('[]'),
  '$.session.reserved', json('{"cpuMilli":0,"ramMb":0,"devices":[]}'))
WHERE json_type(answer, '$.session') = 'object';
