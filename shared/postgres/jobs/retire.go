package jobs

import (
	"context"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// retirable: a version that sleeps for longer than any call to E2B may take, that
// can be built again, and that has so many younger ones with a sandbox in its
// project, which are counted by the condition of the index jobs_current. Needs
// @stack, @grace and @keep.
const retirable = ours + ` AND status = 'ready' AND sandbox_state = 'paused' AND paused_at < now() - @grace::interval
		AND source_key <> 'none'
		AND @keep <= (SELECT count(*) FROM jobs younger WHERE younger.user_id = jobs.user_id AND younger.project_id = jobs.project_id
			AND younger.status = 'ready' AND younger.deleted_at IS NULL AND younger.sandbox_state NOT IN ('none', 'gone', 'moved')
			AND coalesce(younger.current_at, younger.completed_at) > coalesce(jobs.current_at, jobs.completed_at)) `

// Surplus returns the versions that have keep younger ones beside them,
// of the projects in which one began to count within a time.
func (s *Store) Surplus(ctx context.Context, keep int, within time.Duration, limit int) ([]job.Job, error) {
	const sql = `WITH busy AS (
			SELECT DISTINCT user_id AS u, project_id AS p FROM jobs WHERE updated_at > now() - @within::interval AND current_at > now() - @within::interval
		) ` + listed + `JOIN busy ON user_id = u AND project_id = p WHERE` + retirable + `ORDER BY` + counted + `LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"stack": s.stack, "grace": job.Grace, "keep": keep, "within": within, "limit": limit})
}

// RecordRetired gives up the sandbox of a version as it was read, before E2B is
// told: its kept code can make another. job.ErrConflict: the row has moved on, or
// it is no surplus any more.
func (s *Store) RecordRetired(ctx context.Context, j job.Job, keep int) (job.Job, error) {
	const sql = `UPDATE jobs SET sandbox_state = 'gone', gone_at = now(), sandbox_paused = false, sandbox_expires_at = NULL, op_until = NULL,
			missing_since = NULL,` + changed + asRead + `AND` + retirable + returning
	return s.write(ctx, sql, with(reader(j), postgres.Args{"stack": s.stack, "grace": job.Grace, "keep": keep}))
}
