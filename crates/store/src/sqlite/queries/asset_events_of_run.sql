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
FROM asset_events INDEXED BY asset_events_by_run
WHERE
    ($1 IS NULL OR asset_events.asset = $1)
    AND ($2 IS NULL OR asset_events.kind = $2)
    AND ($3 IS NULL OR asset_events.partition = $3)
    AND ($4 IS NULL OR asset_events.check_name = $4)
    AND asset_events.run = $5
    AND asset_events.change > $6
    AND asset_events.change < $7
ORDER BY asset_events.change
