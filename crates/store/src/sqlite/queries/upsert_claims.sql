INSERT INTO claims (run, step, demand, priority, asked, state)
SELECT
    runs.seq,
    item.value ->> 'step',
    item.value -> 'demand',
    item.value ->> 'priority',
    item.value ->> 'asked',
    item.value ->> 'state'
FROM jsonb_each($1) AS item
INNER JOIN runs ON runs.id = unhex(item.value ->> 'run')
WHERE true
ON CONFLICT (run, step) DO UPDATE SET
    demand = excluded.demand,
    priority = excluded.priority,
    asked = excluded.asked,
    state = excluded.state
