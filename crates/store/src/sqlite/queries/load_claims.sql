SELECT
    runs.id,
    claims.step,
    claims.demand,
    claims.priority,
    claims.asked,
    claims.state
FROM claims
INNER JOIN runs ON runs.seq = claims.run
ORDER BY claims.priority DESC, claims.asked
