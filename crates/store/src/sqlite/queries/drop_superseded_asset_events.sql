DELETE FROM asset_events
WHERE
    change IN (
        SELECT older.change
        FROM jsonb_each($1) AS item
        INNER JOIN asset_events AS older
            ON
                older.asset = item.value ->> 'asset'
                AND older.kind = item.value ->> 'kind'
                AND older.partition IS item.value ->> 'partition'
                AND older.check_name IS item.value ->> 'check_name'
        WHERE
            older.is_latest = 1
            AND item.value ->> 'is_latest' = 1
            AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.id = older.run)
    )
