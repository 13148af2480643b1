package jobs_test

import (
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

// TestACopyOfTheDatabaseTouchesNoSandbox: a copy names the original's
// sandboxes; the stack that runs on it neither asks for anything about them nor
// takes anything.
func TestACopyOfTheDatabaseTouchesNoSandbox(t *testing.T) {
	b := setup(t)
	of := func(stack string) fixture {
		own := b
		own.Store = b.open(b.db, stack)
		return own
	}
	original, copied := of("original"), of("copy")
	asleep, due, building := original.paused(), original.ready(), original.withSandbox()
	resuming := original.resuming()
	b.pass(20 * time.Minute)
	for name, list := range map[string]func(*jobs.Store) ([]job.Job, error){
		"overdue pauses":  func(s *jobs.Store) ([]job.Job, error) { return s.OverduePauses(b.ctx, 10) },
		"abandoned ops":   func(s *jobs.Store) ([]job.Job, error) { return s.AbandonedOps(b.ctx, 10) },
		"abandoned turns": func(s *jobs.Store) ([]job.Job, error) { return s.AbandonedTurns(b.ctx, 10) },
		"awake":           func(s *jobs.Store) ([]job.Job, error) { return s.Awake(b.ctx, "", 10) },
		"asleep":          func(s *jobs.Store) ([]job.Job, error) { return s.Asleep(b.ctx, "", 10) },
	} {
		if rows, err := list(copied.Store); err != nil || len(rows) > 0 {
			t.Errorf("%s: the copy lists %d rows, %v", name, len(rows), err)
		}
		if rows, err := list(original.Store); err != nil || len(rows) == 0 {
			t.Errorf("%s: the original lists %d rows, %v", name, len(rows), err)
		}
	}
	if copied.Ours(due) || !original.Ours(due) || !copied.Ours(b.accept(newJob())) {
		t.Error("the original's sandbox is the original's, and a job without one is everybody's")
	}
	copied.wantUnwritten(due.ID, job.ErrConflict, func() (job.Job, error) { return copied.TakePause(b.ctx, due.ID, due.Epoch) })
	copied.wantUnwritten(asleep.ID, job.ErrConflict, func() (job.Job, error) { return copied.TakeResume(b.ctx, asleep, jobs.Wake{Time: 10 * time.Minute}) })
	copied.wantUnwritten(resuming.ID, job.ErrConflict, func() (job.Job, error) { return copied.JoinResume(b.ctx, resuming) })
	copied.wantUnwritten(building.ID, job.ErrConflict, func() (job.Job, error) { return copied.ClaimTurn(b.ctx, building.ID, building.Turn) })
	mine := must(t)(copied.ClaimTurn(b.ctx, copied.accept(newJob()).ID, 0))
	must(t)(copied.Begin(b.ctx, mine, job.Limits{PerUser: 1})) // the original's builds end in no copy
	must(t)(original.TakePause(b.ctx, due.ID, due.Epoch))
	must(t)(original.TakeResume(b.ctx, asleep, jobs.Wake{Time: 10 * time.Minute}))
	must(t)(original.ClaimTurn(b.ctx, building.ID, building.Turn))
}
