DELETE FROM run_tags
WHERE
    (key, value, run) IN (
        SELECT
            tag.key,
            tag.value,
            runs.seq
        FROM json_each($1) AS item
        INNER JOIN runs ON runs.id = unhex(item.value)
        INNER JOIN json_each(runs.tags) AS tag
    )
