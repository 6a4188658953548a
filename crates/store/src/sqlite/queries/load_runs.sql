SELECT
    max(page.seq) AS last,
    json_group_array(
        json_array(
            page.seq,
            hex(page.id),
            page.job,
            page.location,
            page.deployment,
            page.deployment_kind,
            page.tags,
            page.pools,
            page.status,
            page.attempt,
            page.is_held,
            nullif(hex(page.token), ''),
            nullif(hex(page.nonce), ''),
            page.is_first_pass_done,
            page.is_suspect,
            page.last_report,
            page.location_retries,
            page.lost_starts,
            page.cancel,
            page.failure_reason,
            page.failure_message,
            page.submitted_at,
            page.starting_at,
            page.started_at,
            page.canceling_at,
            page.ended_at,
            page.event_count
        )
    ) AS page_rows
FROM (
    SELECT *
    FROM runs
    WHERE
        status = $1
        AND seq > $2
    ORDER BY seq
    LIMIT $3
) AS page
