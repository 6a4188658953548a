INSERT INTO steps (
    run,
    key,
    position,
    status,
    try_number,
    waiting_since,
    started_at,
    ended_at,
    retry_at,
    error
)
SELECT
    runs.seq,
    item.value ->> 'key',
    item.value ->> 'position',
    item.value ->> 'status',
    item.value ->> 'try_number',
    item.value ->> 'waiting_since',
    item.value ->> 'started_at',
    item.value ->> 'ended_at',
    item.value ->> 'retry_at',
    item.value ->> 'error'
FROM jsonb_each($1) AS item
INNER JOIN runs ON runs.id = unhex(item.value ->> 'run')
WHERE true
ON CONFLICT (run, key) DO UPDATE SET
    position = excluded.position,
    status = excluded.status,
    try_number = excluded.try_number,
    waiting_since = excluded.waiting_since,
    started_at = excluded.started_at,
    ended_at = excluded.ended_at,
    retry_at = excluded.retry_at,
    error = excluded.error
