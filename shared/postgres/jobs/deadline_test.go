package jobs_test

import (
	"testing"
	"time"

	"siesta/shared/job"
)

func TestTheTimeToBuildCountsFromTheStart(t *testing.T) {
	b := setup(t)
	j := b.accept(newJob())
	b.pass(50 * time.Minute) // queued behind its user's other jobs
	j = must(t)(b.ClaimTurn(b.ctx, j.ID, 0))
	j = must(t)(b.Begin(b.ctx, j, job.Limits{}))
	if left := j.DeadlineAt.Sub(j.ReadAt); left != time.Hour {
		t.Errorf("got %v to build, want 1h", left)
	}
}
