package main

import (
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

// wakeOutside wakes a sandbox behind our back.
func (b *fixture) wakeOutside(j job.Job) {
	b.T.Helper()
	if _, resumed, err := b.e2b.Connect(b.ctx, j.SandboxID, time.Hour); err != nil || !resumed {
		b.T.Fatalf("resumed %v, %v", resumed, err)
	}
}

func TestASandboxThatWasWokenOutsideIsPutBackToSleep(t *testing.T) {
	b := setup(t)
	j := b.paused()
	b.wakeOutside(j)
	b.Pass(job.Grace - 30*time.Second)
	b.want(b.reconcile(), woken, count{})
	b.wantState(j.ID, job.SandboxPaused) // a GET may still show what was before the pause
	b.Pass(31 * time.Second)
	b.want(b.reconcile(), woken, count{1, 1, 0})
	row := b.wantState(j.ID, job.SandboxRunning)
	if row.Epoch != j.Epoch+1 || row.PauseDueAt.After(row.ReadAt) || row.SandboxExpiresAt.IsZero() {
		t.Errorf("got epoch %d, due at %v, expires %v", row.Epoch, row.PauseDueAt, row.SandboxExpiresAt)
	}
	if _, epoch := b.pausesAsked(row); epoch != row.Epoch {
		t.Errorf("a pause is asked for under epoch %d, want %d", epoch, row.Epoch)
	}
	b.Must(b.Rows.TakePause(b.ctx, row.ID, row.Epoch))
}

// A list that lags shows a sandbox running that sleeps by now.
func TestAWokenSandboxIsLookedAtBeforeItIsBelieved(t *testing.T) {
	b := setup(t)
	j := b.ready()
	b.OK(b.E2B.Advance(b.ctx, 2*time.Minute))
	j = b.Pause(j)
	b.Pass(job.Grace + time.Minute)
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Times: -1, Action: e2bsim.Lag, Lag: job.Grace + 2*time.Minute})
	b.want(b.reconcile(), woken, count{})
	b.wantState(j.ID, job.SandboxPaused)
}

func TestASleepThatTheRowDoesNotClaimIsNotWrittenByAGet(t *testing.T) {
	b := setup(t)
	j := b.resumed()
	b.OK(b.e2b.Pause(b.ctx, j.SandboxID))
	b.quiet()
	b.wantState(j.ID, job.SandboxRunning)
}

func TestALostSandboxIsGoneAfterTwo404sAGraceApart(t *testing.T) {
	for name, make := range map[string]func(b *fixture) job.Job{
		"paused":  (*fixture).paused,
		"running": (*fixture).resumed,
		"failed":  func(b *fixture) job.Job { return b.fail(b.building()) },
		"abandoned pause": func(b *fixture) job.Job {
			j := b.ready()
			j = b.Must(b.Rows.TakePause(b.ctx, j.ID, j.Epoch))
			b.Pass(job.OpTime + time.Second)
			return j
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := make(b)
			b.OK(b.E2B.Vanish(b.ctx, j.SandboxID))
			b.want(b.reconcile(), missing, count{1, 0, 0})
			b.wantState(j.ID, j.SandboxState)
			b.Pass(job.Grace - 30*time.Second)
			b.want(b.reconcile(), missing, count{})
			b.wantState(j.ID, j.SandboxState)
			b.Pass(31 * time.Second)
			b.want(b.reconcile(), missing, count{1, 1, 0})
			b.wantState(j.ID, job.SandboxGone)
			b.want(b.reconcile(), missing, count{})
		})
	}
}

