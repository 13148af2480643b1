package jobs

import (
	"context"
	"time"

	"siesta/shared/job"
)

// asRead is the fence of reconcile's writes. Every write raises the revision,
// so the row still has the epoch, the claim and the states that were read.
const asRead = ` WHERE id = $1::uuid AND revision = $2 `

// FailOverdue ends a job that is past its deadline and that nobody holds. One
// that is still queued has all its time before it.
func (s *Store) FailOverdue(ctx context.Context, j job.Job, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET status = 'failed', error_message = $3, debug_id = $4,` + ended + changed + asRead + `
		AND status NOT IN ('queued', 'ready', 'failed', 'scheduled') AND deadline_at < now()
		AND lease_until < now() - make_interval(secs => $5::float8)` + returning
	return s.write(ctx, sql, j.ID, j.Revision, message, debugID, seconds(job.ReconcileAfter))
}

// QueueScheduled queues a job whose day has come. Its whole time begins now.
func (s *Store) QueueScheduled(ctx context.Context, j job.Job, deadline time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET status = 'queued', lease_until = now(), enqueued_at = now(),
			deadline_at = now() + make_interval(secs => $3::float8),` + changed + asRead + `
		AND status = 'scheduled' AND schedule_for <= now()` + returning
	return s.write(ctx, sql, j.ID, j.Revision, seconds(deadline))
}

// RecordWoken notes that somebody outside woke a sandbox that slept for longer
// than any GET lags. It is due at once; end is when E2B will stop it.
func (s *Store) RecordWoken(ctx context.Context, j job.Job, end time.Time) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'running', sandbox_paused = false, epoch = epoch + 1, pause_due_at = now(),
			sandbox_expires_at = $3::timestamptz, op_until = NULL, missing_since = NULL,` + changed + asRead + `
		AND status = 'ready' AND sandbox_state = 'paused' AND paused_at < now() - make_interval(secs => $4::float8)` + returning
	return s.write(ctx, sql, j.ID, j.Revision, end, seconds(job.Grace))
}

// unowned: no call to E2B about this sandbox is under way.
const unowned = ` AND status IN ('ready', 'failed') AND sandbox_state NOT IN ('none', 'gone')
		AND (op_until IS NULL OR op_until < now()) `

// stillMissing notes a 404 that answered a recorded call: it changed nothing at
// E2B, so what was known before the call's record is still known.
const stillMissing = ` missing_since = coalesce(CASE WHEN missing_revision = revision - 1 THEN missing_since END, now()),
			missing_revision = revision + 1, `

// RecordFinishedMissing notes that E2B does not know a finished job's sandbox.
// job.ErrConflict: that is noted already, or the row has moved on.
func (s *Store) RecordFinishedMissing(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET missing_since = now(), missing_revision = revision + 1,` + changed + asRead + unowned + `
		AND missing_revision IS DISTINCT FROM revision` + returning
	return s.write(ctx, sql, j.ID, j.Revision)
}

// RecordGone notes that E2B has lost a finished job's sandbox: it said so twice,
// a grace period apart, and nothing happened in between. job.ErrConflict: that
// is not so.
func (s *Store) RecordGone(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'gone', sandbox_paused = false, sandbox_expires_at = NULL, op_until = NULL,
			missing_since = NULL,` + changed + asRead + unowned + `
		AND missing_revision = revision AND missing_since < now() - make_interval(secs => $3::float8)` + returning
	return s.write(ctx, sql, j.ID, j.Revision, seconds(job.Grace))
}

// RecordSeen notes that E2B knows a sandbox that it had not known.
func (s *Store) RecordSeen(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET missing_since = NULL,` + changed + asRead + ` AND missing_since IS NOT NULL` + returning
	return s.write(ctx, sql, j.ID, j.Revision)
}
