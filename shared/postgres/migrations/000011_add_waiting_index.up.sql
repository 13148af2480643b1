-- What bounds how many jobs of a user may wait counts them. None has started_at;
-- to say so keeps the index out of the plans of reconcile's lists.
CREATE INDEX jobs_waiting ON jobs (user_id) WHERE status IN ('queued', 'scheduled') AND started_at IS NULL;
