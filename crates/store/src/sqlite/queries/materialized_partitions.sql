SELECT asset_events.partition
FROM asset_events INDEXED BY asset_events_latest
WHERE
    asset_events.is_latest = 1
    AND asset_events.asset = $1
    AND asset_events.kind = 'MATERIALIZATION'
    AND asset_events.partition > $2
ORDER BY asset_events.partition
LIMIT $3
