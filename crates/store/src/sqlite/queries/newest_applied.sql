SELECT version
FROM _sqlx_migrations
ORDER BY version DESC
LIMIT 1
