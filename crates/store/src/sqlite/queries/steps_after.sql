SELECT
    runs.id,
    steps.key,
    steps.position,
    steps.status,
    steps.try_number,
    steps.waiting_since,
    steps.started_at,
    steps.ended_at,
    steps.retry_at,
    steps.error
FROM steps
INNER JOIN runs ON runs.seq = steps.run
WHERE runs.id = $1 AND (steps.position, steps.key) > ($2, $3)
ORDER BY steps.position, steps.key
LIMIT $4
