-- Where reconcile goes on in its next run.
CREATE TABLE reconcile_progress (
    task       text        PRIMARY KEY,
    position   text        NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The revision that noted the sandbox as missing: as long as the row has it,
-- nothing that E2B might have acted on has happened since.
ALTER TABLE jobs ADD COLUMN missing_revision bigint;

-- jobs_with_sandbox holds every preview that sleeps; these two do not.
CREATE INDEX jobs_awake   ON jobs (id)            WHERE sandbox_state IN ('running', 'pausing', 'resuming');
CREATE INDEX jobs_missing ON jobs (missing_since) WHERE missing_since IS NOT NULL;
