SELECT
    runs.id,
    claims.step
FROM claims
INNER JOIN runs ON runs.seq = claims.run
WHERE runs.status NOT IN ('STARTING', 'STARTED', 'CANCELING')
ORDER BY claims.run, claims.step
LIMIT $1
