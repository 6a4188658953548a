INSERT INTO run_tags (key, value, run)
SELECT
    tag.key,
    tag.value,
    runs.seq
FROM json_each($1) AS item
INNER JOIN runs ON runs.id = unhex(item.value)
INNER JOIN json_each(runs.tags) AS tag
