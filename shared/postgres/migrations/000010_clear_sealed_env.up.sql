-- Since this version the write that fails a job clears its secrets. These are
-- those of jobs that failed before.
UPDATE jobs SET env_sealed = NULL WHERE env_sealed IS NOT NULL AND status = 'failed';
