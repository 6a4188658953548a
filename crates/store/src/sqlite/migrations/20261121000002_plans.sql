-- A plan goes with the last run that has it.
CREATE INDEX runs_by_plan ON runs (plan_hash);

DELETE FROM plans
WHERE hash NOT IN (SELECT plan_hash FROM runs);
