CREATE TABLE jobs (
    id               uuid        PRIMARY KEY,
    project_id       uuid        NOT NULL,
    user_id          text        NOT NULL,
    tier             text        NOT NULL,
    status           text        NOT NULL DEFAULT 'queued',
    goal             text        NOT NULL,
    request          jsonb       NOT NULL DEFAULT '{}',
    env_sealed       bytea,
    enqueued_at      timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    completed_at     timestamptz,
    error_message    text,
    debug_id         text,
    iterations_used  integer     NOT NULL DEFAULT 0,
    duration_seconds integer,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),

    CONSTRAINT jobs_status_known CHECK (status IN
        ('queued', 'starting', 'scaffold', 'code', 'deps', 'checks', 'ready', 'failed', 'scheduled'))
);

CREATE INDEX jobs_by_project ON jobs (user_id, project_id, created_at DESC);
CREATE INDEX jobs_by_change  ON jobs (updated_at);
