package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

func TestALatePauseIsAskedForAgain(t *testing.T) {
	b := setup(t)
	j := b.ready()
	b.Pass(30 * time.Second) // its own message is on its way
	b.quiet()
	if n, _ := b.pausesAsked(j); n != 0 {
		t.Errorf("%d messages for a pause that is not late", n)
	}
	b.Pass(time.Minute)
	b.want(b.reconcile(), latePauses, count{1, 1, 0})
	if n, epoch := b.pausesAsked(j); n != 1 || epoch != j.Epoch {
		t.Errorf("%d messages, epoch %d; want one for epoch %d", n, epoch, j.Epoch)
	}
}

func TestAResumedPreviewIsLeftAloneUntilItIsDue(t *testing.T) {
	b := setup(t)
	j := b.resumed()
	b.Pass(9 * time.Minute)
	b.quiet()
	b.Pass(3 * time.Minute)
	b.want(b.reconcile(), latePauses, count{1, 1, 0})
	if _, epoch := b.pausesAsked(j); epoch != j.Epoch {
		t.Errorf("epoch %d, want %d", epoch, j.Epoch)
	}
}

// A refusal is for an hour at the least: nothing asks again every minute.
func TestARefusedPauseIsNotAskedForEveryMinute(t *testing.T) {
	b := setup(t)
	j := b.ready()
	j = b.Must(b.Rows.TakePause(b.ctx, j.ID, j.Epoch))
	b.Must(b.Rows.RecordPauseRefused(b.ctx, j, "The plan has no pause."))
	for range 3 {
		b.Pass(15 * time.Minute)
		b.want(b.reconcile(), latePauses, count{})
	}
}

func TestAnAbandonedPauseOrResumeIsPutToSleep(t *testing.T) {
	b := setup(t)
	pausing := b.ready()
	pausing = b.Must(b.Rows.TakePause(b.ctx, pausing.ID, pausing.Epoch))
	resuming := b.Must(b.Rows.TakeResume(b.ctx, b.paused(), jobs.Wake{Time: 10 * time.Minute}))
	b.Pass(job.OpTime + 30*time.Second)
	b.quiet()
	b.Pass(31 * time.Second)
	b.want(b.reconcile(), abandonedOps, count{2, 2, 0})
	for _, j := range []job.Job{pausing, resuming} {
		if n, epoch := b.pausesAsked(j); n != 1 || epoch != j.Epoch {
			t.Errorf("%s: %d messages, epoch %d", j.SandboxState, n, epoch)
		}
	}
}

func TestAnAbandonedTurnIsAskedForAgain(t *testing.T) {
	b := setup(t)
	queued := b.accept()
	claimed := b.Must(b.Rows.ClaimTurn(b.ctx, b.accept().ID, 0))
	handed := b.building()
	handed = b.Must(b.Rows.HandOver(b.ctx, handed, handed.Progress, 10*time.Second))
	b.Pass(30 * time.Second)
	b.quiet()
	b.Pass(45 * time.Second) // the claim's lease has run for 75 s of 105
	b.want(b.reconcile(), abandonedTurns, count{2, 2, 0})
	b.Pass(100 * time.Second)
	b.want(b.reconcile(), abandonedTurns, count{3, 3, 0})
	for _, c := range []struct {
		j    job.Job
		want []int
	}{{queued, []int{0, 0}}, {claimed, []int{0}}, {handed, []int{1, 1}}} {
		if got := b.turnsAsked(c.j); !slices.Equal(got, c.want) {
			t.Errorf("turns asked for: %v, want %v", got, c.want)
		}
	}
}

