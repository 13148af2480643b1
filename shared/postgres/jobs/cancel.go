package jobs

import (
	"context"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Cancel fails a job that is not terminal. job.ErrConflict: it is, or it has taken an
// earlier version's sandbox; see CancelTaken.
func (s *Store) Cancel(ctx context.Context, id, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET ` + failed + changed + `
		WHERE id = @id::uuid AND status NOT IN ('ready', 'failed') AND taken_from IS NULL` + returning
	return s.write(ctx, sql, postgres.Args{"id": id, "message": message, "debug_id": debugID})
}
