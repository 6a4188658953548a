SELECT
    name,
    count(*)
FROM dynamic_partitions
WHERE name > $1
GROUP BY name
ORDER BY name
LIMIT $2
