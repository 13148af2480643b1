package jobs_test

import (
	"errors"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

const keptHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// iteration is a claimed job that starts from a version, at starting.
func (b fixture) iteration(from job.Job) job.Job {
	b.t.Helper()
	n := newJob()
	n.BaseJobID = from.ID
	j := b.accept(n)
	j = must(b.t)(b.ClaimTurn(b.ctx, j.ID, 0))
	return must(b.t)(b.Begin(b.ctx, j, job.Limits{}))
}

// taken is an iteration that has the sandbox of a version.
func (b fixture) taken(from job.Job) job.Job {
	b.t.Helper()
	return must(b.t)(b.Take(b.ctx, from, b.iteration(from)))
}

// changing is one that may change its files.
func (b fixture) changing(from job.Job) job.Job {
	b.t.Helper()
	j := must(b.t)(b.RecordConnected(b.ctx, b.taken(from), 30*time.Minute))
	j = must(b.t)(b.RecordMarker(b.ctx, j.ID, j.Epoch))
	return must(b.t)(b.RecordKept(b.ctx, j, j.Progress, keptHash))
}

// failing is one that gives back.
func (b fixture) failing(from job.Job) job.Job {
	b.t.Helper()
	return must(b.t)(b.RecordFailing(b.ctx, b.changing(from), "The check failed.", job.NewID()))
}

func (b fixture) get(id string) job.Job {
	b.t.Helper()
	return must(b.t)(b.Get(b.ctx, id))
}

// TestATakeMovesTheSandbox from each state that it may be taken in, whole or not at
// all: one row has it, and the other claims nothing.
func TestATakeMovesTheSandbox(t *testing.T) {
	b := setup(t)
	abandoned := func(j job.Job) job.Job { b.pass(job.OpTime + time.Second); return b.get(j.ID) }
	for name, from := range map[string]job.Job{
		"paused": b.paused(), "running": b.running(), "pausing, abandoned": abandoned(b.pausing()), "resuming, abandoned": abandoned(b.resuming()),
	} {
		j := b.taken(from)
		if j.TakenFrom != from.ID || j.SandboxID != from.SandboxID || j.SandboxState != job.SandboxRunning || j.Status != job.Starting ||
			j.Epoch != from.Epoch+1 || j.MarkerEpoch != from.MarkerEpoch {
			t.Errorf("%s: the iteration is %+v", name, j)
		}
		was := from.SandboxState == job.SandboxRunning
		if j.PauseDueAt.IsZero() == was || was && !j.PauseDueAt.Equal(from.PauseDueAt) {
			t.Errorf("%s: due at %v, was %v", name, j.PauseDueAt, from.PauseDueAt)
		}
		a := b.get(from.ID)
		if a.SandboxState != job.SandboxMoved || a.MovedTo != j.ID || a.SandboxPaused || a.Epoch != from.Epoch+1 || a.PreviewURL != from.PreviewURL ||
			!a.OpUntil.IsZero() || !a.PauseDueAt.IsZero() || !a.SandboxExpiresAt.IsZero() {
			t.Errorf("%s: the version is %+v", name, a)
		}
	}
}

// TestATakeWaits for whose call to E2B may be under way, and takes nothing that has
// changed since it was read.
func TestATakeWaits(t *testing.T) {
	b := setup(t)
	for name, from := range map[string]job.Job{"pausing": b.pausing(), "resuming": b.resuming()} {
		j := b.iteration(from)
		b.wantUnwritten(from.ID, job.ErrConflict, func() (job.Job, error) { return b.Take(b.ctx, from, j) })
		if got := b.get(j.ID); got.Revision != j.Revision {
			t.Errorf("%s: the iteration was written", name)
		}
	}
	from := b.paused()
	one, other := b.iteration(from), job.Job{}
	func() { // the courtesy of accept would keep it out
		n := newJob()
		n.BaseJobID, n.Rebuild = from.ID, true
		other = must(t)(b.Begin(b.ctx, must(t)(b.ClaimTurn(b.ctx, b.accept(n).ID, 0)), job.Limits{}))
	}()
	must(t)(b.Take(b.ctx, from, one))
	b.wantUnwritten(from.ID, job.ErrConflict, func() (job.Job, error) { return b.Take(b.ctx, from, other) })
	b.wantUnwritten(from.ID, job.ErrConflict, func() (job.Job, error) { return b.Take(b.ctx, b.get(from.ID), other) })
	woken := b.paused()
	j := b.iteration(woken)
	must(t)(b.TakeResume(b.ctx, woken, jobs.Wake{Time: time.Minute}))
	b.wantUnwritten(woken.ID, job.ErrConflict, func() (job.Job, error) { return b.Take(b.ctx, woken, j) })
	slept := b.paused() // and was awake since it was read
	j = b.iteration(slept)
	again := must(t)(b.TakeResume(b.ctx, slept, jobs.Wake{Time: time.Minute}))
	again = must(t)(b.RecordResumed(b.ctx, again, jobs.Run{TTL: time.Minute}))
	must(t)(b.RecordPaused(b.ctx, must(t)(b.TakePause(b.ctx, again.ID, again.Epoch))))
	b.wantUnwritten(slept.ID, job.ErrConflict, func() (job.Job, error) { return b.Take(b.ctx, slept, j) })
	deleted := b.paused()
	j = b.iteration(deleted)
	must(t)(b.Delete(b.ctx, deleted.ID))
	b.wantUnwritten(deleted.ID, job.ErrConflict, func() (job.Job, error) { return b.Take(b.ctx, deleted, j) })
	created := b.paused()
	j = must(t)(b.RecordCreate(b.ctx, b.iteration(created)))
	b.wantUnwritten(created.ID, job.ErrConflict, func() (job.Job, error) { return b.Take(b.ctx, created, j) })
}

// TestNobodyFailsAnIterationWithASandbox: it gives back first. Only once its files
// may change is there something to put back.
func TestNobodyFailsAnIterationWithASandbox(t *testing.T) {
	b := setup(t)
	j := b.changing(b.paused())
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Fail(b.ctx, j, "words", "id") })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordKept(b.ctx, j, j.Progress, "another") })
	failing := must(t)(b.Cancel(b.ctx, j.ID, "Cancelled by user", job.NewID()))
	if !failing.GivesBack() || failing.Status != job.Scaffold || !failing.LeaseUntil.Equal(j.LeaseUntil) {
		t.Errorf("cancelled at work: %+v", failing)
	}
	// Its builder's next write tells it.
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Advance(b.ctx, j, j.Progress, job.Code) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordFailing(b.ctx, failing, "again", job.NewID()) })
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Cancel(b.ctx, j.ID, "again", job.NewID()) })

	handed := b.changing(b.paused())
	handed = must(t)(b.HandOver(b.ctx, handed, handed.Progress, time.Minute))
	if failing = must(t)(b.Cancel(b.ctx, handed.ID, "Cancelled by user", job.NewID())); failing.LeaseUntil.After(failing.ReadAt) {
		t.Errorf("cancelled while nobody is at work: leased until %v", failing.LeaseUntil)
	}
	b.pass(time.Second)
	must(t)(b.ClaimTurn(b.ctx, handed.ID, handed.Turn))

	overdue := b.changing(b.paused())
	overdue = must(t)(b.HandOver(b.ctx, overdue, overdue.Progress, time.Minute))
	b.pass(2 * time.Hour)
	overdue = b.get(overdue.ID)
	if failing = must(t)(b.FailOverdue(b.ctx, overdue, overdue.OverdueMessage(), job.NewID())); !failing.GivesBack() {
		t.Errorf("overdue: %+v", failing)
	}
}

