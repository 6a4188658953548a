DELETE FROM runs
WHERE id IN (SELECT unhex(item.value) FROM json_each($1) AS item)
