UPDATE counters
SET
    last_change = max(last_change, $1),
    last_seq = max(last_seq, $2),
    last_claim = max(last_claim, $3)
