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

// mine is the builder's fence: every write of a turn carries it.
const mine = ` WHERE id = $1::uuid AND claim = $2 AND status = $3 `

// ClaimTurn makes the caller the job's only builder for the time of Lease.
// Claiming a turn a second time counts as a crash. job.ErrConflict: another
// turn, another builder, or nothing left to build.
func (s *Store) ClaimTurn(ctx context.Context, id string, turn int) (job.Job, error) {
	const sql = `UPDATE jobs SET
			claim = claim + 1,
			crashes = crashes + (claimed_turn = turn)::int,
			claimed_turn = turn,
			lease_until = now() + make_interval(secs => $3::float8),` + changed + `
		WHERE id = $1::uuid AND turn = $2 AND status NOT IN ('ready', 'failed', 'scheduled') AND sandbox_stack IN ('', $4) AND lease_until < now()` + returning
	return s.unpublished(ctx, sql, id, turn, seconds(job.Lease), s.stack)
}

// Begin moves a queued job to starting; its time to build counts from here, not
// from when it was queued behind others. job.ErrLater: its user or project
// builds as many jobs as limits allow; it stays queued.
func (s *Store) Begin(ctx context.Context, j job.Job, limits job.Limits) (job.Job, error) {
	const begin = `UPDATE jobs SET status = 'starting', started_at = now(), step_started_at = now(),
			deadline_at = now() + (deadline_at - enqueued_at),` + changed + mine + returning
	if limits.PerUser == 0 && limits.PerProject == 0 {
		return s.write(ctx, begin, j.ID, j.Claim, string(job.Queued))
	}
	var begun job.Job
	err := s.db.Alone(ctx, j.UserID, func(ctx context.Context, tx pgx.Tx) error { // or two of its jobs saw the same last free place
		const building = `SELECT count(*), count(*) FILTER (WHERE project_id = $2::uuid) FROM jobs
			WHERE user_id = $1 AND status NOT IN ('queued', 'scheduled', 'ready', 'failed') AND sandbox_stack IN ('', $3)`
		var user, project int
		if err := tx.QueryRow(ctx, building, j.UserID, j.ProjectID, s.stack).Scan(&user, &project); err != nil {
			return err
		}
		if limits.PerUser > 0 && user >= limits.PerUser || limits.PerProject > 0 && project >= limits.PerProject {
			return job.ErrLater
		}
		var err error
		begun, err = scanJob(tx.QueryRow(ctx, begin, j.ID, j.Claim, string(job.Queued)))
		return postgres.WhenNone(err, job.ErrConflict)
	})
	return s.published(ctx, begun, err)
}

// RecordCreate numbers a create call before it is sent. job.ErrConflict: an
// earlier one may still be under way, or there is a sandbox.
func (s *Store) RecordCreate(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET create_no = create_no + 1, create_sent_at = now(),` + changed + mine + `
		AND sandbox_id IS NULL AND (create_sent_at IS NULL OR create_sent_at < now() - make_interval(secs => $4::float8))` + returning
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status), seconds(job.Grace))
}

// RecordNotCreated says that E2B definitely created nothing.
func (s *Store) RecordNotCreated(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET create_sent_at = NULL,` + changed + mine + ` AND sandbox_id IS NULL AND create_no = $4` + returning
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status), j.CreateNo)
}

// RecordSandbox gives the job its sandbox and moves it to scaffold.
func (s *Store) RecordSandbox(ctx context.Context, j job.Job, sandboxID string, ttl time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_id = $4, sandbox_stack = $7, sandbox_state = 'running', epoch = epoch + 1, create_sent_at = NULL,
			sandbox_expires_at = now() + make_interval(secs => $5::float8),
			status = 'scaffold', step_started_at = now(),` + changed + mine + ` AND sandbox_id IS NULL AND create_no = $6` + returning
	return s.write(ctx, sql, j.ID, j.Claim, string(job.Starting), sandboxID, seconds(ttl), j.CreateNo, s.stack)
}

// RecordConnected notes the sandbox's new end and that it was seen.
func (s *Store) RecordConnected(ctx context.Context, j job.Job, ttl time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_expires_at = now() + make_interval(secs => $4::float8), missing_since = NULL,` + changed + mine + returning
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status), seconds(ttl))
}

