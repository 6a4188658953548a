INSERT INTO pauses (location, until)
SELECT
    item.value ->> 'name',
    item.value ->> 'number'
FROM jsonb_each($1) AS item
WHERE true
ON CONFLICT (location) DO UPDATE SET until = excluded.until
