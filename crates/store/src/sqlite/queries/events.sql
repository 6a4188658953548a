SELECT
    events.change,
    coalesce(runs.id, events.deleted_run) AS run,
    events.number,
    events.at,
    events.attempt,
    events.step,
    events.kind,
    events.message
FROM events
INNER JOIN runs ON runs.seq = events.run
WHERE
    runs.id = $1
    AND events.number > $2
ORDER BY events.number
LIMIT $3
