package jobs

import (
	"cmp"
	"context"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres"
)

// OverduePauses returns the READY jobs that run although their pause was due
// job.ReconcileAfter ago, the longest overdue first; not those that were asked
// for lately.
func (s *Store) OverduePauses(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE` + ours + `AND status = 'ready' AND sandbox_state = 'running'
		AND pause_due_at < now() - @late::interval AND` + unasked("pause_due_at") + `
		ORDER BY pause_due_at LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"stack": s.stack, "late": job.ReconcileAfter, "silence": job.MaxPauseSilence, "limit": limit})
}

// AbandonedOps returns the READY jobs whose pause or resume has had no owner
// for job.ReconcileAfter, the longest abandoned first; not those that were asked
// for lately. Until then it is up to their own messages.
func (s *Store) AbandonedOps(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE` + ours + `AND status = 'ready' AND sandbox_state IN ('pausing', 'resuming')
		AND op_until < now() - @late::interval AND` + unasked("op_until") + `
		ORDER BY op_until LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"stack": s.stack, "late": job.ReconcileAfter, "silence": job.MaxPauseSilence, "limit": limit})
}

// AbandonedTurns returns the unfinished jobs that nobody has held for
// job.ReconcileAfter, the longest abandoned first; not those that were asked for
// lately, unless they have begun and are past their deadline.
func (s *Store) AbandonedTurns(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE` + ours + `AND status NOT IN ('ready', 'failed', 'scheduled')
		AND lease_until < now() - @late::interval AND (status <> 'queued' AND deadline_at < now() AND failing_at IS NULL OR` + unasked("lease_until") + `)
		ORDER BY lease_until LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"stack": s.stack, "late": job.ReconcileAfter, "silence": job.MaxTurnSilence, "limit": limit})
}

// DueSchedules returns the scheduled jobs whose day has come.
func (s *Store) DueSchedules(ctx context.Context, limit int) ([]job.Job, error) {
	const sql = listed + `WHERE status = 'scheduled' AND schedule_for <= now() ORDER BY schedule_for LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"limit": limit})
}

// Owners returns the jobs that have, or had, one of these sandboxes, and those with
// one of these ids.
func (s *Store) Owners(ctx context.Context, sandboxIDs, jobIDs []string) ([]job.Job, error) {
	const sql = listed + `WHERE (sandbox_id = ANY(@sandboxes::text[]) AND sandbox_state <> 'moved') OR id = ANY(@ids::uuid[])`
	return s.list(ctx, sql, postgres.Args{"sandboxes": sandboxIDs, "ids": jobIDs})
}

// Missing returns the finished jobs whose sandbox E2B did not know a grace
// period ago, the longest missing first.
func (s *Store) Missing(ctx context.Context, limit int) ([]job.Job, error) {
	const sql = listed + `WHERE` + ours + `AND missing_since < now() - @grace::interval AND status IN ('ready', 'failed')
		ORDER BY missing_since LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"stack": s.stack, "grace": job.Grace, "limit": limit})
}

// Awake returns, by id from after on, the finished jobs whose sandbox the row
// does not claim to sleep.
func (s *Store) Awake(ctx context.Context, after string, limit int) ([]job.Job, error) {
	const sql = listed + `WHERE` + ours + `AND sandbox_state IN ('running', 'pausing', 'resuming') AND status IN ('ready', 'failed')
		AND id > @after::uuid ORDER BY id LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"stack": s.stack, "after": cmp.Or(after, noID), "limit": limit})
}

// Asleep returns, by id from after on, the jobs whose sandbox sleeps. What it
// says twice of the state is, word for word, the condition of the index
// jobs_with_sandbox.
func (s *Store) Asleep(ctx context.Context, after string, limit int) ([]job.Job, error) {
	const sql = listed + `WHERE` + ours + `AND sandbox_state NOT IN ('none', 'gone', 'moved') AND sandbox_state = 'paused'
		AND id > @after::uuid ORDER BY id LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"stack": s.stack, "after": cmp.Or(after, noID), "limit": limit})
}

// noID comes before every id.
const noID = "00000000-0000-0000-0000-000000000000"

// Changed returns the jobs changed after a moment, or in that very moment with
// an id above after, in that order.
func (s *Store) Changed(ctx context.Context, since time.Time, after string, limit int) ([]job.Job, error) {
	const sql = listed + `WHERE (updated_at, id) > (@since::timestamptz, @after::uuid) ORDER BY updated_at, id LIMIT @limit`
	return s.list(ctx, sql, postgres.Args{"since": since, "after": cmp.Or(after, noID), "limit": limit})
}
