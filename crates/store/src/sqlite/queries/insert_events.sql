INSERT INTO events (
    change,
    run,
    deleted_run,
    number,
    at,
    attempt,
    step,
    kind,
    message,
    data
)
SELECT
    item.value ->> 'change',
    runs.seq,
    iif(runs.seq IS NULL, unhex(item.value ->> 'run'), NULL),
    item.value ->> 'number',
    item.value ->> 'at',
    item.value ->> 'attempt',
    item.value ->> 'step',
    item.value ->> 'kind',
    item.value ->> 'message',
    item.value ->> 'data'
FROM jsonb_each($1) AS item
LEFT JOIN runs ON runs.id = unhex(item.value ->> 'run')
