INSERT INTO pool_limits (pool, slots)
SELECT
    item.value ->> 'name',
    item.value ->> 'number'
FROM jsonb_each($1) AS item
WHERE true
ON CONFLICT (pool) DO UPDATE SET slots = excluded.slots
