package jobs

import (
	"context"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// counted is since when a version is the one that counts, until another is. A
// builder of the version before this column did not write it.
const counted = ` coalesce(current_at, completed_at) `

// Page is where a list of versions goes on: after the version that was created
// then. Its zero value is the list's beginning.
type Page struct {
	CreatedAt time.Time
	ID        string
}

// Versions returns the jobs of a user's project, the newest first, without those
// that were deleted.
func (s *Store) Versions(ctx context.Context, user, project string, from Page, limit int) ([]job.Job, error) {
	const all = listed + `WHERE user_id = @user AND project_id = @project::uuid AND deleted_at IS NULL `
	const order = ` ORDER BY created_at DESC, id DESC LIMIT @limit`
	args := postgres.Args{"user": user, "project": project, "limit": limit}
	if from == (Page{}) {
		return s.list(ctx, all+order, args)
	}
	args["at"], args["id"] = from.CreatedAt, from.ID
	return s.list(ctx, all+`AND (created_at, id) < (@at::timestamptz, @id::uuid)`+order, args)
}

// Current returns the version of a user's project that counts: of those that
// became READY, or were restored, the last. job.ErrNotFound: there is none.
func (s *Store) Current(ctx context.Context, user, project string) (job.Job, error) {
	const sql = listed + `WHERE user_id = @user AND project_id = @project::uuid AND status = 'ready' AND deleted_at IS NULL
		ORDER BY` + counted + `DESC LIMIT 1`
	return s.read(ctx, sql, postgres.Args{"user": user, "project": project})
}

// Restore makes a READY version that has a sandbox the one that counts.
// job.ErrConflict: it is not, or has none.
func (s *Store) Restore(ctx context.Context, id string) (job.Job, error) {
	const sql = `UPDATE jobs SET current_at = now(),` + changed + `
		WHERE id = @id::uuid AND status = 'ready' AND deleted_at IS NULL AND sandbox_state NOT IN ('none', 'gone', 'moved')` + returning
	return s.write(ctx, sql, postgres.Args{"id": id})
}
