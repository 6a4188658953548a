INSERT INTO dynamic_partitions (name, key)
SELECT
    item.value ->> 'name',
    item.value ->> 'key'
FROM jsonb_each($1) AS item
WHERE true
ORDER BY item.id
ON CONFLICT (name, key) DO NOTHING
