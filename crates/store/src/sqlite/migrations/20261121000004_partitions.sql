-- Dynamic partitions, in the order in which they came; a number is never given twice.
CREATE TABLE dynamic_partitions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    UNIQUE (name, key)
) STRICT;

CREATE INDEX dynamic_partitions_in_order ON dynamic_partitions (name, number);