func TestAnOverdueJobFailsInWordsAndLeavesNothingRunning(t *testing.T) {
	b := setup(t)
	building, early := b.building(), b.creating()
	b.Pass(time.Hour + 3*time.Minute)
	r := b.reconcile()
	b.want(r, overdueJobs, count{2, 2, 0})
	b.want(r, abandonedTurns, count{})
	for _, j := range []job.Job{building, early} {
		row := b.Row(j.ID)
		if row.Status != job.Failed || !strings.Contains(row.ErrorMessage, "limit of 1h0m0s") || row.DebugID == "" {
			t.Errorf("got %s, %q, debug id %q", row.Status, row.ErrorMessage, row.DebugID)
		}
		if !strings.Contains(b.Log.String(), row.DebugID) {
			t.Error("the debug id leads to no line of the log")
		}
	}
	b.wantState(building.ID, job.SandboxGone)
	b.wantBox(building.SandboxID, e2bsim.StateGone)
	b.quiet()
}

// A copy of the database names sandboxes that belong to the original.
func TestAnOverdueJobOfACopyLeavesTheOriginalsSandboxAlone(t *testing.T) {
	b := setup(t)
	j := b.creating()
	j = b.Must(b.Rows.RecordSandbox(b.ctx, j, b.Create(job.Tags("original", j.ID, j.CreateNo)), 30*time.Minute))
	b.Pass(time.Hour + 3*time.Minute)
	b.want(b.reconcile(), overdueJobs, count{1, 1, 0})
	if got := b.Row(j.ID).Status; got != job.Failed {
		t.Errorf("the job is %s", got)
	}
	if b.Calls(e2bsim.Kill) > 0 {
		t.Error("a sandbox with another stack's tag was killed")
	}
}

// It waits behind others, or for a function that is down.
func TestAQueuedJobHasAllItsTimeBeforeIt(t *testing.T) {
	b := setup(t)
	j := b.accept()
	b.Pass(5 * time.Hour)
	r := b.reconcile()
	b.want(r, overdueJobs, count{})
	b.want(r, abandonedTurns, count{1, 1, 0})
	if got := b.turnsAsked(j); !slices.Equal(got, []int{0}) {
		t.Errorf("turns asked for: %v, want its first", got)
	}
	begun := b.Must(b.Rows.Begin(b.ctx, b.Must(b.Rows.ClaimTurn(b.ctx, j.ID, 0)), job.Limits{}))
	if left := begun.DeadlineAt.Sub(begun.ReadAt); left < 59*time.Minute {
		t.Errorf("it has %v to build", left)
	}
}

// A builder that is at work ends its job itself.
func TestAnOverdueJobThatIsHeldIsLeftToItsBuilder(t *testing.T) {
	b := setup(t)
	j := b.creating()
	j = b.Must(b.Rows.HandOver(b.ctx, j, j.Progress, time.Minute))
	b.Pass(time.Hour + 3*time.Minute)
	held := b.Must(b.Rows.ClaimTurn(b.ctx, j.ID, 1))
	b.want(b.reconcile(), overdueJobs, count{})
	if b.Row(j.ID).Revision != held.Revision {
		t.Error("a job under a lease was written")
	}
}

func TestAScheduledJobRunsWhenItsDayHasCome(t *testing.T) {
	b := setup(t)
	first := b.accept()
	n := jobs.NewJob{
		ID: job.NewID(), UserID: alice, Tier: job.Bootstrapper, Deadline: time.Hour, PerDay: 1,
		Request: job.Request{ProjectID: first.ProjectID, Goal: "a page", Template: "base"},
	}
	j, _, err := b.Rows.Accept(b.ctx, n)
	b.OK(err)
	if j.Status != job.Scheduled {
		t.Fatalf("got %s", j.Status)
	}
	b.Pass(30 * time.Second)
	if j.ScheduleFor.Sub(j.ReadAt) > time.Minute { // not in the last minute of a day
		b.want(b.reconcile(), dueSchedules, count{})
	}
	b.Pass(j.ScheduleFor.Sub(j.ReadAt))
	b.want(b.reconcile(), dueSchedules, count{1, 1, 0})
	row := b.Row(j.ID)
	if row.Status != job.Queued || row.DeadlineAt.Sub(row.ReadAt) < 59*time.Minute {
		t.Errorf("got %s with %v to its deadline", row.Status, row.DeadlineAt.Sub(row.ReadAt))
	}
	if got := b.turnsAsked(j); !slices.Equal(got, []int{0}) {
		t.Errorf("turns asked for: %v", got)
	}
	b.Must(b.Rows.ClaimTurn(b.ctx, j.ID, 0))
}

