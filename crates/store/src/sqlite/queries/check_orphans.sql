SELECT
    'steps' AS name,
    count(*) AS number
FROM steps
WHERE run NOT IN (SELECT seq FROM runs)
UNION ALL
SELECT
    'claims',
    count(*)
FROM claims
WHERE run NOT IN (SELECT seq FROM runs)
UNION ALL
SELECT
    'run_tags',
    count(*)
FROM run_tags
WHERE run NOT IN (SELECT seq FROM runs)
UNION ALL
SELECT
    'plans',
    count(*)
FROM plans
WHERE hash NOT IN (SELECT plan_hash FROM runs)
UNION ALL
SELECT
    'events',
    count(*)
FROM events
WHERE
    run IS NOT NULL
    AND run NOT IN (SELECT seq FROM runs)
