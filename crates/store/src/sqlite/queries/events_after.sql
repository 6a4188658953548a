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
LEFT JOIN runs ON runs.seq = events.run
LEFT JOIN asset_events ON asset_events.change = events.change
WHERE events.change > $1
ORDER BY events.change
LIMIT $2
