-- An iteration takes the sandbox of the version that it starts from, and gives it
-- back if it fails. Of the rows that name a living sandbox one has it; the others
-- have moved.
ALTER TABLE jobs
    ADD COLUMN taken_from uuid,
    ADD COLUMN moved_to   uuid,
    ADD COLUMN kept_hash  text,
    ADD COLUMN failing    text,
    ADD COLUMN failing_at timestamptz,
    DROP CONSTRAINT jobs_sandbox_state_known,
    ADD CONSTRAINT jobs_sandbox_state_known CHECK (sandbox_state IN ('none', 'running', 'pausing', 'paused', 'resuming', 'gone', 'moved')),
    DROP CONSTRAINT jobs_only_ready_sleeps,
    ADD CONSTRAINT jobs_only_ready_sleeps CHECK (status = 'ready' OR sandbox_state IN ('none', 'running', 'gone', 'moved')),
    -- Of the rows that lost a sandbox to another, those of the version before would kill it.
    DROP CONSTRAINT jobs_sandbox_has_id,
    ADD CONSTRAINT jobs_sandbox_has_id CHECK (sandbox_state IN ('moved', 'gone') OR (sandbox_id IS NULL) = (sandbox_state = 'none')),
    ADD CONSTRAINT jobs_moved_stays CHECK (moved_to IS NULL OR sandbox_state = 'moved'),
    ADD CONSTRAINT jobs_failing_gives_back CHECK (failing_at IS NULL OR (taken_from IS NOT NULL AND status <> 'ready')),
    ADD CONSTRAINT jobs_failing_says_why CHECK ((failing_at IS NULL) = (failing IS NULL)),
    ADD CONSTRAINT jobs_taken_is_given_back CHECK (status <> 'failed' OR taken_from IS NULL OR sandbox_state IN ('moved', 'gone')),
    ADD CONSTRAINT jobs_moved_without_claim CHECK (sandbox_state <> 'moved' OR (op_until IS NULL AND pause_due_at IS NULL AND sandbox_expires_at IS NULL AND missing_since IS NULL));

DROP INDEX jobs_sandbox, jobs_with_sandbox;
CREATE UNIQUE INDEX jobs_sandbox ON jobs (sandbox_id) WHERE sandbox_state NOT IN ('none', 'gone', 'moved');
CREATE INDEX jobs_by_sandbox ON jobs (sandbox_id) WHERE sandbox_id IS NOT NULL;
CREATE INDEX jobs_with_sandbox ON jobs (id) WHERE sandbox_state NOT IN ('none', 'gone', 'moved');
