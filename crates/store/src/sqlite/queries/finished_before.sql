SELECT id
FROM runs INDEXED BY runs_by_end
WHERE
    ended_at < $1
    AND status IN ('SUCCESS', 'FAILURE', 'CANCELED')
ORDER BY ended_at
LIMIT $2
