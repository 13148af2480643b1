-- The version before knows one row for a sandbox. What an iteration has not
-- changed goes back to the version that it was taken from; of any other the
-- sandbox ends with its iteration, and the version can be built again.
UPDATE jobs SET status = 'failed', sandbox_state = 'moved', error_message = coalesce(failing, 'The service was changed back during this build. Please try again.'),
        debug_id = coalesce(debug_id, gen_random_uuid()::text), env_sealed = NULL, failing = NULL, failing_at = NULL, lease_until = NULL, completed_at = now(),
        op_until = NULL, pause_due_at = NULL, sandbox_expires_at = NULL, missing_since = NULL, revision = revision + 1, updated_at = now()
    WHERE taken_from IS NOT NULL AND kept_hash IS NULL AND status NOT IN ('ready', 'failed');
UPDATE jobs SET sandbox_state = CASE WHEN jobs.deleted_at IS NULL THEN 'running' ELSE 'gone' END, moved_to = NULL, epoch = taker.epoch + 1,
        pause_due_at = now(), op_until = CASE WHEN jobs.deleted_at IS NULL THEN now() + interval '2 minutes' END, revision = jobs.revision + 1, updated_at = now()
    FROM jobs taker WHERE taker.id = jobs.moved_to AND jobs.sandbox_state = 'moved' AND taker.status = 'failed' AND taker.sandbox_state = 'moved';
ALTER TABLE jobs DROP CONSTRAINT jobs_taken_is_given_back;
UPDATE jobs SET status = 'failed', error_message = coalesce(failing, 'The service was changed back during this build. Please try again.'),
        debug_id = coalesce(debug_id, gen_random_uuid()::text), env_sealed = NULL, failing = NULL, failing_at = NULL, lease_until = NULL, completed_at = now(),
        missing_since = NULL, revision = revision + 1, updated_at = now()
    WHERE taken_from IS NOT NULL AND status NOT IN ('ready', 'failed');
ALTER TABLE jobs DROP CONSTRAINT jobs_moved_stays;
UPDATE jobs SET sandbox_state = 'none', sandbox_id = NULL, revision = revision + 1, updated_at = now()
    WHERE sandbox_state = 'moved' OR sandbox_state = 'gone' AND sandbox_id IS NULL;

DROP INDEX jobs_sandbox, jobs_by_sandbox, jobs_with_sandbox;
ALTER TABLE jobs
    DROP CONSTRAINT jobs_sandbox_state_known,
    ADD CONSTRAINT jobs_sandbox_state_known CHECK (sandbox_state IN ('none', 'running', 'pausing', 'paused', 'resuming', 'gone')),
    DROP CONSTRAINT jobs_sandbox_has_id,
    ADD CONSTRAINT jobs_sandbox_has_id CHECK ((sandbox_id IS NULL) = (sandbox_state = 'none')),
    DROP CONSTRAINT jobs_only_ready_sleeps,
    ADD CONSTRAINT jobs_only_ready_sleeps CHECK (status = 'ready' OR sandbox_state IN ('none', 'running', 'gone')),
    DROP CONSTRAINT jobs_failing_gives_back,
    DROP CONSTRAINT jobs_failing_says_why,
    DROP CONSTRAINT jobs_moved_without_claim,
    DROP COLUMN taken_from,
    DROP COLUMN moved_to,
    DROP COLUMN kept_hash,
    DROP COLUMN failing,
    DROP COLUMN failing_at;
CREATE UNIQUE INDEX jobs_sandbox ON jobs (sandbox_id) WHERE sandbox_id IS NOT NULL;
CREATE INDEX jobs_with_sandbox ON jobs (id) WHERE sandbox_state NOT IN ('none', 'gone');
