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
FROM run_tags
INNER JOIN runs ON runs.seq = run_tags.run
WHERE
    run_tags.key = $9
    AND run_tags.value = $10
    AND run_tags.run < $1
    AND ($3 IS NULL OR runs.status IN (SELECT item.value FROM json_each($3) AS item))
    AND ($4 IS NULL OR runs.job = $4)
    AND ($5 IS NULL OR runs.location = $5)
    AND ($6 IS NULL OR runs.submitted_at >= $6)
    AND ($7 IS NULL OR runs.submitted_at < $7)
    AND NOT EXISTS (
        SELECT 1
        FROM json_each($8) AS wanted
        WHERE
            NOT EXISTS (
                SELECT 1
                FROM json_each(runs.tags) AS tag
                WHERE tag.key = wanted.value ->> 0 AND tag.value = wanted.value ->> 1
            )
    )
ORDER BY run_tags.run DESC
LIMIT $2
