-- What people and systems decide: who created a run, where a condition stands, and what waits beside it. A
-- plain condition has none of it, and fewer entries in indexes than before.

-- NULL for nobody who said a name: `anonymous`.
ALTER TABLE runs ADD COLUMN created_by TEXT;
-- NULL for none.
ALTER TABLE runs ADD COLUMN rerun_of TEXT;

ALTER TABLE actions ADD COLUMN standing TEXT;
ALTER TABLE actions ADD COLUMN recovered_from TEXT;
-- Of conditions, what lists look for; it stands in `standing` and `spec` too. NULL for nobody, never, none.
ALTER TABLE actions ADD COLUMN assignee TEXT;
ALTER TABLE actions ADD COLUMN deadline_ms INTEGER;
ALTER TABLE actions ADD COLUMN snooze_end_ms INTEGER;
ALTER TABLE actions ADD COLUMN correlation_key TEXT;

-- Who sent the signal, with signalled_by in it; NULL in rows from before: `anonymous`.
ALTER TABLE kept_signals ADD COLUMN answerer TEXT;

-- Signals that came for a correlation key before a condition with it was open.
CREATE TABLE keyed_signals (
  namespace TEXT NOT NULL,
  correlation_key TEXT NOT NULL,
  value TEXT NOT NULL,
  answerer TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  expire_ms INTEGER NOT NULL,
  PRIMARY KEY (namespace, correlation_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX keyed_signals_due ON keyed_signals (expire_ms, namespace, correlation_key);

-- Posts of conditions' webhooks that were neither taken nor given up.
CREATE TABLE posts (
  key TEXT NOT NULL PRIMARY KEY,
  run TEXT NOT NULL,
  action TEXT NOT NULL,
  instance INTEGER NOT NULL,
  about TEXT NOT NULL,
  step INTEGER NOT NULL,
  create_ms INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,
  delivery_count INTEGER NOT NULL,
  cause TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX posts_due ON posts (due_ms, key);

-- What is there already gets what it would have got.

UPDATE actions SET deadline_ms = queue_ms + json_extract(coalesce(spec, (
  SELECT large.spec FROM large_specs AS large WHERE large.run = actions.run AND large.name = actions.name
)), '$.timeoutMs')
WHERE condition_state IS NOT NULL AND queue_ms IS NOT NULL;

UPDATE answers SET answer = json_insert(answer, '$.run.createdBy', 'anonymous', '$.run.rerunOf', '')
WHERE json_type(answer, '$.run') = 'object';

-- Open conditions and ended ones are apart: a list of both merges them.
DROP INDEX conditions_by_time;
DROP INDEX conditions_by_namespace;
CREATE INDEX conditions_ended ON actions (create_ms, run, name) WHERE condition_state = 'ENDED';
CREATE INDEX conditions_ended_by_namespace ON actions (namespace, create_ms, run, name)
  WHERE condition_state = 'ENDED';

-- By deadline, those without one behind all others.
CREATE INDEX conditions_due ON actions (deadline_ms, run, name)
  WHERE condition_state = 'PAUSED' AND deadline_ms IS NOT NULL;
CREATE INDEX conditions_due_by_namespace ON actions (namespace, deadline_ms, run, name)
  WHERE condition_state = 'PAUSED' AND deadline_ms IS NOT NULL;
CREATE INDEX conditions_never_due ON actions (run, name)
  WHERE condition_state = 'PAUSED' AND deadline_ms IS NULL;

CREATE INDEX conditions_assigned ON actions (assignee, create_ms, run, name)
  WHERE condition_state = 'PAUSED' AND assignee IS NOT NULL;
CREATE INDEX conditions_assigned_due ON actions (assignee, deadline_ms, run, name)
  WHERE condition_state = 'PAUSED' AND assignee IS NOT NULL;

CREATE INDEX conditions_keyed ON actions (correlation_key, create_ms, run, name)
  WHERE condition_state IS NOT NULL AND correlation_key IS NOT NULL;
CREATE INDEX conditions_open_by_key ON actions (namespace, correlation_key, run, name)
  WHERE condition_state = 'PAUSED' AND correlation_key IS NOT NULL;
