INSERT INTO idempotency (key, request_hash, run_id, at)
SELECT
    item.value ->> 'key',
    unhex(item.value ->> 'request_hash'),
    unhex(item.value ->> 'run_id'),
    item.value ->> 'at'
FROM jsonb_each($1) AS item
