SELECT runs.id
FROM json_each($1) AS item
INNER JOIN runs ON runs.id = unhex(item.value)
ORDER BY runs.id
