DELETE FROM claims
WHERE
    (run, step) IN (
        SELECT
            runs.seq,
            item.value ->> 'step'
        FROM jsonb_each($1) AS item
        INNER JOIN runs ON runs.id = unhex(item.value ->> 'run')
    )
