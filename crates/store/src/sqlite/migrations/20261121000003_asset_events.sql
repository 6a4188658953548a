-- What code has told, and errors with their causes, as JSON. That of an event of an asset stands in
-- `asset_events`.
ALTER TABLE events ADD COLUMN data TEXT;

-- Outlives its run as long as it is the latest of its asset, kind, partition and check.
CREATE TABLE asset_events (
    -- That of the event of the run which tells the same.
    change INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('MATERIALIZATION', 'OBSERVATION', 'CHECK')),
    asset TEXT NOT NULL,
    partition TEXT,
    check_name TEXT,
    passed INTEGER CHECK (passed IN (0, 1)),
    severity TEXT,
    run BLOB NOT NULL CHECK (length(run) = 16),
    job TEXT NOT NULL,
    location TEXT NOT NULL,
    step TEXT NOT NULL,
    at INTEGER NOT NULL,
    is_latest INTEGER NOT NULL CHECK (is_latest IN (0, 1)),
    -- JSON
    data TEXT NOT NULL
) STRICT;

CREATE INDEX asset_events_by_asset ON asset_events (asset, kind, change);

CREATE INDEX asset_events_by_partition ON asset_events (asset, kind, partition, change)
WHERE partition IS NOT NULL;

CREATE INDEX asset_events_by_run ON asset_events (run, change);

CREATE INDEX asset_events_latest ON asset_events (asset, kind, partition, check_name)
WHERE is_latest = 1;

CREATE INDEX asset_events_superseded ON asset_events (at)
WHERE is_latest = 0;
