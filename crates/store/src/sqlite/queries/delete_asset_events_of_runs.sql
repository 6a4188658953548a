DELETE FROM asset_events
WHERE
    is_latest = 0
    AND run IN (SELECT unhex(item.value) FROM json_each($1) AS item)
