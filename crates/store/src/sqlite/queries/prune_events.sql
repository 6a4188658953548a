DELETE FROM events
WHERE
    change IN (
        SELECT events.change
        FROM events
        LEFT JOIN runs ON runs.seq = events.run
        WHERE
            events.at < $1
            AND (runs.seq IS NULL OR runs.ended_at < $1)
        ORDER BY events.change
        LIMIT $2
    )
