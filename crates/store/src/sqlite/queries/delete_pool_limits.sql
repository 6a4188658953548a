DELETE FROM pool_limits
WHERE pool IN (SELECT item.value FROM json_each($1) AS item)
