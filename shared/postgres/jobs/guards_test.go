package jobs_test

import (
	"testing"
	"time"

	"siesta/shared/job"
)

// A duplicate of an older turn's message comes when nobody holds the job.
func TestAnOlderTurnIsNotClaimed(t *testing.T) {
	b := setup(t)
	j := b.withSandbox()
	j = must(t)(b.HandOver(b.ctx, j, j.Progress, 10*time.Second))
	b.pass(time.Minute)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ClaimTurn(b.ctx, j.ID, j.Turn-1) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ClaimTurn(b.ctx, j.ID, j.Turn+1) })
	must(t)(b.ClaimTurn(b.ctx, j.ID, j.Turn))
}

// For as long as a list may lag, it shows a sandbox from before its pause.
func TestAWakeIsBelievedOnlyAfterAGrace(t *testing.T) {
	b := setup(t)
	j := b.paused()
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordWoken(b.ctx, j, time.Now()) })
	b.pass(job.Grace + time.Second)
	woken := must(t)(b.RecordWoken(b.ctx, j, time.Now()))
	if woken.Epoch != j.Epoch+1 || woken.SandboxPaused || woken.PauseDueAt.After(woken.ReadAt) {
		t.Errorf("got epoch %d, paused %v, due in %v", woken.Epoch, woken.SandboxPaused, woken.PauseDueAt.Sub(woken.ReadAt))
	}
}
