package jobs_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
)

// idsOf are those of a list, in its order.
func idsOf(list []job.Job) (all []string) {
	for _, j := range list {
		all = append(all, j.ID)
	}
	return all
}

// version is a READY job of its project, asleep for longer than any call takes.
func (b fixture) version(key string) job.Job {
	b.t.Helper()
	j := b.checking()
	j.SourceKey = key
	j = must(b.t)(b.Ready(b.ctx, j, j.Progress, "https://3000-x.e2b.app", 0))
	if _, err := b.pool.Exec(b.ctx, "UPDATE jobs SET source_key = $2 WHERE id = $1::uuid", j.ID, key); err != nil {
		b.t.Fatal(err)
	}
	j = must(b.t)(b.RecordPaused(b.ctx, must(b.t)(b.TakePause(b.ctx, j.ID, j.Epoch))))
	b.pass(job.Grace + time.Second)
	return j
}

func TestVersionsAreListedInPages(t *testing.T) {
	b := setup(t)
	var want []string
	for range 5 {
		want = append([]string{b.accept(newJob()).ID}, want...)
	}
	other := newJob()
	other.UserID = "user_bob"
	b.accept(other)
	deleted := b.ready()
	must(t)(b.Delete(b.ctx, deleted.ID))
	var got []string
	for from := (jobs.Page{}); ; {
		page, err := b.Versions(b.ctx, alice, project, from, 2)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, idsOf(page)...)
		if len(page) < 2 {
			break
		}
		from = jobs.Page{CreatedAt: page[1].CreatedAt, ID: page[1].ID}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The last that became READY, or was restored, of those that are there.
func TestOneVersionCounts(t *testing.T) {
	b := setup(t)
	counts := func(want job.Job, what string) {
		t.Helper()
		if got, err := b.Current(b.ctx, alice, project); err != nil || got.ID != want.ID {
			t.Errorf("%s: got %s, %v, want %s", what, got.BuildVersion, err, want.BuildVersion)
		}
	}
	if _, err := b.Current(b.ctx, alice, project); !errors.Is(err, job.ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	first, second := b.ready(), b.ready()
	b.checking()
	counts(second, "the newest")
	must(t)(b.Restore(b.ctx, first.ID))
	counts(first, "restored")
	must(t)(b.Delete(b.ctx, first.ID))
	counts(second, "after its deletion")
	if _, err := b.pool.Exec(b.ctx, "UPDATE jobs SET current_at = NULL"); err != nil { // as the version before writes them
		t.Fatal(err)
	}
	counts(second, "without the column")
	b.wantUnwritten(first.ID, job.ErrConflict, func() (job.Job, error) { return b.Restore(b.ctx, first.ID) })
}

// What is left of a deleted version is what its removal needs.
func TestADeletedVersionKeepsNothingOfItsUsers(t *testing.T) {
	b := setup(t)
	for name, make := range map[string]func() job.Job{
		"ready": b.ready, "paused": b.paused, "pausing": b.pausing, "resuming": b.resuming, "running": b.running,
		"failed":           func() job.Job { return must(t)(b.Cancel(b.ctx, b.checking().ID, "It failed: hunter2", "d")) },
		"failed, no stack": func() job.Job { return must(t)(b.Cancel(b.ctx, b.claimed().ID, "It failed: hunter2", "d")) },
	} {
		j := make()
		gone := must(t)(b.Delete(b.ctx, j.ID))
		want := job.SandboxGone
		if j.SandboxState == job.SandboxNone {
			want = job.SandboxNone
		}
		if gone.SandboxState != want || gone.DeletedAt.IsZero() || gone.Goal != "" || gone.EnvSealed != nil || gone.PreviewURL != "" ||
			gone.ErrorMessage != "" || gone.Plan.Start != "" || gone.SandboxID != j.SandboxID {
			t.Errorf("%s: got %+v", name, gone)
		}
		if r, err := b.Request(b.ctx, j.ID); err != nil || r.ProjectID != "" {
			t.Errorf("%s: its request is %+v, %v", name, r, err)
		}
		if !errors.Is(gone.CheckOwner(alice), job.ErrNotFound) {
			t.Errorf("%s: its user still finds it", name)
		}
		b.wantUnwritten(j.ID, job.ErrConflict, func() (job.Job, error) { return b.Delete(b.ctx, j.ID) })
	}
	building := b.checking()
	b.wantUnwritten(building.ID, job.ErrConflict, func() (job.Job, error) { return b.Delete(b.ctx, building.ID) })
}

// A key that stood for a deleted job stands for nothing.
func TestADeletedJobsKeyIsFree(t *testing.T) {
	b := setup(t)
	n := newJob()
	n.IdempotencyKey, n.RequestHash = "once", []byte{1}
	j := b.accept(n)
	must(t)(b.Cancel(b.ctx, j.ID, "Cancelled", "d"))
	must(t)(b.Delete(b.ctx, j.ID))
	n.ID = job.NewID()
	b.accept(n)
}

func TestADeletedVersionIsForgottenWhenItsCodeIsGone(t *testing.T) {
	b := setup(t)
	kept := must(t)(b.Delete(b.ctx, b.version("a/b/c").ID))
	unkept := must(t)(b.Delete(b.ctx, b.version(job.SourceNone).ID)) // but its log may be
	b.version("x/y/z")
	forget := func(want int) {
		t.Helper()
		if n, err := b.Forget(b.ctx, time.Hour, 10); n != want || err != nil {
			t.Errorf("forgot %d, %v, want %d", n, err, want)
		}
	}
	forget(0)
	b.pass(2 * time.Hour)
	left, err := b.CodeLeft(b.ctx, 10)
	if want := []string{kept.ID, unkept.ID}; err != nil || fmt.Sprint(idsOf(left)) != fmt.Sprint(want) {
		t.Errorf("code or log is left of %v, %v, want %v", idsOf(left), err, want)
	}
	forget(0)
	must(t)(b.RecordCodeDeleted(b.ctx, unkept.ID))
	forget(1)
	must(t)(b.RecordCodeDeleted(b.ctx, kept.ID))
	forget(1)
	if n := b.count(); n != 1 {
		t.Errorf("%d rows are left, want one", n)
	}
}

// Only one that sleeps, can be built again, and has enough younger ones beside it.
func TestASurplusVersionIsRetired(t *testing.T) {
	b := setup(t)
	const keep = 2
	old, unkept := b.version("a/b/old"), b.version(job.SourceNone)
	surplus := func(want ...job.Job) {
		t.Helper()
		got, err := b.Surplus(b.ctx, keep, time.Hour, 10)
		if err != nil || fmt.Sprint(idsOf(got)) != fmt.Sprint(idsOf(want)) {
			t.Errorf("got %v, %v, want %v", idsOf(got), err, idsOf(want))
		}
	}
	surplus()
	third := b.version("a/b/third")
	surplus(old)
	stale := old
	old = must(t)(b.Restore(b.ctx, old.ID)) // it counts again
	surplus()
	b.wantUnwritten(old.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordRetired(b.ctx, stale, keep) })
	b.wantUnwritten(third.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordRetired(b.ctx, third, keep) })
	fifth := b.version("a/b/fifth")
	surplus(third)
	set := func(assignments string) {
		t.Helper()
		if _, err := b.pool.Exec(b.ctx, "UPDATE jobs SET "+assignments+" WHERE id = $1::uuid", fifth.ID); err != nil {
			t.Fatal(err)
		}
	}
	set("sandbox_state = 'gone', sandbox_paused = false")
	surplus() // one without a sandbox keeps no other from its own
	set("sandbox_state = 'paused', sandbox_paused = true")
	surplus(third)
	b.wantUnwritten(unkept.ID, job.ErrConflict, func() (job.Job, error) { return b.RecordRetired(b.ctx, unkept, keep) })
	gone := must(t)(b.RecordRetired(b.ctx, must(t)(b.Get(b.ctx, third.ID)), keep))
	if gone.SandboxState != job.SandboxGone || gone.SandboxPaused || gone.GoneAt.IsZero() || !gone.Kept() {
		t.Errorf("got %+v", gone)
	}
	surplus()
}

// One rebuild of a version at a time, whoever asks.
func TestARebuildThatIsUnderWayStandsForAllCalls(t *testing.T) {
	b := setup(t)
	base := b.ready()
	rebuild := func() (job.Job, bool) {
		t.Helper()
		n := newJob()
		n.BaseJobID, n.Rebuild = base.ID, true
		j, created, err := b.Accept(b.ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		return j, created
	}
	first, created := rebuild()
	if !created || first.BaseJobID != base.ID || !first.Rebuild {
		t.Errorf("got %+v, created %v", first, created)
	}
	if second, created := rebuild(); created || second.ID != first.ID {
		t.Errorf("a second one is %s, created %v", second.ID, created)
	}
	must(t)(b.Cancel(b.ctx, first.ID, "Cancelled", "d"))
	if _, created := rebuild(); !created {
		t.Error("after it has ended none is made")
	}
}
