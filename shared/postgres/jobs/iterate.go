package jobs

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// one is an UPDATE of one row of a pair.
type one struct {
	sql  string
	args postgres.Args
}

// pair makes two UPDATEs in one transaction, that of who gives the sandbox away
// first, or none: job.ErrConflict. Both rows are locked before, in one order for
// everybody.
func (s *Store) pair(ctx context.Context, leave, take one) (a, b job.Job, err error) {
	const lock = `SELECT id FROM jobs WHERE id IN (@a::uuid, @b::uuid) ORDER BY created_at, id FOR UPDATE`
	err = s.db.Together(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lock, postgres.Args{"a": leave.args["id"], "b": take.args["id"]}); err != nil {
			return err
		}
		for _, w := range []struct {
			one
			row *job.Job
		}{{leave, &a}, {take, &b}} {
			var err error
			if *w.row, err = scanJob(tx.QueryRow(ctx, w.sql+returning, w.args)); err != nil {
				return postgres.WhenNone(err, job.ErrConflict)
			}
		}
		return nil
	})
	if err != nil {
		return job.Job{}, job.Job{}, err
	}
	s.publish(ctx, a)
	s.publish(ctx, b)
	return a, b, nil
}

// unclaimed is what a row writes that has no claim on its sandbox.
const unclaimed = ` sandbox_paused = false, sandbox_expires_at = NULL, op_until = NULL, op_shared = false, waiter_until = NULL, pause_due_at = NULL, `

// Take gives the sandbox of a READY version, in the state and under the epoch that
// the caller read, to the job that starts from it, which has had none yet. A preview
// that is awake stays so for as long as it was to be. It returns the job.
// job.ErrConflict: either row has moved on, or a call to E2B may be under way.
func (s *Store) Take(ctx context.Context, from, j job.Job) (job.Job, error) {
	const leave = `UPDATE jobs SET sandbox_state = 'moved', moved_to = @to::uuid, epoch = epoch + 1, missing_since = NULL,` + unclaimed + changed + `
		WHERE id = @id::uuid AND sandbox_stack = @stack AND status = 'ready' AND epoch = @epoch AND sandbox_state = @state
		AND (sandbox_state IN ('paused', 'running') OR sandbox_state IN ('pausing', 'resuming') AND op_until < now())`
	const take = `UPDATE jobs SET taken_from = @from::uuid, sandbox_id = @sandbox, sandbox_stack = @stack, sandbox_state = 'running',
			sandbox_expires_at = @expires, epoch = @epoch + 1, marker_epoch = @marker, pause_due_at = @due, op_until = @op_until,` + changed + mine + `
		AND sandbox_id IS NULL AND create_no = 0`
	took := with(builder(j), postgres.Args{
		"status": job.Starting, "from": from.ID, "sandbox": from.SandboxID, "stack": s.stack, "epoch": from.Epoch, "marker": from.MarkerEpoch,
		"expires": nil, "due": nil, "op_until": nil,
	})
	if from.SandboxState == job.SandboxRunning {
		took["expires"], took["due"], took["op_until"] = zeronull.Timestamptz(from.SandboxExpiresAt), zeronull.Timestamptz(from.PauseDueAt), zeronull.Timestamptz(from.OpUntil)
	}
	_, taken, err := s.pair(ctx,
		one{leave, with(resumer(from), postgres.Args{"to": j.ID, "stack": s.stack, "state": from.SandboxState})},
		one{take, took})
	return taken, err
}

// RecordKept notes that the workspace is copied aside, whole, and moves the job to
// scaffold: from here on its files may change.
func (s *Store) RecordKept(ctx context.Context, j job.Job, p job.Progress, hash string) (job.Job, error) {
	const sql = `UPDATE jobs SET kept_hash = @hash, status = 'scaffold', step_started_at = now(), log_offset = 0, polled_ms = @polled_ms,` + changed + mine + `
		AND taken_from IS NOT NULL` + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{"status": job.Starting, "hash": hash, "polled_ms": p.PolledMS}))
}

// failing makes a job give back what it took, with a clock and an account of waiting of
// its own: what its build has used up must not delay that. Needs @message and @debug_id.
const failing = ` failing = @message, debug_id = @debug_id, failing_at = now(), crashes = 0, step_started_at = now(), polled_ms = 0, log_offset = 0, `

// mayFail: it took a sandbox, and does not give it back yet.
const mayFail = ` AND taken_from IS NOT NULL AND failing_at IS NULL AND status NOT IN ('ready', 'failed') `

