package jobs

import (
	"context"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// TakeResume records a wake under a new epoch, from the state and epoch that
// the caller read, and that it is due to sleep again after wake, up by then or
// not. job.ErrConflict: the row moved on, its state is owned, or it is a wake
// that is due itself.
func (s *Store) TakeResume(ctx context.Context, j job.Job, wake time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'resuming', sandbox_paused = false, epoch = epoch + 1,
			pause_due_at = now() + @wake::interval,
			op_shared = (sandbox_state = 'running' AND op_until IS NOT NULL AND op_until > now()),
			op_until = now() + @op_time::interval,` + changed + `
		WHERE id = @id::uuid AND` + ours + `AND status = 'ready' AND epoch = @epoch AND sandbox_state = @state AND (
			sandbox_state = 'paused'
			OR (sandbox_state = 'running' AND (pause_due_at <= now() + @margin::interval
				OR sandbox_expires_at IS NULL OR sandbox_expires_at <= now() + @margin::interval))
			OR (sandbox_state = 'pausing' AND op_until < now())
			OR (sandbox_state = 'resuming' AND op_until < now() AND pause_due_at > now()))` + returning
	return s.write(ctx, sql, with(resumer(j), postgres.Args{
		"state": j.SandboxState, "stack": s.stack, "wake": wake, "op_time": job.OpTime, "margin": job.DueMargin,
	}))
}

// JoinResume shares a wake that is under way and not due yet.
func (s *Store) JoinResume(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_shared = true, op_until = now() + @op_time::interval,` + changed + resuming + `
		AND` + ours + `AND op_until > now() AND pause_due_at > now()` + returning
	return s.write(ctx, sql, with(resumer(j), postgres.Args{"stack": s.stack, "op_time": job.OpTime}))
}

// ExtendResume keeps a wake's owner its owner through a long stretch, such as
// restarting the server, but not past its due time.
func (s *Store) ExtendResume(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_until = now() + @op_time::interval,` + changed + resuming + ` AND pause_due_at > now()` + returning
	return s.write(ctx, sql, with(resumer(j), postgres.Args{"op_time": job.OpTime}))
}

// Run is how long a resumed preview may run.
type Run struct {
	Due time.Duration // until its pause is due
	TTL time.Duration // until E2B ends it
}

// RecordResumed ends a wake: running.
func (s *Store) RecordResumed(ctx context.Context, j job.Job, run Run) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'running', pause_due_at = now() + @due::interval,
			sandbox_expires_at = now() + @ttl::interval, pause_error = NULL, missing_since = NULL,
			op_until = CASE WHEN op_shared THEN op_until END,` + changed + resuming + returning
	return s.write(ctx, sql, with(resumer(j), postgres.Args{"due": run.Due, "ttl": run.TTL}))
}

// RecordNotResumed notes that the wake ended without effect. While another
// call may be under way under this epoch nothing is written: job.ErrConflict.
func (s *Store) RecordNotResumed(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_until = now(),` + changed + resuming + ` AND NOT op_shared` + returning
	return s.write(ctx, sql, resumer(j))
}

// RecordResumeMissing is RecordNotResumed for a sandbox that E2B does not
// know.
func (s *Store) RecordResumeMissing(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_until = now(),` + stillMissing + changed + resuming + ` AND NOT op_shared` + returning
	return s.write(ctx, sql, resumer(j))
}

// RecordRolledBack notes that E2B brought back older files under this epoch: the
// preview is lost.
func (s *Store) RecordRolledBack(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'gone', sandbox_expires_at = NULL, op_until = NULL, missing_since = NULL, env_sealed = NULL,` + changed + resuming + returning
	return s.write(ctx, sql, resumer(j))
}
