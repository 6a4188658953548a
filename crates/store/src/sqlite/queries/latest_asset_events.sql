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
FROM json_each($1) AS item
INNER JOIN asset_events
    ON
        asset_events.change = (
            SELECT max(newest.change)
            FROM asset_events AS newest
            WHERE newest.asset = item.value AND newest.kind = $2
        )
ORDER BY item.key
