-- The one leader: a commit made under an older epoch than this one is refused.
CREATE TABLE leader (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    url TEXT NOT NULL,
    taken_at INTEGER NOT NULL
) STRICT;

-- The last numbers given: they survive the rows that bore them.
CREATE TABLE counters (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    last_change INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    last_claim INTEGER NOT NULL
) STRICT;

INSERT INTO leader VALUES (1, 0, '', '', 0);

INSERT INTO counters VALUES (1, 0, 0, 0);

-- Instants are microseconds since 1970 in UTC. Ids are the 16 bytes of a UUID.
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL CHECK (length(id) = 16),
    job TEXT NOT NULL,
    location TEXT NOT NULL,
    deployment TEXT NOT NULL,
    deployment_kind TEXT NOT NULL CHECK (deployment_kind IN ('FULL', 'BRANCH')),
    priority INTEGER NOT NULL,
    -- JSON: {"key": "value"}
    tags TEXT NOT NULL,
    -- JSON: {"roots": [[{"pool": slots}, count]], "has_pool_free_root": bool, "all": ["pool"]};
    -- none for a run without pools
    pools TEXT,
    plan_hash BLOB NOT NULL CHECK (length(plan_hash) = 32),
    config TEXT NOT NULL,
    -- From here on what changes while the run lives.
    status TEXT NOT NULL,
    attempt INTEGER,
    is_held INTEGER NOT NULL CHECK (is_held IN (0, 1)),
    token BLOB CHECK (length(token) = 32),
    nonce BLOB CHECK (length(nonce) = 16),
    is_first_pass_done INTEGER NOT NULL CHECK (is_first_pass_done IN (0, 1)),
    is_suspect INTEGER NOT NULL CHECK (is_suspect IN (0, 1)),
    last_report INTEGER NOT NULL,
    location_retries INTEGER NOT NULL,
    lost_starts INTEGER NOT NULL,
    cancel TEXT,
    failure_reason TEXT,
    failure_message TEXT,
    submitted_at INTEGER NOT NULL,
    starting_at INTEGER,
    started_at INTEGER,
    canceling_at INTEGER,
    ended_at INTEGER,
    event_count INTEGER NOT NULL,
    CHECK ((failure_reason IS NULL) = (failure_message IS NULL))
) STRICT;

CREATE UNIQUE INDEX runs_by_id ON runs (id);

CREATE INDEX runs_by_status ON runs (status, seq);

CREATE INDEX runs_in_queue ON runs (priority DESC, seq)
WHERE status = 'QUEUED';

CREATE INDEX runs_by_job ON runs (job, seq);

CREATE INDEX runs_by_end ON runs (ended_at)
WHERE ended_at IS NOT NULL;

-- Terminal is final, whatever the program does.
CREATE TRIGGER runs_terminal_is_final BEFORE UPDATE OF status ON runs
WHEN OLD.status IN ('SUCCESS', 'FAILURE', 'CANCELED') AND NEW.status <> OLD.status
BEGIN
    SELECT RAISE(ABORT, 'a run that has ended cannot change its status');
END;

CREATE TABLE run_tags (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (key, value, run)
) STRICT, WITHOUT ROWID;

CREATE TABLE plans (
    hash BLOB PRIMARY KEY,
    plan TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys outlive their runs: within the time of retention a key means the run that it meant.
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    run_id BLOB NOT NULL CHECK (length(run_id) = 16),
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_by_age ON idempotency (at);

CREATE TABLE steps (
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    position INTEGER NOT NULL,
    status TEXT NOT NULL,
    try_number INTEGER NOT NULL,
    waiting_since INTEGER,
    started_at INTEGER,
    ended_at INTEGER,
    retry_at INTEGER,
    error TEXT,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE claims (
    run INTEGER NOT NULL,
    step TEXT NOT NULL,
    -- JSON: {"pool": slots}
    demand TEXT NOT NULL,
    priority INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'GRANTED')),
    PRIMARY KEY (run, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE pool_limits (
    pool TEXT PRIMARY KEY,
    slots INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pauses (
    location TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only; retention takes whole beginnings away.
CREATE TABLE events (
    change INTEGER PRIMARY KEY,
    -- The sequence number of the run, while its record exists.
    run INTEGER,
    -- The id of the run, if this event tells that its record was deleted.
    deleted_run BLOB CHECK (length(deleted_run) = 16),
    number INTEGER,
    at INTEGER NOT NULL,
    attempt INTEGER,
    step TEXT,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    CHECK (run IS NULL OR deleted_run IS NULL),
    CHECK ((number IS NULL) = (run IS NULL AND deleted_run IS NULL)),
    -- Of a run whose record does not exist nothing else can be told.
    CHECK (deleted_run IS NULL OR kind = 'RUN_DELETED')
) STRICT;

CREATE UNIQUE INDEX events_by_run ON events (run, number)
WHERE run IS NOT NULL;

CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'an event cannot be changed');
END;
