package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// ClaimTurn makes the caller the job's only builder for the time of Lease.
// Claiming a turn a second time counts as a crash. job.ErrConflict: another
// turn, another builder, or nothing left to build.
func (s *Store) ClaimTurn(ctx context.Context, id string, turn int) (job.Job, error) {
	const sql = `UPDATE jobs SET
			claim = claim + 1,
			crashes = crashes + (claimed_turn = turn AND failing_at IS NULL)::int,
			claimed_turn = turn,
			lease_until = now() + @lease::interval,` + changed + `
		WHERE id = @id::uuid AND turn = @turn AND status NOT IN ('ready', 'failed', 'scheduled') AND` + ours + `AND lease_until < now()` + returning
	return s.unpublished(ctx, sql, postgres.Args{"id": id, "turn": turn, "stack": s.stack, "lease": job.Lease})
}

// Begin moves a queued job to starting; its time to build counts from here, not
// from when it was queued behind others. job.ErrLater: its user or project
// builds as many jobs as limits allow; it stays queued.
func (s *Store) Begin(ctx context.Context, j job.Job, limits job.Limits) (job.Job, error) {
	const begin = `UPDATE jobs SET status = 'starting', started_at = now(), step_started_at = now(),
			deadline_at = now() + (deadline_at - enqueued_at),` + changed + mine + returning
	args := with(builder(j), postgres.Args{"status": job.Queued})
	if limits.PerUser == 0 && limits.PerProject == 0 {
		return s.write(ctx, begin, args)
	}
	var begun job.Job
	err := s.db.Alone(ctx, j.UserID, func(ctx context.Context, tx pgx.Tx) error { // else two jobs of the user could take the same last place
		const building = `SELECT count(*), count(*) FILTER (WHERE project_id = @project::uuid) FROM jobs
			WHERE user_id = @user AND status NOT IN ('queued', 'scheduled', 'ready', 'failed') AND` + ours
		var user, project int
		counted := tx.QueryRow(ctx, building, postgres.Args{"user": j.UserID, "project": j.ProjectID, "stack": s.stack})
		if err := counted.Scan(&user, &project); err != nil {
			return err
		}
		if limits.PerUser > 0 && user >= limits.PerUser || limits.PerProject > 0 && project >= limits.PerProject {
			return job.ErrLater
		}
		var err error
		begun, err = scanJob(tx.QueryRow(ctx, begin, args))
		return postgres.WhenNone(err, job.ErrConflict)
	})
	if err == nil {
		s.publish(ctx, begun)
	}
	return begun, err
}

// RecordCreate numbers a create call before it is sent. job.ErrConflict: an
// earlier one may still be under way, or there is a sandbox.
func (s *Store) RecordCreate(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET create_no = create_no + 1, create_sent_at = now(),` + changed + mine + `
		AND sandbox_id IS NULL AND (create_sent_at IS NULL OR create_sent_at < now() - @grace::interval)` + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{"grace": job.Grace}))
}

// RecordNotCreated says that E2B definitely created nothing.
func (s *Store) RecordNotCreated(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET create_sent_at = NULL,` + changed + mine + ` AND sandbox_id IS NULL AND create_no = @create_no` + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{"create_no": j.CreateNo}))
}

// RecordSandbox gives the job its sandbox and moves it to scaffold.
func (s *Store) RecordSandbox(ctx context.Context, j job.Job, sandboxID string, ttl time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_id = @sandbox, sandbox_stack = @stack, sandbox_state = 'running', epoch = epoch + 1, create_sent_at = NULL,
			sandbox_expires_at = now() + @ttl::interval,
			status = 'scaffold', step_started_at = now(),` + changed + mine + ` AND sandbox_id IS NULL AND create_no = @create_no` + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{
		"status": job.Starting, "create_no": j.CreateNo,
		"sandbox": sandboxID, "stack": s.stack, "ttl": ttl,
	}))
}

// RecordConnected notes the sandbox's new end, that it was seen, and a new epoch:
// whatever E2B kept before this connect is older than what the builder does now.
// Of a job that gives back, each turn that comes to this counts as a crash: those that
// E2B does not answer are no fault of what is given back.
func (s *Store) RecordConnected(ctx context.Context, j job.Job, ttl time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET epoch = epoch + 1, sandbox_expires_at = now() + @ttl::interval, missing_since = NULL,
			crashes = crashes + (failing_at IS NOT NULL)::int,` + changed + mine + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{"ttl": ttl}))
}

