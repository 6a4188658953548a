DELETE FROM events
WHERE
    change IN (
        SELECT events.change
        FROM events
        LEFT JOIN runs ON runs.seq = events.run
        WHERE
            events.change < coalesce(
                (
                    SELECT young.change
                    FROM events AS young
                    WHERE young.at >= $1
                    ORDER BY young.change
                    LIMIT 1
                ),
                9223372036854775807
            )
            AND (runs.seq IS NULL OR runs.ended_at < $1)
        ORDER BY events.change
        LIMIT $2
    )
