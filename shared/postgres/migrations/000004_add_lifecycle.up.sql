ALTER TABLE jobs
    ADD COLUMN plan               jsonb    NOT NULL DEFAULT '{}',
    ADD COLUMN sandbox_expires_at timestamptz,
    ADD COLUMN paused_at          timestamptz,
    ADD COLUMN pause_error        text,
    ADD COLUMN deadline_at        timestamptz NOT NULL DEFAULT now() + interval '1 hour',
    ADD COLUMN schedule_for       timestamptz,
    ADD COLUMN idempotency_key    text,
    ADD COLUMN request_hash       bytea,

    -- the builder's side
    ADD COLUMN turn               integer  NOT NULL DEFAULT 0,
    ADD COLUMN claim              integer  NOT NULL DEFAULT 0,
    ADD COLUMN claimed_turn       integer  NOT NULL DEFAULT -1,
    ADD COLUMN lease_until        timestamptz DEFAULT now(),
    ADD COLUMN crashes            integer  NOT NULL DEFAULT 0,
    ADD COLUMN create_no          integer  NOT NULL DEFAULT 0,
    ADD COLUMN create_sent_at     timestamptz,
    ADD COLUMN step_started_at    timestamptz,
    ADD COLUMN polled_ms          integer  NOT NULL DEFAULT 0,
    ADD COLUMN log_offset         bigint   NOT NULL DEFAULT 0,

    -- the sandbox's side
    ADD COLUMN sandbox_state      text     NOT NULL DEFAULT 'none',
    ADD COLUMN epoch              integer  NOT NULL DEFAULT 0,
    ADD COLUMN marker_epoch       integer  NOT NULL DEFAULT 0,
    ADD COLUMN op_until           timestamptz,
    ADD COLUMN op_shared          boolean  NOT NULL DEFAULT false,
    ADD COLUMN pause_due_at       timestamptz,
    ADD COLUMN missing_since      timestamptz,
    ADD COLUMN revision           bigint   NOT NULL DEFAULT 1;

-- Rows from before: a terminal job has no lease, a sandbox has a state, and
-- what may still be running is due for its pause at once.
UPDATE jobs SET
    lease_until    = CASE WHEN status IN ('ready', 'failed') THEN NULL ELSE now() END,
    completed_at   = CASE WHEN status IN ('ready', 'failed') THEN coalesce(completed_at, updated_at) END,
    schedule_for   = CASE WHEN status = 'scheduled' THEN now() END,
    error_message  = CASE WHEN status = 'failed' THEN coalesce(error_message, 'The build failed.') ELSE error_message END,
    debug_id       = CASE WHEN status = 'failed' THEN coalesce(debug_id, id::text) ELSE debug_id END,
    preview_url    = CASE WHEN status = 'ready' THEN coalesce(preview_url, '') ELSE preview_url END,
    build_version  = CASE WHEN status = 'ready' THEN coalesce(build_version, 'build_' || id) ELSE build_version END,
    workspace_path = CASE WHEN status = 'ready' THEN coalesce(workspace_path, '/home/user/project') ELSE workspace_path END,
    sandbox_paused = sandbox_paused AND sandbox_id IS NOT NULL AND status = 'ready',
    paused_at      = CASE WHEN sandbox_paused THEN updated_at END,
    pause_due_at   = CASE WHEN status = 'ready' THEN now() END,
    sandbox_state  = CASE
        WHEN sandbox_id IS NULL                   THEN 'none'
        WHEN status = 'failed'                    THEN 'gone'
        WHEN sandbox_paused AND status = 'ready'  THEN 'paused'
        ELSE 'running' END;

ALTER TABLE jobs
    ADD CONSTRAINT jobs_sandbox_state_known CHECK (sandbox_state IN
        ('none', 'running', 'pausing', 'paused', 'resuming', 'gone')),
    ADD CONSTRAINT jobs_paused_is_a_state CHECK (sandbox_paused = (sandbox_state = 'paused')),
    ADD CONSTRAINT jobs_paused_at CHECK (sandbox_state <> 'paused' OR paused_at IS NOT NULL),
    ADD CONSTRAINT jobs_sandbox_has_id CHECK ((sandbox_id IS NULL) = (sandbox_state = 'none')),
    ADD CONSTRAINT jobs_lease_until_terminal CHECK ((lease_until IS NULL) = (status IN ('ready', 'failed'))),
    ADD CONSTRAINT jobs_completed CHECK ((completed_at IS NOT NULL) = (status IN ('ready', 'failed'))),
    ADD CONSTRAINT jobs_failed_says_why CHECK (status <> 'failed' OR (error_message IS NOT NULL AND debug_id IS NOT NULL)),
    ADD CONSTRAINT jobs_ready_is_whole CHECK (status <> 'ready'
        OR sandbox_state = 'none'
        OR (preview_url IS NOT NULL AND build_version IS NOT NULL AND workspace_path IS NOT NULL)),
    ADD CONSTRAINT jobs_only_ready_sleeps CHECK (status = 'ready'
        OR sandbox_state IN ('none', 'running', 'gone')),
    ADD CONSTRAINT jobs_op_has_owner CHECK (sandbox_state NOT IN ('pausing', 'resuming') OR op_until IS NOT NULL),
    ADD CONSTRAINT jobs_running_is_due CHECK (status <> 'ready' OR sandbox_state <> 'running' OR pause_due_at IS NOT NULL),
    ADD CONSTRAINT jobs_create_is_numbered CHECK (create_sent_at IS NULL OR create_no > 0),
    ADD CONSTRAINT jobs_marker_not_ahead CHECK (marker_epoch <= epoch),
    ADD CONSTRAINT jobs_scheduled_has_a_day CHECK (status <> 'scheduled' OR schedule_for IS NOT NULL),
    ADD CONSTRAINT jobs_counters CHECK (turn >= 0 AND claim >= 0 AND crashes >= 0 AND create_no >= 0 AND epoch >= 0);

CREATE UNIQUE INDEX jobs_sandbox         ON jobs (sandbox_id) WHERE sandbox_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_idempotency_key ON jobs (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

-- What reconcile looks for; none of them holds a finished job.
CREATE INDEX jobs_pause_due    ON jobs (pause_due_at) WHERE status = 'ready' AND sandbox_state = 'running';
CREATE INDEX jobs_op_open      ON jobs (op_until)     WHERE sandbox_state IN ('pausing', 'resuming');
CREATE INDEX jobs_lease_open   ON jobs (lease_until)  WHERE status NOT IN ('ready', 'failed', 'scheduled');
CREATE INDEX jobs_schedule     ON jobs (schedule_for) WHERE status = 'scheduled';
CREATE INDEX jobs_with_sandbox ON jobs (id)           WHERE sandbox_state NOT IN ('none', 'gone');
CREATE INDEX jobs_active       ON jobs (user_id)      WHERE status NOT IN ('ready', 'failed', 'scheduled');
