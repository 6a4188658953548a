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
LEFT JOIN runs ON runs.seq = events.run
WHERE events.change > $1
ORDER BY events.change
LIMIT $2
