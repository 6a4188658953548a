SELECT partitions.key
FROM json_each($2) AS item
INNER JOIN dynamic_partitions AS partitions ON partitions.name = $1 AND partitions.key = item.value