// RecordMarker notes that the marker file of an epoch is in the sandbox.
func (s *Store) RecordMarker(ctx context.Context, id string, epoch int) (job.Job, error) {
	const sql = `UPDATE jobs SET marker_epoch = @epoch,` + changed + `
		WHERE id = @id::uuid AND epoch = @epoch AND marker_epoch < @epoch` + returning
	return s.write(ctx, sql, postgres.Args{"id": id, "epoch": epoch})
}

// planText is a plan as its column has it.
func planText(p job.Plan) string {
	text, _ := json.Marshal(p) // texts and numbers alone: it cannot fail
	return string(text)
}

// Advance moves a claimed job from its status to the next one, and keeps what p
// says of its plan, its waiting and its kept code, which is written before the row
// names it.
func (s *Store) Advance(ctx context.Context, j job.Job, p job.Progress, next job.Status) (job.Job, error) {
	if !j.Status.CanMove(next) {
		return job.Job{}, fmt.Errorf("advance job %s from %s to %s: %w", j.ID, j.Status, next, job.ErrConflict)
	}
	const sql = `UPDATE jobs SET status = @next, step_started_at = now(), log_offset = 0, plan = @plan::jsonb, polled_ms = @polled_ms,
			source_key = nullif(@source_key, ''),` + changed + mine + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{
		"next": next, "plan": planText(p.Plan), "polled_ms": p.PolledMS, "source_key": p.SourceKey,
	}))
}

// BeginCommand restarts the step's clock and log for a further command of the
// same status.
func (s *Store) BeginCommand(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET step_started_at = now(), log_offset = 0,` + changed + mine + returning
	return s.write(ctx, sql, builder(j))
}

// HandOver ends the turn, and keeps how far it came: the job belongs to the
// message of the next turn, which comes after delay, of at least 1 s.
func (s *Store) HandOver(ctx context.Context, j job.Job, p job.Progress, delay time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET turn = turn + 1, lease_until = now() + @lease::interval,
			plan = @plan::jsonb, polled_ms = @polled_ms, log_offset = @log_offset,` + changed + mine + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{
		"lease": delay - time.Second, "plan": planText(p.Plan), "polled_ms": p.PolledMS, "log_offset": p.LogOffset,
	}))
}

// RecordBuildMissing notes that E2B answered 404 for a building job's sandbox; the
// first time counts.
func (s *Store) RecordBuildMissing(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET missing_since = coalesce(missing_since, now()),` + changed + mine + returning
	return s.write(ctx, sql, builder(j))
}

// Ready ends the build: status, preview and the sandbox's due time in one step; an
// iteration's is the later of its own and the one that came with what it took. It
// becomes the project's current version. The code of a job that a builder of the
// version before took past its code step is not kept.
// job.ErrConflict, too: the sandbox does not carry the marker of this epoch.
func (s *Store) Ready(ctx context.Context, j job.Job, p job.Progress, previewURL string, pauseAfter time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET status = 'ready', preview_url = @preview_url, pause_due_at = greatest(pause_due_at, now() + @pause_after::interval),
			current_at = now(), source_key = coalesce(source_key, 'none'), op_until = CASE WHEN op_until > now() THEN op_until END, plan = @plan::jsonb, polled_ms = @polled_ms,` + ended + changed + mine + `
		AND sandbox_state = 'running' AND marker_epoch = epoch` + returning
	return s.unpublished(ctx, sql, with(builder(j), postgres.Args{
		"status": job.Checks, "plan": planText(p.Plan), "preview_url": previewURL, "pause_after": pauseAfter, "polled_ms": p.PolledMS,
	}))
}

// Fail ends a claimed job with an error in words for its user, unless it has taken a
// sandbox; see RecordFailing.
func (s *Store) Fail(ctx context.Context, j job.Job, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET ` + failed + changed + mine + ` AND taken_from IS NULL` + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{"message": message, "debug_id": debugID}))
}

// RecordKilled notes that E2B killed a failed job's sandbox, or never had it.
func (s *Store) RecordKilled(ctx context.Context, id, sandboxID string) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'gone', gone_at = now(), sandbox_expires_at = NULL, missing_since = NULL,` + changed + `
		WHERE id = @id::uuid AND sandbox_id = @sandbox AND status = 'failed' AND sandbox_state <> 'gone'` + returning
	return s.write(ctx, sql, postgres.Args{"id": id, "sandbox": sandboxID})
}