func TestAnySightOfASandboxStartsTheCountAnew(t *testing.T) {
	for name, list := range map[string]bool{"in the list": true, "by itself": false} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.paused()
			b.Fault(e2bsim.Fault{Call: e2bsim.Get, Times: -1, Action: e2bsim.ErrorAnswer, Status: 404})
			b.want(b.reconcile(), missing, count{1, 0, 0})
			if list { // the run before had gone through the list already
				if b.reconcile(); !b.Row(j.ID).MissingSince.IsZero() {
					b.want(b.reconcile(), missing, count{1, 0, 0})
				}
			} else {
				b.E2B.ClearFaults()
				b.Fault(e2bsim.Fault{Call: e2bsim.List, Times: -1, Action: e2bsim.ErrorAnswer, Status: 502})
				b.reconcile()
				if !b.Row(j.ID).MissingSince.IsZero() {
					t.Error("a GET that found it did not clear it")
				}
			}
			b.Pass(job.Grace + time.Second)
			b.reconcile()
			b.wantState(j.ID, job.SandboxPaused)
		})
	}
}

// A wake in between may have changed what E2B knows: the count starts anew.
func TestAWakeInBetweenStartsTheCountAnew(t *testing.T) {
	b := setup(t)
	j := b.paused()
	b.OK(b.E2B.Vanish(b.ctx, j.SandboxID))
	b.want(b.reconcile(), missing, count{1, 0, 0})
	b.Must(b.Rows.TakeResume(b.ctx, b.Row(j.ID), jobs.Wake{Time: 10 * time.Minute})) // its outcome stays unknown
	b.Pass(job.Grace + time.Second)
	b.want(b.reconcile(), missing, count{1, 0, 0})
	b.wantState(j.ID, job.SandboxResuming)
	b.Pass(job.Grace + time.Second)
	b.want(b.reconcile(), missing, count{1, 1, 0})
	b.wantState(j.ID, job.SandboxGone)
}

// A pause that is tried again and again and hears 404 each time tells the same
// as a GET. If it started the count anew, the row would never end.
func TestRetriedPausesDoNotKeepALostSandboxAlive(t *testing.T) {
	b := setup(t)
	j := b.ready()
	b.OK(b.E2B.Vanish(b.ctx, j.SandboxID))
	for range 7 {
		b.Pass(time.Minute)
		if taken, err := b.Rows.TakePause(b.ctx, j.ID, j.Epoch); err == nil {
			b.Must(b.Rows.RecordPauseMissing(b.ctx, taken))
		}
		b.reconcile()
	}
	b.wantState(j.ID, job.SandboxGone)
}

// While a call may be under way, its owner tells what became of the sandbox.
func TestAnOwnedSandboxIsNotMissing(t *testing.T) {
	b := setup(t)
	j := b.Must(b.Rows.TakeResume(b.ctx, b.paused(), jobs.Wake{Time: 10 * time.Minute}))
	b.OK(b.E2B.Vanish(b.ctx, j.SandboxID))
	b.want(b.reconcile(), missing, count{})
	if row := b.Row(j.ID); row.Revision != j.Revision {
		t.Error("the row was written under its owner's hands")
	}
}

func TestABuildingJobsSandboxIsItsBuildersToMiss(t *testing.T) {
	b := setup(t)
	j := b.building()
	b.OK(b.E2B.Vanish(b.ctx, j.SandboxID))
	b.quiet()
	if row := b.Row(j.ID); row.Revision != j.Revision {
		t.Error("the row was written")
	}
}

// A run looks at a bounded number of sandboxes; the next goes on, and begins
// again at the end.
func TestTheWalkGoesOnWhereItStopped(t *testing.T) {
	b := setup(t)
	b.insertAsleep(maxLooks+50, `gen_random_uuid()`)
	b.want(b.reconcile(), missing, count{maxLooks, 0, 0})
	gets := b.Calls(e2bsim.Get)
	if gets != maxLooks {
		t.Errorf("%d looks, want %d", gets, maxLooks)
	}
	b.want(b.reconcile(), missing, count{50, 0, 0})
	before := b.Calls(e2bsim.Get)
	b.reconcile()
	if n := b.Calls(e2bsim.Get) - before; n != maxLooks {
		t.Errorf("%d looks after the walk's end, want it to begin again with %d", n, maxLooks)
	}
}

