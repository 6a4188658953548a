UPDATE runs
SET
    tags = retag.tags,
    priority = retag.priority
FROM (
    SELECT
        unhex(item.value ->> 'id') AS id,
        item.value -> 'tags' AS tags,
        item.value ->> 'priority' AS priority
    FROM jsonb_each($1) AS item
) AS retag
WHERE runs.id = retag.id
