DELETE FROM plans
WHERE
    hash IN (
        SELECT gone.plan_hash
        FROM json_each($1) AS item
        INNER JOIN runs AS gone ON gone.id = unhex(item.value)
    )
    AND NOT EXISTS (
        SELECT 1
        FROM runs
        WHERE
            runs.plan_hash = plans.hash
            AND runs.id NOT IN (SELECT unhex(item.value) FROM json_each($1) AS item)
    )
