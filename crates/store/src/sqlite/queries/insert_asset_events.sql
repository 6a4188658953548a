INSERT INTO asset_events (
    change,
    kind,
    asset,
    partition,
    check_name,
    passed,
    severity,
    run,
    job,
    location,
    step,
    at,
    is_latest,
    data
)
SELECT
    item.value ->> 'change',
    item.value ->> 'kind',
    item.value ->> 'asset',
    item.value ->> 'partition',
    item.value ->> 'check_name',
    item.value ->> 'passed',
    item.value ->> 'severity',
    unhex(item.value ->> 'run'),
    item.value ->> 'job',
    item.value ->> 'location',
    item.value ->> 'step',
    item.value ->> 'at',
    item.value ->> 'is_latest',
    item.value ->> 'data'
FROM jsonb_each($1) AS item
