package jobs

import (
	"context"
	"errors"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// Cancel fails a job that is not terminal. One that has taken an earlier version's
// sandbox gives that back first: who is at work on it may still be writing files, so
// that its lease ends only where nobody is. job.ErrConflict: it has ended, or gives back
// already.
func (s *Store) Cancel(ctx context.Context, id, message, debugID string) (job.Job, error) {
	const sql = `UPDATE jobs SET ` + failed + changed + `
		WHERE id = @id::uuid AND status NOT IN ('ready', 'failed') AND taken_from IS NULL` + returning
	const taken = `UPDATE jobs SET lease_until = CASE WHEN claimed_turn < turn THEN now() ELSE lease_until END,` + failing + changed + `
		WHERE id = @id::uuid` + mayFail + returning
	args := postgres.Args{"id": id, "message": message, "debug_id": debugID}
	j, err := s.write(ctx, sql, args)
	if errors.Is(err, job.ErrConflict) {
		j, err = s.write(ctx, taken, args)
	}
	return j, err
}
