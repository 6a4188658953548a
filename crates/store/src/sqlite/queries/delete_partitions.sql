DELETE FROM dynamic_partitions
WHERE (name, key) IN (
    SELECT
        item.value ->> 'name',
        item.value ->> 'key'
    FROM jsonb_each($1) AS item
)
