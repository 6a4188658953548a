SELECT
    events.change,
    coalesce(runs.id, events.deleted_run) AS run,
    events.number,
    events.at,
    events.attempt,
    events.step,
    events.kind,
    events.message,
    coalesce(events.data, asset_events.data) AS data
FROM events
INNER JOIN runs ON runs.seq = events.run
LEFT JOIN asset_events ON asset_events.change = events.change
WHERE
    runs.id = $1
    AND events.number > $2
ORDER BY events.number
LIMIT $3
