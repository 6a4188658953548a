UPDATE leader
SET
    epoch = epoch + 1,
    holder = $1,
    url = $2,
    taken_at = $3
RETURNING epoch
