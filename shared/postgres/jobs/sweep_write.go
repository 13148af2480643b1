package jobs

import (
	"context"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// RecordAsked notes that a message was sent for each of these jobs.
func (s *Store) RecordAsked(ctx context.Context, jobs []job.Job) error {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	return s.db.Exec(ctx, `UPDATE jobs SET asked_at = now() WHERE id = ANY(@ids::uuid[])`, postgres.Args{"ids": ids})
}

// FailOverdue ends a job that is past its deadline and that nobody holds. One that
// is still queued has all its time before it, and one that has taken an earlier
// version's sandbox gives that back first.
func (s *Store) FailOverdue(ctx context.Context, j job.Job, message, debugID string) (job.Job, error) {
	const overdue = ` AND deadline_at < now() AND lease_until < now() - @late::interval` + returning
	const sql = `UPDATE jobs SET ` + failed + changed + asRead + `
		AND status NOT IN ('queued', 'ready', 'failed', 'scheduled') AND taken_from IS NULL` + overdue
	const taken = `UPDATE jobs SET` + failing + changed + asRead + mayFail + overdue
	args := with(reader(j), postgres.Args{"message": message, "debug_id": debugID, "late": job.ReconcileAfter})
	if j.Took() {
		return s.write(ctx, taken, args)
	}
	return s.write(ctx, sql, args)
}

// QueueScheduled queues a job whose day has come. Its whole time begins now.
func (s *Store) QueueScheduled(ctx context.Context, j job.Job, deadline time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET status = 'queued', lease_until = now(), enqueued_at = now(),
			deadline_at = now() + @deadline::interval,` + changed + asRead + `
		AND status = 'scheduled' AND schedule_for <= now()` + returning
	return s.write(ctx, sql, with(reader(j), postgres.Args{"deadline": deadline}))
}

// RecordWoken notes that somebody outside woke a sandbox that slept for longer
// than any GET lags. It is due at once; end is when E2B will stop it.
func (s *Store) RecordWoken(ctx context.Context, j job.Job, end time.Time) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'running', sandbox_paused = false, epoch = epoch + 1, pause_due_at = now(),
			sandbox_expires_at = @end::timestamptz, op_until = NULL, missing_since = NULL,` + changed + asRead + `
		AND status = 'ready' AND sandbox_state = 'paused' AND paused_at < now() - @grace::interval` + returning
	return s.write(ctx, sql, with(reader(j), postgres.Args{"end": end, "grace": job.Grace}))
}

// RecordFinishedMissing notes that E2B does not know a finished job's sandbox.
// job.ErrConflict: that is noted already, or the row has moved on.
func (s *Store) RecordFinishedMissing(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET missing_since = now(), missing_revision = revision + 1,` + changed + asRead + unowned + `
		AND missing_revision IS DISTINCT FROM revision` + returning
	return s.write(ctx, sql, reader(j))
}

// RecordGone notes that E2B has lost a finished job's sandbox: it said so twice,
// a grace period apart, and nothing happened in between. job.ErrConflict: that
// is not so.
func (s *Store) RecordGone(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'gone', gone_at = now(), sandbox_paused = false, sandbox_expires_at = NULL, op_until = NULL,
			missing_since = NULL,` + changed + asRead + unowned + `
		AND missing_revision = revision AND missing_since < now() - @grace::interval` + returning
	return s.write(ctx, sql, with(reader(j), postgres.Args{"grace": job.Grace}))
}

// RecordSeen notes that E2B knows a sandbox that it had not known.
func (s *Store) RecordSeen(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET missing_since = NULL,` + changed + asRead + ` AND missing_since IS NOT NULL` + returning
	return s.write(ctx, sql, reader(j))
}