// Without a queue a scheduled job is queued all the same, and asked for later.
func TestWithoutQueuesTheRowsAreStillHealed(t *testing.T) {
	b := setup(t)
	j := b.building()
	late := b.ready()
	b.Pass(time.Hour + 3*time.Minute)
	builds, pauses := b.builds, b.pauses
	b.builds, b.pauses = functiontest.DeadQueue(t), functiontest.DeadQueue(t)
	r := b.reconcile()
	b.want(r, overdueJobs, count{1, 1, 0})
	b.want(r, latePauses, count{1, 0, 1})
	b.wantFailed(r, "pauses")
	if b.Row(j.ID).Status != job.Failed {
		t.Errorf("the overdue job is %s", b.Row(j.ID).Status)
	}
	b.builds, b.pauses = builds, pauses
	b.want(b.reconcile(), latePauses, count{1, 1, 0})
	if n, _ := b.pausesAsked(late); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestOneRunTakesUpABoundedNumberAndTheNextGoesOn(t *testing.T) {
	b := setup(t)
	first := b.accept()
	b.Pass(2 * time.Minute)
	_, err := b.Pool.Exec(b.ctx, `INSERT INTO jobs (id, project_id, user_id, tier, goal, build_version, lease_until)
		SELECT gen_random_uuid(), $1, 'user_' || n, 'bootstrapper', 'a page', 'build_v0_1', now() - interval '90 seconds'
		FROM generate_series(1, $2::int) AS n`, first.ProjectID, maxRows)
	b.OK(err)
	b.want(b.reconcile(), abandonedTurns, count{maxRows, maxRows, 0})
	if len(b.turnsAsked(first)) != 1 {
		t.Error("the longest abandoned job was not the first")
	}
	b.want(b.reconcile(), abandonedTurns, count{1, 1, 0}) // the rest follows
}

// While a function is down or its queue is long, messages must not pile up.
func TestWhatWasAskedForIsAskedForLessAndLessOften(t *testing.T) {
	b := setup(t)
	queued, due := b.accept(), b.ready()
	b.Must(b.Rows.TakeResume(b.ctx, b.paused(), jobs.Wake{Time: time.Hour}))
	asked := map[rule]int{}
	for range 55 {
		b.Pass(time.Minute)
		r := b.reconcile()
		for _, what := range []rule{abandonedTurns, latePauses, abandonedOps} {
			asked[what] += r.Rules[what].Healed
		}
	}
	for what, most := range map[rule]int{abandonedTurns: 9, latePauses: 20, abandonedOps: 20} {
		if n := asked[what]; n < most-3 || n > most {
			t.Errorf("%s: asked %d times in an hour, want at most %d", what, n, most)
		}
	}
	// What is stuck once more is a new matter.
	pauses, _ := b.pausesAsked(due)
	turns := len(b.turnsAsked(queued))
	b.Must(b.Rows.TakePause(b.ctx, due.ID, due.Epoch))
	b.Must(b.Rows.ClaimTurn(b.ctx, queued.ID, 0))
	b.Pass(job.OpTime + job.ReconcileAfter + time.Second)
	b.reconcile()
	if n, _ := b.pausesAsked(due); n != pauses+1 {
		t.Errorf("%d more pauses asked for, want 1", n-pauses)
	}
	if n := len(b.turnsAsked(queued)); n != turns+1 {
		t.Errorf("%d more turns asked for, want 1", n-turns)
	}
}
