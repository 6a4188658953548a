SELECT
    asset_events.change,
    asset_events.kind,
    asset_events.asset,
    asset_events.partition,
    asset_events.check_name,
    asset_events.passed,
    asset_events.severity,
    asset_events.run,
    asset_events.job,
    asset_events.location,
    asset_events.step,
    asset_events.at,
    asset_events.data
FROM asset_events INDEXED BY asset_events_latest
WHERE
    asset_events.is_latest = 1
    AND asset_events.asset = $1
    AND asset_events.kind = 'CHECK'
ORDER BY asset_events.partition, asset_events.check_name
LIMIT $2
