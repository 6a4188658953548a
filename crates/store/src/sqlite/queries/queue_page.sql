SELECT
    runs.seq,
    runs.id,
    runs.job,
    runs.location,
    runs.deployment,
    runs.deployment_kind,
    runs.tags,
    runs.pools,
    runs.status,
    runs.attempt,
    runs.is_held,
    runs.token,
    runs.nonce,
    runs.is_first_pass_done,
    runs.is_suspect,
    runs.last_report,
    runs.location_retries,
    runs.lost_starts,
    runs.cancel,
    runs.failure_reason,
    runs.failure_message,
    runs.submitted_at,
    runs.starting_at,
    runs.started_at,
    runs.canceling_at,
    runs.ended_at,
    runs.event_count
FROM runs
WHERE
    runs.status = 'QUEUED'
    AND (
        $1 IS NULL
        OR runs.priority < $1
        OR (runs.priority = $1 AND runs.seq > $2)
    )
ORDER BY runs.priority DESC, runs.seq
LIMIT $3