// TestAnIterationHandsBack what it put back: the version runs under a new epoch, with
// the marker that is there, and is due at once.
func TestAnIterationHandsBack(t *testing.T) {
	b := setup(t)
	from := b.paused()
	j := b.failing(from)
	a := must(t)(b.HandBack(b.ctx, j))
	if a.ID != from.ID || a.SandboxState != job.SandboxRunning || a.MovedTo != "" || a.Epoch != j.Epoch+1 || a.MarkerEpoch != j.MarkerEpoch ||
		!a.OpUntil.IsZero() || a.PauseDueAt.After(a.ReadAt) || !a.SandboxExpiresAt.Equal(j.SandboxExpiresAt) {
		t.Errorf("the version is %+v", a)
	}
	failed := b.get(j.ID)
	if failed.Status != job.Failed || failed.SandboxState != job.SandboxMoved || failed.ErrorMessage != "The check failed." || failed.DebugID != j.DebugID ||
		failed.EnvSealed != nil || failed.GivesBack() || failed.Failing != "" {
		t.Errorf("the iteration is %+v", failed)
	}
	b.wantUnwritten(from.ID, job.ErrConflict, func() (job.Job, error) { return b.HandBack(b.ctx, j) })
	// It is as any other from here on.
	must(t)(b.RecordPaused(b.ctx, must(t)(b.TakePause(b.ctx, a.ID, a.Epoch))))

	awake := b.running()
	if a = must(t)(b.HandBack(b.ctx, b.failing(awake))); !a.PauseDueAt.Equal(awake.PauseDueAt) {
		t.Errorf("somebody looks until %v, due at %v", awake.PauseDueAt, a.PauseDueAt)
	}
}

