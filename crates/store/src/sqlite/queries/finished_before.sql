SELECT id
FROM runs
WHERE
    ended_at < $1
    AND status IN ('SUCCESS', 'FAILURE', 'CANCELED')
ORDER BY ended_at
LIMIT $2
