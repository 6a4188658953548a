SELECT
    idempotency.key,
    idempotency.request_hash,
    idempotency.run_id
FROM json_each($1) AS item
INNER JOIN idempotency ON idempotency.key = item.value
ORDER BY idempotency.key
