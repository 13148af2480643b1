package main

import (
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
)

// An iteration that had all its time gives back what it took, by its builder; nothing is
// killed.
func TestAnOverdueIterationGivesBack(t *testing.T) {
	b := setup(t)
	from := b.paused()
	j := b.Iterating(from)
	b.Pass(time.Hour + 3*time.Minute)
	b.want(b.reconcile(), overdueJobs, count{1, 1, 0})
	row := b.Row(j.ID)
	if !row.GivesBack() || !strings.Contains(row.Failing, "limit of 1h0m0s") || b.Calls(e2bsim.Kill) != 0 {
		t.Errorf("the iteration is %+v, after %d kills", row, b.Calls(e2bsim.Kill))
	}
	if turns := b.turnsAsked(j); len(turns) != 1 {
		t.Errorf("turns asked for: %v", turns)
	}
	// And again for as long as nobody takes that.
	b.Pass(job.MaxTurnSilence + time.Minute)
	b.want(b.reconcile(), abandonedTurns, count{1, 1, 0})
}

// Who has tried for a day has lost it, for both.
func TestWhatIsNotGivenBackInADayIsLost(t *testing.T) {
	b := setup(t)
	from := b.paused()
	j := b.Must(b.Rows.RecordFailing(b.ctx, b.Iterating(from), "The check failed.", job.NewID()))
	b.Pass(job.GiveBackTime - time.Minute)
	b.reconcile()
	if row := b.Row(j.ID); !row.GivesBack() {
		t.Errorf("before a day is over the iteration is %s", row.Status)
	}
	b.Pass(job.MaxTurnSilence + 2*time.Minute)
	b.reconcile()
	if row := b.Row(j.ID); row.Status != job.Failed || row.SandboxState != job.SandboxGone || row.ErrorMessage != "The check failed." {
		t.Errorf("the iteration is %+v", row)
	}
	b.wantState(from.ID, job.SandboxGone)
	b.wantBox(from.SandboxID, e2bsim.StateGone)
}

// A sandbox belongs to the row that has not moved: for a failed iteration that gave it
// back nothing is killed, nor for a version that has moved, whatever the tag says.
func TestAMovedRowKillsNoSandbox(t *testing.T) {
	b := setup(t)
	moved := b.paused()
	taken := b.Iterating(moved)
	back := b.paused()
	failed := b.Must(b.Rows.RecordFailing(b.ctx, b.Iterating(back), "words", job.NewID()))
	b.Must(b.Rows.HandBack(b.ctx, failed))
	b.Set(taken.ID, "lease_until = now() + interval '1 hour', deadline_at = now() + interval '1 hour'")
	b.Pass(2 * job.Grace)
	b.reconcile()
	b.Pass(2 * job.Grace)
	b.reconcile()
	if b.Calls(e2bsim.Kill) != 0 {
		t.Errorf("%d kills", b.Calls(e2bsim.Kill))
	}
	b.wantState(taken.ID, job.SandboxRunning)
	b.wantState(moved.ID, job.SandboxMoved)
	// What both have lost is nobody's.
	b.Must(b.Rows.Lose(b.ctx, b.Row(taken.ID), "words", job.NewID()))
	b.reconcile()
	b.wantBox(taken.SandboxID, e2bsim.StateGone)
}
