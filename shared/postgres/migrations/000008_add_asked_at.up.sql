-- When reconcile last sent a message about the row. It is no part of the job:
-- it raises no revision.
ALTER TABLE jobs ADD COLUMN asked_at timestamptz;
