-- The version before would show what its users have deleted.
DELETE FROM jobs WHERE deleted_at IS NOT NULL;

DROP INDEX jobs_current, jobs_deleted;

ALTER TABLE jobs
    DROP COLUMN source_key,
    DROP COLUMN base_job_id,
    DROP COLUMN rebuild,
    DROP COLUMN current_at,
    DROP COLUMN gone_at,
    DROP COLUMN deleted_at;
