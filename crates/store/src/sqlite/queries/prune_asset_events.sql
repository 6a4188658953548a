DELETE FROM asset_events
WHERE
    change IN (
        SELECT superseded.change
        FROM asset_events AS superseded
        LEFT JOIN runs ON runs.id = superseded.run
        WHERE
            superseded.is_latest = 0
            AND superseded.at < $1
            AND (runs.seq IS NULL OR runs.ended_at < $1)
        ORDER BY superseded.at
        LIMIT $2
    )
