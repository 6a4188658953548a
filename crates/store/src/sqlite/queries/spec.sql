SELECT
    plans.plan,
    runs.config,
    runs.tags
FROM runs
INNER JOIN plans ON plans.hash = runs.plan_hash
WHERE runs.id = $1
