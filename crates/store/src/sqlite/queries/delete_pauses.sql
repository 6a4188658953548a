DELETE FROM pauses
WHERE location IN (SELECT item.value FROM json_each($1) AS item)
