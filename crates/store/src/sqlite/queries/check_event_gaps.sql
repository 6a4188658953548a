SELECT runs.id
FROM runs
INNER JOIN events ON events.run = runs.seq
GROUP BY runs.seq
HAVING
    max(events.number) <> runs.event_count
    OR count(*) <> max(events.number) - min(events.number) + 1
ORDER BY runs.seq
LIMIT $1
