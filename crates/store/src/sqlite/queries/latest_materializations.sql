SELECT
    asset_events.asset,
    asset_events.run,
    asset_events.at
FROM json_each($1) AS item
INNER JOIN asset_events
    ON
        asset_events.change = (
            SELECT max(newest.change)
            FROM asset_events AS newest
            WHERE newest.asset = item.value AND newest.kind = 'MATERIALIZATION'
        )
