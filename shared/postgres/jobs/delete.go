package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// wiped is what a deleted job has no more: nothing of its user's.
const wiped = ` deleted_at = now(), goal = '', request = '{}', env_sealed = NULL, plan = '{}', pause_error = NULL, idempotency_key = NULL, request_hash = NULL,
			source_key = coalesce(source_key, 'none'), `

// Delete gives up what a finished job has: for its user it is not there any more.
// What remains says whose it was, its version, and what has still to be removed:
// its sandbox, by E2B, unless that has moved, and its kept code and log, for as long as
// there is a SourceKey. With it the version that it took its sandbox from is gone, and
// names that no more: a later one may have it. What
// a job has still to give back is its builder's. job.ErrConflict: it is neither finished
// nor gives back, or is deleted already.
func (s *Store) Delete(ctx context.Context, id string) (job.Job, error) {
	const sql = `UPDATE jobs SET` + wiped + `
			preview_url = CASE WHEN status = 'ready' THEN '' END, error_message = CASE WHEN status = 'failed' THEN '' END,
			sandbox_state = CASE WHEN sandbox_state IN ('none', 'moved') THEN sandbox_state ELSE 'gone' END,
			gone_at = CASE WHEN sandbox_state NOT IN ('none', 'moved') THEN coalesce(gone_at, now()) END,
			sandbox_paused = false, sandbox_expires_at = NULL, op_until = NULL, waiter_until = NULL, missing_since = NULL,` + changed + `
		WHERE id = @id::uuid AND status IN ('ready', 'failed') AND deleted_at IS NULL` + returning
	const unfinished = `UPDATE jobs SET failing = '',` + wiped + changed + `
		WHERE id = @id::uuid AND failing_at IS NOT NULL AND deleted_at IS NULL` + returning
	const before = `UPDATE jobs SET missing_since = NULL, sandbox_id = NULL,` + lost + changed + `
		WHERE id = @id::uuid AND moved_to = @to::uuid AND sandbox_state = 'moved' AND deleted_at IS NULL` + returning
	var rows []job.Job
	err := s.db.Together(ctx, func(ctx context.Context, tx pgx.Tx) error {
		j, err := scanJob(tx.QueryRow(ctx, sql, postgres.Args{"id": id}))
		if errors.Is(err, pgx.ErrNoRows) {
			j, err = scanJob(tx.QueryRow(ctx, unfinished, postgres.Args{"id": id}))
		}
		if err != nil {
			return postgres.WhenNone(err, job.ErrConflict)
		}
		rows = []job.Job{j}
		if !j.Took() || j.Status != job.Ready {
			return nil
		}
		from, err := scanJob(tx.QueryRow(ctx, before, postgres.Args{"id": j.TakenFrom, "to": j.ID}))
		if err == nil {
			rows = append(rows, from)
		}
		return postgres.WhenNone(err, nil)
	})
	if err != nil {
		return job.Job{}, err
	}
	for _, row := range rows {
		s.publish(ctx, row)
	}
	return rows[0], nil
}

// RecordCodeDeleted notes that a deleted job's code and log are kept no longer.
func (s *Store) RecordCodeDeleted(ctx context.Context, id string) (job.Job, error) {
	const sql = `UPDATE jobs SET source_key = NULL,` + changed + ` WHERE id = @id::uuid AND deleted_at IS NOT NULL AND source_key IS NOT NULL` + returning
	return s.write(ctx, sql, postgres.Args{"id": id})
}

// CodeLeft returns the jobs that were deleted job.ReconcileAfter ago and whose
// code or log may still be kept, the longest deleted first.
func (s *Store) CodeLeft(ctx context.Context, limit int) ([]job.Job, error) {
	const sql = listed + `WHERE deleted_at < now() - @late::interval AND source_key IS NOT NULL ORDER BY deleted_at LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"late": job.ReconcileAfter, "limit": limit})
}

// Forget removes up to limit of the jobs that were deleted before as long, and
// returns how many there were. One whose code or log may still be kept stays.
func (s *Store) Forget(ctx context.Context, after time.Duration, limit int) (int, error) {
	const sql = `WITH old AS (
			SELECT id FROM jobs WHERE deleted_at < now() - @after::interval AND source_key IS NULL AND status IN ('ready', 'failed') ORDER BY deleted_at LIMIT @limit
		), forgotten AS (
			DELETE FROM jobs USING old WHERE jobs.id = old.id RETURNING 1
		) SELECT count(*) FROM forgotten`
	return postgres.One(ctx, s.db, nil, postgres.Scan[int], sql, postgres.Args{"after": after, "limit": limit})
}
