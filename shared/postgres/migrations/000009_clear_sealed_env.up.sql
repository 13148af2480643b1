-- Since this version a job's end clears the secrets that nobody can use any
-- more. These are those of jobs that ended before.
UPDATE jobs SET env_sealed = NULL WHERE env_sealed IS NOT NULL AND (status = 'failed' OR sandbox_state = 'gone');
