SELECT 'change' AS name
FROM counters
WHERE last_change < (SELECT max(change) FROM events)
UNION ALL
SELECT 'change'
FROM counters
WHERE last_change < (SELECT max(change) FROM asset_events)
UNION ALL
SELECT 'sequence number'
FROM counters
WHERE last_seq < (SELECT max(seq) FROM runs)
UNION ALL
SELECT 'number of an asking'
FROM counters
WHERE last_claim < (SELECT max(asked) FROM claims)
