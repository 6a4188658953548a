UPDATE runs
SET
    status = change.status,
    attempt = change.attempt,
    is_held = change.is_held,
    token = change.token,
    nonce = change.nonce,
    is_first_pass_done = change.is_first_pass_done,
    is_suspect = change.is_suspect,
    last_report = change.last_report,
    location_retries = change.location_retries,
    lost_starts = change.lost_starts,
    cancel = change.cancel,
    failure_reason = change.failure_reason,
    failure_message = change.failure_message,
    starting_at = change.starting_at,
    started_at = change.started_at,
    canceling_at = change.canceling_at,
    ended_at = change.ended_at,
    event_count = change.event_count
FROM (
    SELECT
        unhex(item.value ->> 'id') AS id,
        item.value ->> 'status' AS status,
        item.value ->> 'attempt' AS attempt,
        item.value ->> 'is_held' AS is_held,
        unhex(item.value ->> 'token') AS token,
        unhex(item.value ->> 'nonce') AS nonce,
        item.value ->> 'is_first_pass_done' AS is_first_pass_done,
        item.value ->> 'is_suspect' AS is_suspect,
        item.value ->> 'last_report' AS last_report,
        item.value ->> 'location_retries' AS location_retries,
        item.value ->> 'lost_starts' AS lost_starts,
        item.value ->> 'cancel' AS cancel,
        item.value ->> 'failure_reason' AS failure_reason,
        item.value ->> 'failure_message' AS failure_message,
        item.value ->> 'starting_at' AS starting_at,
        item.value ->> 'started_at' AS started_at,
        item.value ->> 'canceling_at' AS canceling_at,
        item.value ->> 'ended_at' AS ended_at,
        item.value ->> 'event_count' AS event_count
    FROM jsonb_each($1) AS item
) AS change
WHERE runs.id = change.id
