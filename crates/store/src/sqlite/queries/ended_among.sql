SELECT runs.id
FROM json_each($1) AS item
INNER JOIN runs ON runs.id = unhex(item.value)
WHERE runs.ended_at < $2
ORDER BY runs.id
