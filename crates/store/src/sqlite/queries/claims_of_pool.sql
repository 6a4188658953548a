SELECT
    runs.id,
    claims.step,
    claims.demand,
    claims.priority,
    claims.asked,
    claims.state
FROM claims
INNER JOIN runs ON runs.seq = claims.run
WHERE
    EXISTS (
        SELECT 1
        FROM json_each(claims.demand) AS demand
        WHERE demand.key = $1
    )
    AND (
        $2 IS NULL
        OR claims.priority < $2
        OR (claims.priority = $2 AND claims.asked > $3)
    )
ORDER BY claims.priority DESC, claims.asked
LIMIT $4
