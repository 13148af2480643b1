package jobs

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Wake is what a call of resume asks for.
type Wake struct {
	Time   time.Duration // until the preview is due to sleep again, up by then or not
	Limits job.Limits
}

// TakeResume records a wake under a new epoch, from the state and epoch that the
// caller read, and makes the caller the one that waits for it. job.ErrConflict:
// the row moved on, its state is owned, or it is a wake that is due itself.
// job.ErrWaking, job.ErrLimit: the user has no wake to spare.
func (s *Store) TakeResume(ctx context.Context, j job.Job, w Wake) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'resuming', sandbox_paused = false, epoch = epoch + 1,
			pause_due_at = now() + @wake::interval,
			op_shared = (sandbox_state = 'running' AND op_until IS NOT NULL AND op_until > now()),
			op_until = now() + @op_time::interval,` + waiting + changed + `
		WHERE id = @id::uuid AND` + ours + `AND status = 'ready' AND epoch = @epoch AND sandbox_state = @state AND (
			sandbox_state IN ('paused', 'running')
			OR (sandbox_state = 'pausing' AND op_until < now())
			OR (sandbox_state = 'resuming' AND op_until < now() AND pause_due_at > now()))` + returning
	return s.wait(ctx, j, func(ctx context.Context, tx pgx.Tx) (job.Job, error) {
		if err := charge(ctx, tx, j, w); err != nil {
			return job.Job{}, err
		}
		return scanJob(tx.QueryRow(ctx, sql, with(resumer(j), postgres.Args{
			"state": j.SandboxState, "stack": s.stack, "wake": w.Time, "op_time": job.OpTime, "waiter_time": job.WaiterTime,
		})))
	})
}

// JoinResume makes the caller the one that waits for a wake that is not due yet,
// after the one before has given up or is dead. job.ErrConflict: another waits.
// job.ErrWaking: as TakeResume.
func (s *Store) JoinResume(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_shared = op_shared OR settled_epoch IS DISTINCT FROM epoch,
			op_until = now() + @op_time::interval,` + waiting + changed + resuming + `
		AND` + ours + `AND op_until > now() AND pause_due_at > now() AND (waiter_until IS NULL OR waiter_until < now())` + returning
	return s.wait(ctx, j, func(ctx context.Context, tx pgx.Tx) (job.Job, error) {
		return scanJob(tx.QueryRow(ctx, sql, with(resumer(j), postgres.Args{
			"stack": s.stack, "op_time": job.OpTime, "waiter_time": job.WaiterTime,
		})))
	})
}

// wait runs a write that makes its caller wait for a wake, unless the user waits
// for as many as may be.
func (s *Store) wait(ctx context.Context, j job.Job, write func(context.Context, pgx.Tx) (job.Job, error)) (taken job.Job, err error) {
	err = s.db.Alone(ctx, j.UserID, func(ctx context.Context, tx pgx.Tx) error {
		const sql = `SELECT count(*) FROM jobs
			WHERE user_id = @user AND sandbox_state = 'resuming' AND waiter_until > now() AND id <> @id::uuid AND` + ours
		waking, err := postgres.Scan[int](tx.QueryRow(ctx, sql, postgres.Args{"user": j.UserID, "id": j.ID, "stack": s.stack}))
		if err != nil {
			return err
		}
		if waking >= job.MaxWaking {
			return job.ErrWaking
		}
		taken, err = write(ctx, tx)
		return postgres.WhenNone(err, job.ErrConflict)
	})
	return taken, err
}

// GiveUpWait lets the next call wait for the wake. settled: no call to E2B that
// this one made can be under way any more.
func (s *Store) GiveUpWait(ctx context.Context, j job.Job, settled bool) (job.Job, error) {
	const sql = `UPDATE jobs SET waiter_until = NULL, settled_epoch = CASE WHEN @settled THEN epoch END,` + changed + resuming + `
		AND waiter_until = @waiter::timestamptz` + returning
	return s.write(ctx, sql, with(resumer(j), postgres.Args{"settled": settled, "waiter": j.WaiterUntil}))
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
			op_until = CASE WHEN op_shared THEN op_until END, waiter_until = NULL,` + changed + resuming + returning
	return s.write(ctx, sql, with(resumer(j), postgres.Args{"due": run.Due, "ttl": run.TTL}))
}

// RecordNotResumed notes that the wake ended without effect. While another
// call may be under way under this epoch nothing is written: job.ErrConflict.
func (s *Store) RecordNotResumed(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_until = now(), waiter_until = NULL,` + changed + resuming + ` AND NOT op_shared` + returning
	return s.write(ctx, sql, resumer(j))
}

// RecordResumeMissing is RecordNotResumed for a sandbox that E2B does not
// know.
func (s *Store) RecordResumeMissing(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET op_until = now(), waiter_until = NULL,` + stillMissing + changed + resuming + ` AND NOT op_shared` + returning
	return s.write(ctx, sql, resumer(j))
}

// RecordRolledBack notes that E2B brought back older files under this epoch: the
// preview is lost.
func (s *Store) RecordRolledBack(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'gone', gone_at = now(), sandbox_expires_at = NULL, op_until = NULL, waiter_until = NULL, missing_since = NULL,` + changed + resuming + returning
	return s.write(ctx, sql, resumer(j))
}
