package jobs_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"siesta/shared/job"
)

func TestOnlyOneOfManyBuildersClaimsATurn(t *testing.T) {
	b := setup(t)
	j := b.accept(newJob())
	var wg sync.WaitGroup
	won := make(chan job.Job, 8)
	for range 8 {
		wg.Go(func() {
			claimed, err := b.ClaimTurn(b.ctx, j.ID, 0)
			if err == nil {
				won <- claimed
			} else if !errors.Is(err, job.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(won); got != 1 {
		t.Fatalf("%d builders claimed the turn, want 1", got)
	}
	if claimed := <-won; claimed.Claim != 1 || claimed.Crashes != 0 {
		t.Errorf("got claim %d, crashes %d, want 1, 0", claimed.Claim, claimed.Crashes)
	}
}

func TestADeadBuildersTurnIsTakenOverAndCounted(t *testing.T) {
	b := setup(t)
	dead := b.claimed()
	b.wantUnwritten(dead.ID, job.ErrConflict, func() (job.Job, error) { return b.ClaimTurn(b.ctx, dead.ID, 0) })
	b.pass(job.Lease + time.Second)
	heir := must(t)(b.ClaimTurn(b.ctx, dead.ID, 0))
	if heir.Crashes != 1 || heir.Claim != 2 {
		t.Errorf("got crashes %d, claim %d, want 1, 2", heir.Crashes, heir.Claim)
	}
	b.wantUnwritten(dead.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordCreate(b.ctx, dead) })
	b.wantUnwritten(dead.ID, job.ErrConflict, func() (job.Job, error) { return b.HandOver(b.ctx, dead, dead.Progress, 2*time.Second) })
	b.wantUnwritten(dead.ID, job.ErrConflict, func() (job.Job, error) { return b.Fail(b.ctx, dead, "x", "d") })
}

func TestAHandOverEndsTheTurn(t *testing.T) {
	b := setup(t)
	j := b.withSandbox()
	j = must(t)(b.HandOver(b.ctx, j, j.Progress, 10*time.Second))
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ClaimTurn(b.ctx, j.ID, 0) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ClaimTurn(b.ctx, j.ID, 1) })
	b.pass(10 * time.Second)
	next := must(t)(b.ClaimTurn(b.ctx, j.ID, 1))
	if next.Crashes != 0 || next.Turn != 1 {
		t.Errorf("got crashes %d, turn %d, want 0, 1", next.Crashes, next.Turn)
	}
}

func TestACreateIsNumberedAndNeverSentTwice(t *testing.T) {
	b := setup(t)
	j := must(t)(b.RecordCreate(b.ctx, b.claimed()))
	if j.CreateNo != 1 || j.CreateSentAt.IsZero() {
		t.Fatalf("got create_no %d, sent at %v", j.CreateNo, j.CreateSentAt)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordCreate(b.ctx, j) })
	b.pass(job.Grace + time.Second)
	second := must(t)(b.RecordCreate(b.ctx, j))
	if second.CreateNo != 2 {
		t.Errorf("got create_no %d, want 2", second.CreateNo)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordSandbox(b.ctx, j, "ilate", time.Hour) })
	none := must(t)(b.RecordNotCreated(b.ctx, second))
	if third := must(t)(b.RecordCreate(b.ctx, none)); third.CreateNo != 3 {
		t.Errorf("after a definite refusal: got create_no %d, want 3", third.CreateNo)
	}
}

func TestAJobHasOneSandbox(t *testing.T) {
	b := setup(t)
	j := b.withSandbox()
	if j.SandboxState != job.SandboxRunning || j.Epoch != 1 || j.Status != job.Scaffold || !j.CreateSentAt.IsZero() {
		t.Errorf("got %s, epoch %d, %s, create sent at %v", j.SandboxState, j.Epoch, j.Status, j.CreateSentAt)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordSandbox(b.ctx, j, "iother", time.Hour) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordCreate(b.ctx, j) })
}

func TestTheMarkerNeverGoesBack(t *testing.T) {
	b := setup(t)
	j := b.withSandbox()
	if marked := must(t)(b.RecordMarker(b.ctx, j.ID, 1)); marked.MarkerEpoch != 1 {
		t.Errorf("got marker %d, want 1", marked.MarkerEpoch)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordMarker(b.ctx, j.ID, 1) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordMarker(b.ctx, j.ID, 2) })
}

// Whatever E2B kept before a connect must be told from what comes after it.
func TestEachConnectOfABuilderIsANewEpoch(t *testing.T) {
	b := setup(t)
	j := b.checking()
	again := must(t)(b.RecordConnected(b.ctx, j, time.Hour))
	if again.Epoch != j.Epoch+1 || again.MarkerEpoch != j.Epoch {
		t.Errorf("got epoch %d, marker %d, want %d, %d", again.Epoch, again.MarkerEpoch, j.Epoch+1, j.Epoch)
	}
	ready := func() (job.Job, error) { return b.Ready(b.ctx, again, again.Progress, "https://x", 0) }
	b.wantUnwritten(j.ID, job.ErrConflict, ready)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordMarker(b.ctx, j.ID, j.Epoch) })
	must(t)(b.RecordMarker(b.ctx, j.ID, again.Epoch))
	must(t)(ready())
}

