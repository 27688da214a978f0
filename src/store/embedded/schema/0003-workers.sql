-- Ops, the sessions of workers, and the answers that repeated requests get.

CREATE TABLE ops (
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  create_ms INTEGER NOT NULL,
  content TEXT NOT NULL,
  PRIMARY KEY (namespace, name, version)
) STRICT;

CREATE TABLE sessions (
  id TEXT NOT NULL PRIMARY KEY,
  namespace TEXT NOT NULL,
  worker_id TEXT NOT NULL,
  incarnation TEXT NOT NULL,
  state TEXT NOT NULL,
  is_draining INTEGER NOT NULL,
  attach_ms INTEGER NOT NULL,
  lease_end_ms INTEGER NOT NULL,
  ops TEXT NOT NULL,
  labels TEXT NOT NULL
) STRICT;

CREATE INDEX sessions_by_worker ON sessions (namespace, worker_id);
CREATE INDEX sessions_due ON sessions (lease_end_ms, id);

CREATE TABLE answers (
  key TEXT NOT NULL PRIMARY KEY,
  digest TEXT NOT NULL,
  time_ms INTEGER NOT NULL,
  answer TEXT NOT NULL
) STRICT;

CREATE INDEX answers_by_time ON answers (time_ms, key);