// TestAnUntouchedVersionIsHandedBackBehindTheLease: a connect of its builder may still
// travel, so a pause waits. Its marker is the one that it had.
func TestAnUntouchedVersionIsHandedBackBehindTheLease(t *testing.T) {
	b := setup(t)
	from := b.paused()
	j := must(t)(b.RecordConnected(b.ctx, b.taken(from), 30*time.Minute))
	j = must(t)(b.RecordMarker(b.ctx, j.ID, j.Epoch))
	j = must(t)(b.RecordFailing(b.ctx, j, "words", job.NewID()))
	a := must(t)(b.HandBack(b.ctx, j))
	if !a.OpUntil.Equal(j.LeaseUntil) || a.MarkerEpoch != from.MarkerEpoch {
		t.Errorf("handed back until %v, marker %d, want %v, %d", a.OpUntil, a.MarkerEpoch, j.LeaseUntil, from.MarkerEpoch)
	}
	b.wantUnwritten(a.ID, job.ErrConflict, func() (job.Job, error) { return b.TakePause(b.ctx, a.ID, a.Epoch) })
	// Another take carries that on, and so does its hand-back.
	again := b.taken(a)
	if !again.OpUntil.Equal(a.OpUntil) {
		t.Errorf("taken until %v, want %v", again.OpUntil, a.OpUntil)
	}
}

// TestAChangedVersionIsNotHandedBackAsUntouched: the copy was made meanwhile.
func TestAChangedVersionIsNotHandedBackAsUntouched(t *testing.T) {
	b := setup(t)
	j := b.failing(b.paused())
	read := j
	read.KeptHash = ""
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.HandBack(b.ctx, read) })
}

