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
FROM runs
INNER JOIN steps ON steps.run = runs.seq
WHERE runs.status IN ('STARTING', 'STARTED', 'CANCELING')
ORDER BY runs.seq, steps.position, steps.key
