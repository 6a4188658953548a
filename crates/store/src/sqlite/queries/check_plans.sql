SELECT id
FROM runs
WHERE plan_hash NOT IN (SELECT hash FROM plans)
ORDER BY seq
LIMIT $1
