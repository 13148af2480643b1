DROP TABLE wakes;
DROP INDEX jobs_waking;
ALTER TABLE jobs DROP COLUMN waiter_until, DROP COLUMN settled_epoch;
