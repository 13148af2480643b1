-- What a user's daily limit counts: the jobs of a day, each on the day that it
-- runs.
CREATE INDEX jobs_by_day ON jobs (user_id, (coalesce(schedule_for, created_at)));
