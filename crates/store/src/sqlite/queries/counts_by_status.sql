SELECT
    status,
    count(*) AS number
FROM runs
GROUP BY status