func TestReadyIsWholeAndDue(t *testing.T) {
	b := setup(t)
	j := b.checking()
	j = must(t)(b.Ready(b.ctx, j, j.Progress, "https://3000-x.e2b.app", time.Minute))
	if j.Status != job.Ready || j.PreviewURL == "" || j.SandboxID == "" || j.BuildVersion != "build_v0_1" {
		t.Errorf("got %s, preview %q, sandbox %q, version %q", j.Status, j.PreviewURL, j.SandboxID, j.BuildVersion)
	}
	if !j.LeaseUntil.IsZero() || j.CompletedAt.IsZero() || j.SandboxPaused {
		t.Errorf("got lease %v, completed %v, paused %v", j.LeaseUntil, j.CompletedAt, j.SandboxPaused)
	}
	if due := j.PauseDueAt.Sub(j.ReadAt); due != time.Minute {
		t.Errorf("got due in %v, want 1m", due)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Cancel(b.ctx, j.ID, "Cancelled by user", "d") })
}

func TestACancelledJobIsNeverReady(t *testing.T) {
	b := setup(t)
	j := b.checking()
	must(t)(b.Cancel(b.ctx, j.ID, "Cancelled by user", "d"))
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Ready(b.ctx, j, j.Progress, "https://x", 0) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Fail(b.ctx, j, "other words", "d2") })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.ClaimTurn(b.ctx, j.ID, 0) })
	gone := must(t)(b.RecordKilled(b.ctx, j.ID, j.SandboxID))
	if gone.SandboxState != job.SandboxGone || gone.ErrorMessage != "Cancelled by user" {
		t.Errorf("got %s, %q", gone.SandboxState, gone.ErrorMessage)
	}
}

func TestAJobCanFailAtEveryStep(t *testing.T) {
	b := setup(t)
	claimed := func() job.Job {
		j := b.accept(newJob())
		return must(t)(b.ClaimTurn(b.ctx, j.ID, 0))
	}
	at := func(last job.Status) func() job.Job {
		return func() job.Job {
			j := b.withSandbox()
			for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
				if j.Status != last {
					j = must(t)(b.Advance(b.ctx, j, j.Progress, next))
				}
			}
			return j
		}
	}
	ends := map[string]func(job.Job) (job.Job, error){
		"build":  func(j job.Job) (job.Job, error) { return b.Fail(b.ctx, j, "It failed.", "d1") },
		"cancel": func(j job.Job) (job.Job, error) { return b.Cancel(b.ctx, j.ID, "It failed.", "d1") },
		"reconcile": func(j job.Job) (job.Job, error) {
			b.pass(2 * time.Hour)
			return b.FailOverdue(b.ctx, must(t)(b.Get(b.ctx, j.ID)), "It failed.", "d1")
		},
	}
	for status, make := range map[job.Status]func() job.Job{
		job.Queued: claimed, job.Starting: b.claimed, job.Scaffold: at(job.Scaffold),
		job.Code: at(job.Code), job.Deps: at(job.Deps), job.Checks: at(job.Checks),
	} {
		for name, end := range ends {
			if status == job.Queued && name == "reconcile" { // its time has not begun
				continue
			}
			j := make()
			if j.Status != status {
				t.Fatalf("made a job at %s, want %s", j.Status, status)
			}
			failed := must(t)(end(j))
			if failed.Status != job.Failed || failed.ErrorMessage != "It failed." || failed.CompletedAt.IsZero() || !failed.LeaseUntil.IsZero() {
				t.Errorf("%s by %s: got %+v", status, name, failed)
			}
			if failed.EnvSealed != nil {
				t.Errorf("%s by %s: its environment is kept: %q", status, name, failed.EnvSealed)
			}
			b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Fail(b.ctx, j, "Again.", "d2") })
		}
	}
}

func TestStatusNeverGoesBackOrSkips(t *testing.T) {
	b := setup(t)
	j := b.withSandbox()
	for _, next := range []job.Status{job.Queued, job.Starting, job.Deps, job.Checks, job.Ready} {
		b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Advance(b.ctx, j, j.Progress, next) })
	}
}

func TestLimitsHoldBackTheNextJob(t *testing.T) {
	b := setup(t)
	limits := job.Limits{PerUser: 1}
	first := must(t)(b.ClaimTurn(b.ctx, b.accept(newJob()).ID, 0))
	second := must(t)(b.ClaimTurn(b.ctx, b.accept(newJob()).ID, 0))
	first = must(t)(b.Begin(b.ctx, first, limits))
	b.wantUnwritten(second.ID, job.ErrLater, func() (job.Job, error) { return b.Begin(b.ctx, second, limits) })
	must(t)(b.Fail(b.ctx, first, "ended", "d"))
	must(t)(b.Begin(b.ctx, second, limits))
}

func TestLimitsAreNotRacedPast(t *testing.T) {
	b := setup(t)
	var wg sync.WaitGroup
	begun := make(chan string, 6)
	for range 6 {
		j := must(t)(b.ClaimTurn(b.ctx, b.accept(newJob()).ID, 0))
		wg.Go(func() {
			if _, err := b.Begin(b.ctx, j, job.Limits{PerUser: 2, PerProject: 2}); err == nil {
				begun <- j.ID
			} else if !errors.Is(err, job.ErrLater) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := len(begun); got != 2 {
		t.Errorf("%d jobs began, want 2", got)
	}
}
