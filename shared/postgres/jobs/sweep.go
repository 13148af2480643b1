package jobs

import (
	"context"
	"fmt"
	"time"

	"siesta/shared/job"
)

// unasked is the condition that leaves out the rows for which a message was sent
// since a moment, until as much time has passed again, or the most: one that
// waits in a long queue, or for a function that is down, gets no new one every
// minute. A message from before that moment leaves no row out.
func unasked(since string, most time.Duration) string {
	return fmt.Sprintf(`(asked_at IS NULL OR now() - asked_at >= least(asked_at - %[1]s, interval '%[2]d seconds'))`, since, int(most.Seconds()))
}

// RecordAsked notes that a message was sent for each of these jobs.
func (s *Store) RecordAsked(ctx context.Context, jobs []job.Job) error {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	return s.db.Exec(ctx, `UPDATE jobs SET asked_at = now() WHERE id = ANY($1::uuid[])`, ids)
}

// OverduePauses returns the READY jobs that run although their pause was due
// ReconcileAfter ago, the longest overdue first; not those that were asked for
// lately.
func (s *Store) OverduePauses(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE sandbox_stack IN ('', $3) AND status = 'ready' AND sandbox_state = 'running'
		AND pause_due_at < now() - make_interval(secs => $1::float8) AND ` + unasked("pause_due_at", job.MaxPauseSilence) + `
		ORDER BY pause_due_at LIMIT $2`
	return s.list(ctx, sql, seconds(job.ReconcileAfter), limit, s.stack)
}

// AbandonedOps returns the READY jobs whose pause or resume has had no owner
// for ReconcileAfter, the longest abandoned first; not those that were asked for
// lately. Until then it is up to their own messages.
func (s *Store) AbandonedOps(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE sandbox_stack IN ('', $3) AND status = 'ready' AND sandbox_state IN ('pausing', 'resuming')
		AND op_until < now() - make_interval(secs => $1::float8) AND ` + unasked("op_until", job.MaxPauseSilence) + `
		ORDER BY op_until LIMIT $2`
	return s.list(ctx, sql, seconds(job.ReconcileAfter), limit, s.stack)
}

// AbandonedTurns returns the unfinished jobs that nobody has held for
// ReconcileAfter, the longest abandoned first; not those that were asked for
// lately, unless they have begun and are past their deadline.
func (s *Store) AbandonedTurns(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE sandbox_stack IN ('', $3) AND status NOT IN ('ready', 'failed', 'scheduled')
		AND lease_until < now() - make_interval(secs => $1::float8) AND (status <> 'queued' AND deadline_at < now() OR ` + unasked("lease_until", job.MaxTurnSilence) + `)
		ORDER BY lease_until LIMIT $2`
	return s.list(ctx, sql, seconds(job.ReconcileAfter), limit, s.stack)
}

// DueSchedules returns the scheduled jobs whose day has come.
func (s *Store) DueSchedules(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE status = 'scheduled' AND schedule_for <= now() ORDER BY schedule_for LIMIT $1`
	return s.list(ctx, sql, limit)
}

// Owners returns the jobs that have one of these sandboxes, and those with one
// of these ids.
func (s *Store) Owners(ctx context.Context, sandboxIDs, jobIDs []string) ([]job.Job, error) {
	sql := listed + `WHERE sandbox_id = ANY($1::text[]) OR id = ANY($2::uuid[])`
	return s.list(ctx, sql, sandboxIDs, jobIDs)
}

// Missing returns the finished jobs whose sandbox E2B did not know a grace
// period ago, the longest missing first.
func (s *Store) Missing(ctx context.Context, limit int) ([]job.Job, error) {
	sql := listed + `WHERE sandbox_stack IN ('', $3) AND missing_since < now() - make_interval(secs => $1::float8) AND status IN ('ready', 'failed')
		ORDER BY missing_since LIMIT $2`
	return s.list(ctx, sql, seconds(job.Grace), limit, s.stack)
}

// Awake returns, by id from after on, the finished jobs whose sandbox the row
// does not claim to sleep.
func (s *Store) Awake(ctx context.Context, after string, limit int) ([]job.Job, error) {
	sql := listed + `WHERE sandbox_stack IN ('', $3) AND sandbox_state IN ('running', 'pausing', 'resuming') AND status IN ('ready', 'failed')
		AND id > $1::uuid ORDER BY jobs.id LIMIT $2`
	return s.list(ctx, sql, orFirst(after), limit, s.stack)
}

// Asleep returns, by id from after on, the jobs whose sandbox sleeps. What it
// says twice of the state is, word for word, the condition of the index
// jobs_with_sandbox.
func (s *Store) Asleep(ctx context.Context, after string, limit int) ([]job.Job, error) {
	sql := listed + `WHERE sandbox_stack IN ('', $3) AND sandbox_state NOT IN ('none', 'gone') AND sandbox_state = 'paused'
		AND id > $1::uuid ORDER BY jobs.id LIMIT $2`
	return s.list(ctx, sql, orFirst(after), limit, s.stack)
}

func orFirst(id string) string {
	if id == "" {
		return "00000000-0000-0000-0000-000000000000"
	}
	return id
}

// Changed returns the jobs changed after a moment, or in that very moment with
// an id above after, in that order.
func (s *Store) Changed(ctx context.Context, since time.Time, after string, limit int) ([]job.Job, error) {
	sql := listed + `WHERE (updated_at, id) > ($1::timestamptz, $2::uuid) ORDER BY jobs.updated_at, jobs.id LIMIT $3`
	return s.list(ctx, sql, since, orFirst(after), limit)
}
