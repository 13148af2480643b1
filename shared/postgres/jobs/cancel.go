package jobs

import (
	"context"

	"siesta/shared/job"
)

// Cancel fails a job that is not terminal. job.ErrConflict: it is.
func (s *Store) Cancel(ctx context.Context, id, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET status = 'failed', error_message = $2, debug_id = $3,` + ended + changed + `
		WHERE id = $1::uuid AND status NOT IN ('ready', 'failed')` + returning
	return s.write(ctx, sql, id, message, debugID)
}
