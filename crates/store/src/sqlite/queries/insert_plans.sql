INSERT INTO plans (hash, plan)
SELECT
    unhex(item.value ->> 'hash'),
    item.value ->> 'plan'
FROM jsonb_each($1) AS item
WHERE true
ON CONFLICT (hash) DO NOTHING