// TestWhatIsLostIsLostForBoth, and neither names a living sandbox.
func TestWhatIsLostIsLostForBoth(t *testing.T) {
	b := setup(t)
	from := b.paused()
	j := must(t)(b.Lose(b.ctx, b.failing(from), "words", job.NewID()))
	a := b.get(from.ID)
	if j.Status != job.Failed || j.SandboxState != job.SandboxGone || a.SandboxState != job.SandboxGone || a.GoneAt.IsZero() || a.SandboxID != "" || a.MovedTo != "" {
		t.Errorf("lost: %+v, %+v", j, a)
	}
	deleted := b.paused()
	j = b.failing(deleted)
	must(t)(b.Delete(b.ctx, deleted.ID))
	b.wantUnwritten(deleted.ID, job.ErrConflict, func() (job.Job, error) { return b.HandBack(b.ctx, j) })
	must(t)(b.Lose(b.ctx, j, "words", job.NewID()))

	from = b.paused()
	j = must(t)(b.LoseAlone(b.ctx, b.taken(from)))
	if j.Status != job.Starting || j.SandboxID != "" || j.SandboxState != job.SandboxNone || j.Took() || j.MarkerEpoch != 0 {
		t.Errorf("lost before anything was changed: %+v", j)
	}
	if a = b.get(from.ID); a.SandboxState != job.SandboxGone || a.SandboxID != from.SandboxID { // who has still to kill it
		t.Errorf("the version is %+v", a)
	}
	must(t)(b.RecordCreate(b.ctx, j))
	j = b.changing(b.paused())
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.LoseAlone(b.ctx, j) })
}

// TestItIsTriedForADay to give back.
func TestItIsTriedForADay(t *testing.T) {
	b := setup(t)
	j := b.failing(b.paused())
	j = must(t)(b.HandOver(b.ctx, j, j.Progress, time.Minute))
	b.pass(job.GiveBackTime - time.Minute)
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.LoseOverdue(b.ctx, j) })
	b.pass(2 * time.Minute)
	if listed, err := b.AbandonedTurns(b.ctx, 10); err != nil || len(listed) != 1 {
		t.Errorf("listed %v, %v", idsOf(listed), err)
	}
	if lost := must(t)(b.LoseOverdue(b.ctx, j)); lost.Status != job.Failed || lost.ErrorMessage != "The check failed." {
		t.Errorf("given up: %+v", lost)
	}
}

// TestOnlyAnsweredTurnsCountWhileGivingBack: an outage of E2B must not use them up.
func TestOnlyAnsweredTurnsCountWhileGivingBack(t *testing.T) {
	b := setup(t)
	j := b.failing(b.paused())
	for range 3 {
		b.pass(job.Lease + time.Second)
		j = must(t)(b.ClaimTurn(b.ctx, j.ID, j.Turn))
	}
	if j.Crashes != 0 {
		t.Errorf("%d crashes without an answer", j.Crashes)
	}
	j = must(t)(b.RecordConnected(b.ctx, j, time.Minute))
	j = must(t)(b.HandOver(b.ctx, j, j.Progress, 2*time.Second))
	for range 2 {
		b.pass(job.Lease + time.Second)
		j = must(t)(b.ClaimTurn(b.ctx, j.ID, j.Turn))
		j = must(t)(b.RecordConnected(b.ctx, j, time.Minute))
	}
	if j.Crashes != 3 {
		t.Errorf("%d crashes of three turns, two of which died", j.Crashes)
	}
}

// TestAMovedVersionIsNoSleeper: no list of reconcile has it, and it is no rival.
func TestAMovedVersionIsNoSleeper(t *testing.T) {
	b := setup(t)
	from := b.version("key")
	j := b.changing(from)
	b.pass(job.Grace + time.Second)
	for name, list := range map[string]func() ([]job.Job, error){
		"asleep":  func() ([]job.Job, error) { return b.Asleep(b.ctx, "", 10) },
		"awake":   func() ([]job.Job, error) { return b.Awake(b.ctx, "", 10) },
		"late":    func() ([]job.Job, error) { return b.OverduePauses(b.ctx, 10) },
		"surplus": func() ([]job.Job, error) { return b.Surplus(b.ctx, 1, time.Hour, 10) },
	} {
		if rows, err := list(); err != nil || len(rows) != 0 {
			t.Errorf("%s: %v, %v", name, idsOf(rows), err)
		}
	}
	owners, err := b.Owners(b.ctx, []string{from.SandboxID}, nil)
	if err != nil || len(owners) != 1 || owners[0].ID != j.ID {
		t.Errorf("owned by %v, %v", idsOf(owners), err)
	}
	b.wantUnwritten(from.ID, job.ErrConflict, func() (job.Job, error) { return b.Restore(b.ctx, from.ID) })
	var moved *job.MovedError
	if err := b.WhereTo(b.ctx, b.get(from.ID)); !errors.As(err, &moved) || moved.To != j.ID || !moved.Building {
		t.Errorf("moved: %v", err)
	}
}

