-- One call waits for a wake at a time: until waiter_until, or until it gives that
-- up. settled_epoch is the epoch of which no call to E2B can be under way any
-- more.
ALTER TABLE jobs ADD COLUMN waiter_until timestamptz, ADD COLUMN settled_epoch integer;

-- Whose previews are being woken.
CREATE INDEX jobs_waking ON jobs (user_id) WHERE sandbox_state = 'resuming';

-- What the limits of a user's wakes count: those begun in the hour, and the time
-- granted in the day, that began at these moments. Only users whose tier has such
-- limits are here.
CREATE TABLE wakes (
    user_id       text PRIMARY KEY,
    hour          timestamptz NOT NULL,
    begun         integer     NOT NULL,
    day           timestamptz NOT NULL,
    awake_seconds integer     NOT NULL
);