// RecordMarker notes that the marker file of an epoch is in the sandbox.
func (s *Store) RecordMarker(ctx context.Context, id string, epoch int) (job.Job, error) {
	const sql = `UPDATE jobs SET marker_epoch = $2,` + changed + `
		WHERE id = $1::uuid AND epoch = $2 AND marker_epoch < $2` + returning
	return s.write(ctx, sql, id, epoch)
}

// Advance moves a claimed job from its status to the next one, and keeps what p
// says of its plan and its waiting.
func (s *Store) Advance(ctx context.Context, j job.Job, p job.Progress, next job.Status) (job.Job, error) {
	if !j.Status.CanMove(next) {
		return job.Job{}, fmt.Errorf("advance job %s from %s to %s: %w", j.ID, j.Status, next, job.ErrConflict)
	}
	const sql = `UPDATE jobs SET status = $4, step_started_at = now(), log_offset = 0, plan = $5::jsonb, polled_ms = $6,` + changed + mine + returning
	plan, err := json.Marshal(p.Plan)
	if err != nil {
		return job.Job{}, fmt.Errorf("encode plan: %w", err)
	}
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status), string(next), string(plan), p.PolledMS)
}

// BeginCommand restarts the step's clock and log for a further command of the
// same status.
func (s *Store) BeginCommand(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET step_started_at = now(), log_offset = 0,` + changed + mine + returning
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status))
}

// HandOver ends the turn, and keeps how far it came: the job belongs to the
// message of the next turn, which comes after delay, of at least 2 s.
func (s *Store) HandOver(ctx context.Context, j job.Job, p job.Progress, delay time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET turn = turn + 1, lease_until = now() + make_interval(secs => $4::float8),
			plan = $5::jsonb, polled_ms = $6, log_offset = $7,` + changed + mine + returning
	plan, err := json.Marshal(p.Plan)
	if err != nil {
		return job.Job{}, fmt.Errorf("encode plan: %w", err)
	}
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status), seconds(delay-time.Second), string(plan), p.PolledMS, p.LogOffset)
}

// RecordBuildMissing notes that E2B answered 404 for a building job's sandbox; the
// first time counts.
func (s *Store) RecordBuildMissing(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET missing_since = coalesce(missing_since, now()),` + changed + mine + returning
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status))
}

// ended is what the end of a build writes, whoever brings it about. The time of
// a job that never began is 0.
const ended = ` lease_until = NULL, missing_since = NULL, completed_at = now(),
			duration_seconds = extract(epoch FROM now() - coalesce(started_at, now()))::int, `

// Ready ends the build: status, preview and the sandbox's due time in one step.
func (s *Store) Ready(ctx context.Context, j job.Job, p job.Progress, previewURL string, pauseAfter time.Duration) (job.Job, error) {
	const sql = `UPDATE jobs SET status = 'ready', preview_url = $4, pause_due_at = now() + make_interval(secs => $5::float8),
			op_until = NULL, polled_ms = $6,` + ended + changed + mine + `
		AND sandbox_state = 'running'` + returning
	return s.unpublished(ctx, sql, j.ID, j.Claim, string(job.Checks), previewURL, seconds(pauseAfter), p.PolledMS)
}

// Fail ends a claimed job with an error in words for its user.
func (s *Store) Fail(ctx context.Context, j job.Job, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET status = 'failed', error_message = $4, debug_id = $5,` + ended + changed + mine + returning
	return s.write(ctx, sql, j.ID, j.Claim, string(j.Status), message, debugID)
}

// RecordKilled notes that E2B killed a failed job's sandbox, or never had it.
func (s *Store) RecordKilled(ctx context.Context, id, sandboxID string) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'gone', sandbox_expires_at = NULL, missing_since = NULL,` + changed + `
		WHERE id = $1::uuid AND sandbox_id = $2 AND status = 'failed' AND sandbox_state <> 'gone'` + returning
	return s.write(ctx, sql, id, sandboxID)
}
