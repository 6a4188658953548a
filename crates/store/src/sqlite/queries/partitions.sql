SELECT
    number,
    key
FROM dynamic_partitions
WHERE name = $1 AND number > $2
ORDER BY number
LIMIT $3