// TestOneIterationAtATimeIsAccepted of a version, unless that keeps its preview.
func TestOneIterationAtATimeIsAccepted(t *testing.T) {
	b := setup(t)
	from := b.paused()
	first := b.iteration(from)
	n := newJob()
	n.BaseJobID = from.ID
	var moved *job.MovedError
	if _, _, err := b.Accept(b.ctx, n); !errors.As(err, &moved) || moved.To != first.ID {
		t.Errorf("a second: %v", err)
	}
	n.Request.PreviousJobID, n.Request.KeepPrevious = from.ID, true
	b.accept(n)
}

// TestDeletingAnIteration that gives back leaves that to its builder; a READY one
// takes the version that it was made in with it.
func TestDeletingAnIteration(t *testing.T) {
	b := setup(t)
	from := b.paused()
	j := b.failing(from)
	j = must(t)(b.Delete(b.ctx, j.ID))
	if j.DeletedAt.IsZero() || j.SandboxState != job.SandboxRunning || j.Goal != "" {
		t.Errorf("deleted: %+v", j)
	}
	b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Delete(b.ctx, j.ID) })
	if a := must(t)(b.HandBack(b.ctx, j)); a.ID != from.ID {
		t.Errorf("handed back to %+v", a)
	}
	if j = b.get(j.ID); j.SandboxState != job.SandboxMoved || j.Status != job.Failed || j.SandboxID != "" {
		t.Errorf("the iteration is %+v", j)
	}

	from = b.paused()
	must(t)(b.Delete(b.ctx, b.iterated(from).ID))
	if a := b.get(from.ID); a.SandboxState != job.SandboxGone || !a.DeletedAt.IsZero() {
		t.Errorf("the version before is %+v", a)
	}
}

// TestDeletingAVersionInTheMiddle takes nothing from the one after it, whatever is
// deleted then: nobody else names the sandbox that it has.
func TestDeletingAVersionInTheMiddle(t *testing.T) {
	b := setup(t)
	first := b.paused()
	second := b.iterated(first)
	third := b.iterated(second)
	must(t)(b.Delete(b.ctx, second.ID))
	if a := must(t)(b.Delete(b.ctx, first.ID)); a.SandboxState != job.SandboxGone || a.SandboxID != "" {
		t.Errorf("the first is deleted as %+v", a)
	}
	if c := b.get(third.ID); c.SandboxID != first.SandboxID || c.SandboxState != job.SandboxRunning {
		t.Errorf("the third is %+v", c)
	}
}

// iterated is a READY job that has the sandbox of a version.
func (b fixture) iterated(from job.Job) job.Job {
	b.t.Helper()
	j := b.changing(from)
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = must(b.t)(b.Advance(b.ctx, j, j.Progress, next))
	}
	return must(b.t)(b.Ready(b.ctx, j, j.Progress, "https://3000-x.e2b.app", 0))
}

// TestAnIterationKeepsAwakeWhoLooks: what was awake when it was taken sleeps no
// earlier for that.
func TestAnIterationKeepsAwakeWhoLooks(t *testing.T) {
	b := setup(t)
	from := b.running()
	j := b.changing(from)
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = must(t)(b.Advance(b.ctx, j, j.Progress, next))
	}
	if j = must(t)(b.Ready(b.ctx, j, j.Progress, "https://3000-x.e2b.app", time.Second)); !j.PauseDueAt.Equal(from.PauseDueAt) {
		t.Errorf("due at %v, was %v", j.PauseDueAt, from.PauseDueAt)
	}
	if !j.BecameCurrent() {
		t.Error("it does not count")
	}
}
