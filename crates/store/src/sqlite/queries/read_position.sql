SELECT
    leader.epoch,
    counters.last_change,
    counters.last_seq,
    counters.last_claim
FROM leader, counters
