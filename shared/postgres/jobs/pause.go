package jobs

import (
	"context"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// TakePause makes the caller the owner of one pause under an epoch, until
// job.OpTime has passed. job.ErrConflict: it is not due, not this epoch's, or
// somebody else's; re-read to know which.
func (s *Store) TakePause(ctx context.Context, id string, epoch int) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'pausing', op_until = now() + @op_time::interval, op_shared = false, waiter_until = NULL,
			pause_due_at = least(pause_due_at, now()),` + changed + `
		WHERE id = @id::uuid AND` + ours + `AND status = 'ready' AND epoch = @epoch AND (
			(sandbox_state = 'running' AND pause_due_at <= now() AND (op_until IS NULL OR op_until < now()))
			OR (sandbox_state IN ('pausing', 'resuming') AND op_until < now()))` + returning
	return s.unpublished(ctx, sql, postgres.Args{"id": id, "epoch": epoch, "op_time": job.OpTime, "stack": s.stack})
}

// RecordPaused notes that E2B confirmed the pause: the only write of paused.
func (s *Store) RecordPaused(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'paused', sandbox_paused = true, paused_at = now(), pause_error = NULL,
			op_until = NULL, sandbox_expires_at = NULL, missing_since = NULL,` + changed + owned + returning
	return s.write(ctx, sql, pauser(j))
}

// RecordPauseRefused notes that E2B will not pause this sandbox, and why. It
// stays running, due again when its time-out has passed.
func (s *Store) RecordPauseRefused(ctx context.Context, j job.Job, reason string) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'running', pause_error = @reason, op_until = NULL,
			pause_due_at = greatest(sandbox_expires_at, now() + @rest::interval),` + changed + owned + returning
	args := pauser(j)
	args["reason"], args["rest"] = reason, job.RefusedPauseRest
	return s.write(ctx, sql, args)
}

// RecordNotPaused notes that the pause ended without effect: whoever comes
// next need not wait for it.
func (s *Store) RecordNotPaused(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_until = now(),` + changed + owned + returning
	return s.write(ctx, sql, pauser(j))
}

// RecordPauseMissing is RecordNotPaused for a sandbox that E2B does not know.
func (s *Store) RecordPauseMissing(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_until = now(),` + stillMissing + changed + owned + returning
	return s.write(ctx, sql, pauser(j))
}

// RequestPause makes a running preview due at once. job.ErrConflict: it is not
// running, or not ready.
func (s *Store) RequestPause(ctx context.Context, id string) (job.Job, error) {
	const sql = `UPDATE jobs SET pause_due_at = now(),` + changed + `
		WHERE id = @id::uuid AND status = 'ready' AND sandbox_state = 'running'` + returning
	return s.write(ctx, sql, postgres.Args{"id": id})
}
