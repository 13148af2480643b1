-- What a version is made of, and what became of it. No row is rewritten: in those
-- from before, and from builders of the version before, current_at is when they
-- became READY, and their sources are not kept.
ALTER TABLE jobs
    ADD COLUMN source_key  text,
    ADD COLUMN base_job_id uuid,
    ADD COLUMN rebuild     boolean NOT NULL DEFAULT false,
    ADD COLUMN current_at  timestamptz,
    ADD COLUMN gone_at     timestamptz,
    ADD COLUMN deleted_at  timestamptz;

-- The version of a project that counts.
CREATE INDEX jobs_current ON jobs (user_id, project_id, (coalesce(current_at, completed_at))) WHERE status = 'ready' AND deleted_at IS NULL;
CREATE INDEX jobs_deleted ON jobs (deleted_at) WHERE deleted_at IS NOT NULL;
