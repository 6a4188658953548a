INSERT INTO run_tags (key, value, run)
SELECT
    tag.key,
    tag.value,
    item.value ->> 'seq'
FROM jsonb_each($1) AS item, jsonb_each(item.value -> 'tags') AS tag