// RecordFailing is Fail for a job that works in the sandbox of an earlier version.
func (s *Store) RecordFailing(ctx context.Context, j job.Job, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET` + failing + changed + mine + mayFail + returning
	return s.write(ctx, sql, with(builder(j), postgres.Args{"message": message, "debug_id": debugID}))
}

// givenBack ends a job that gave back, or lost, what it took.
const givenBack = ` status = 'failed', error_message = failing, failing = NULL, failing_at = NULL, env_sealed = NULL, ` + ended

// HandBack ends a job that gives back: the version that it took the sandbox from has
// it again, running and due to sleep at once, and is returned. Where the job has
// changed nothing, a call of its builder may still be under way: it is waited for.
// job.ErrConflict: not the caller's any more, or there is no such version.
func (s *Store) HandBack(ctx context.Context, j job.Job) (job.Job, error) {
	const take = `UPDATE jobs SET sandbox_state = 'running', moved_to = NULL, epoch = @epoch + 1, marker_epoch = coalesce(@marker, marker_epoch),
			sandbox_expires_at = @expires, pause_due_at = greatest(@due, now()), op_until = @op_until,` + changed + `
		WHERE id = @id::uuid AND moved_to = @to::uuid AND sandbox_state = 'moved' AND deleted_at IS NULL`
	const leave = `UPDATE jobs SET sandbox_state = 'moved', sandbox_id = NULL,` + unclaimed + givenBack + changed + mine + `AND coalesce(kept_hash, '') = @hash`
	back := postgres.Args{
		"id": j.TakenFrom, "to": j.ID, "epoch": j.Epoch, "marker": j.MarkerEpoch,
		"expires": zeronull.Timestamptz(j.SandboxExpiresAt), "due": zeronull.Timestamptz(j.PauseDueAt), "op_until": nil,
	}
	until := j.OpUntil
	if j.KeptHash == "" { // every snapshot since the take holds that version's files
		back["marker"] = nil
		if j.LeaseUntil.After(until) {
			until = j.LeaseUntil
		}
	}
	if until.After(j.ReadAt) {
		back["op_until"] = until
	}
	_, a, err := s.pair(ctx, one{leave, with(builder(j), postgres.Args{"hash": j.KeptHash})}, one{take, back})
	return a, err
}

// lost is what a row writes whose sandbox went with another's. Of those that went
// together one goes on naming it, for who has still to kill it.
const lost = ` sandbox_state = 'gone', gone_at = now(), moved_to = NULL, ` + unclaimed

// Lose ends a job that took a sandbox and cannot give it back: it is gone for both.
// The version that it was taken from may be gone already.
func (s *Store) Lose(ctx context.Context, j job.Job, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET` + lost + `failing = NULL, failing_at = NULL,` + failed + changed + mine + ` AND taken_from IS NOT NULL` + returning
	return s.lose(ctx, j, false, sql, with(builder(j), postgres.Args{"message": message, "debug_id": debugID}))
}

// LoseOverdue is Lose for a job that has tried for job.GiveBackTime, and that nobody
// holds.
func (s *Store) LoseOverdue(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET` + lost + givenBack + changed + asRead + `
		AND failing_at < now() - @most::interval AND lease_until < now() - @late::interval` + returning
	return s.lose(ctx, j, false, sql, with(reader(j), postgres.Args{"most": job.GiveBackTime, "late": job.ReconcileAfter}))
}

// LoseAlone notes that the sandbox that a job took was lost before the job changed
// anything: the version is gone, and the job goes on as if it had taken none.
func (s *Store) LoseAlone(ctx context.Context, j job.Job) (job.Job, error) {
	const sql = `UPDATE jobs SET taken_from = NULL, sandbox_id = NULL, sandbox_stack = '', sandbox_state = 'none', marker_epoch = 0, missing_since = NULL,` + unclaimed + changed + mine + `
		AND taken_from IS NOT NULL AND kept_hash IS NULL` + returning
	return s.lose(ctx, j, true, sql, builder(j))
}

// lose writes a job, by a statement of its own, and the version that it took its
// sandbox from, unless that has been given up. alone: the version's row goes on naming
// the sandbox, and not the job's.
func (s *Store) lose(ctx context.Context, j job.Job, alone bool, sql string, args postgres.Args) (lostJob job.Job, err error) {
	const gone = `UPDATE jobs SET missing_since = NULL, sandbox_id = CASE WHEN @named THEN sandbox_id END,` + lost + changed + ` WHERE id = @id::uuid AND moved_to = @to::uuid AND sandbox_state = 'moved'` + returning
	var rows []job.Job
	err = s.db.Together(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows = nil
		a, err := scanJob(tx.QueryRow(ctx, gone, postgres.Args{"id": j.TakenFrom, "to": j.ID, "named": alone}))
		if err == nil {
			rows = append(rows, a)
		} else if err = postgres.WhenNone(err, nil); err != nil {
			return err
		}
		lostJob, err = scanJob(tx.QueryRow(ctx, sql, args))
		rows = append(rows, lostJob)
		return postgres.WhenNone(err, job.ErrConflict)
	})
	if err != nil {
		return job.Job{}, err
	}
	for _, row := range rows {
		s.publish(ctx, row)
	}
	return lostJob, nil
}
