SELECT
    runs.id,
    runs.status,
    last.kind
FROM runs
INNER JOIN (
    SELECT
        run,
        kind,
        max(number)
    FROM events
    WHERE
        run IS NOT NULL
        AND kind IN (
            'RUN_ENQUEUED',
            'RUN_DEQUEUED',
            'RUN_STARTING',
            'RUN_START',
            'RUN_SUCCESS',
            'RUN_FAILURE',
            'RUN_CANCELING',
            'RUN_CANCELED'
        )
    GROUP BY run
) AS last ON last.run = runs.seq
WHERE
    runs.status <> CASE last.kind
        WHEN 'RUN_ENQUEUED' THEN 'QUEUED'
        WHEN 'RUN_DEQUEUED' THEN 'STARTING'
        WHEN 'RUN_STARTING' THEN 'STARTING'
        WHEN 'RUN_START' THEN 'STARTED'
        WHEN 'RUN_SUCCESS' THEN 'SUCCESS'
        WHEN 'RUN_FAILURE' THEN 'FAILURE'
        WHEN 'RUN_CANCELING' THEN 'CANCELING'
        WHEN 'RUN_CANCELED' THEN 'CANCELED'
    END
ORDER BY runs.seq
LIMIT $1