// One sandbox that E2B cannot tell about must not hold up those behind it.
func TestASandboxThatIsNeverToldAboutHoldsUpNothing(t *testing.T) {
	b := setup(t)
	silent := b.paused()
	b.Fault(e2bsim.Fault{Call: e2bsim.Get, Sandbox: silent.SandboxID, Times: -1, Action: e2bsim.GatewayTimeout})
	const behind = 2 * workers
	b.insertAsleep(behind, `('ffffffff-ffff-4fff-8fff-' || lpad(n::text, 12, '0'))::uuid`)
	for range 2 {
		if got := b.reconcile().Rules[missing]; got.Unknown != 1 {
			t.Errorf("got %+v, want one unknown", got)
		}
	}
	var noted int
	b.OK(b.Pool.QueryRow(b.ctx, `SELECT count(*) FROM jobs WHERE missing_since IS NOT NULL`).Scan(&noted))
	if noted != behind {
		t.Errorf("%d of %d lost sandboxes were noticed", noted, behind)
	}
	b.wantState(silent.ID, job.SandboxPaused)
}

// Those that were missing are looked at first, in each run.
func TestMissingSandboxesThatAreNeverToldAboutHoldUpNothing(t *testing.T) {
	b := setup(t)
	for range workers {
		j := b.Must(b.Rows.RecordFinishedMissing(b.ctx, b.paused()))
		b.OK(b.E2B.Vanish(b.ctx, j.SandboxID)) // no list shows it
		b.Fault(e2bsim.Fault{Call: e2bsim.Get, Sandbox: j.SandboxID, Times: -1, Action: e2bsim.GatewayTimeout, Delay: 2 * job.ReconcilePart})
	}
	lost := b.paused()
	b.OK(b.E2B.Vanish(b.ctx, lost.SandboxID))
	b.Pass(job.Grace + time.Second)
	for range 2 { // a walk, too, stops after a group of which E2B tells nothing
		b.reconcile()
	}
	if b.Row(lost.ID).MissingSince.IsZero() {
		t.Error("a lost sandbox was not noticed")
	}
}

func TestVerdicts(t *testing.T) {
	now := time.Now()
	row := func(change func(*job.Job)) *job.Job {
		j := &job.Job{ID: job.NewID(), Status: job.Ready, SandboxID: "i1", SandboxState: job.SandboxRunning, CreateNo: 2, ReadAt: now, PausedAt: now.Add(-time.Hour)}
		change(j)
		return j
	}
	for name, c := range map[string]struct {
		candidate
		tag  string
		want verdict
	}{
		"a tag that is no number":      {candidate{tagged: row(func(j *job.Job) { j.SandboxID, j.SandboxState = "", job.SandboxNone })}, "x", fine},
		"the newest create call":       {candidate{tagged: row(func(j *job.Job) { j.SandboxID, j.SandboxState = "", job.SandboxNone })}, "2", fine},
		"an older create call":         {candidate{tagged: row(func(j *job.Job) { j.SandboxID, j.SandboxState = "", job.SandboxNone })}, "1", outdated},
		"its row, found by sandbox":    {candidate{owner: row(func(*job.Job) {})}, "1", fine},
		"the tag of another row":       {candidate{owner: row(func(*job.Job) {}), tagged: row(func(j *job.Job) { j.Status = job.Failed })}, "1", fine},
		"the row has another sandbox":  {candidate{tagged: row(func(j *job.Job) { j.SandboxID = "i2" })}, "2", replaced},
		"asleep by its row, but awake": {candidate{owner: row(func(j *job.Job) { j.SandboxState = job.SandboxPaused })}, "2", awake},
	} {
		s := e2b.Sandbox{ID: "i1", State: e2b.Running, Metadata: map[string]string{job.TagCreate: c.tag}}
		if got := c.judge(s); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
