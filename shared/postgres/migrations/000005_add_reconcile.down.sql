DROP INDEX jobs_missing;
DROP INDEX jobs_awake;
ALTER TABLE jobs DROP COLUMN missing_revision;
DROP TABLE reconcile_progress;
