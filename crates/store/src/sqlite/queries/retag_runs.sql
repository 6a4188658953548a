UPDATE runs
SET
    priority = change.priority,
    tags = change.tags
FROM (
    SELECT
        unhex(item.value ->> 'id') AS id,
        item.value ->> 'priority' AS priority,
        item.value -> 'tags' AS tags
    FROM jsonb_each($1) AS item
) AS change
WHERE runs.id = change.id
