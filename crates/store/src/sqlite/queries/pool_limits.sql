SELECT
    pool,
    slots
FROM pool_limits
ORDER BY pool
