DELETE FROM claims
WHERE
    run IN (
        SELECT runs.seq
        FROM json_each($1) AS item
        INNER JOIN runs ON runs.id = unhex(item.value)
    )
