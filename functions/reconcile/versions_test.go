package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
)

// version is a sleeping version of a project, whose code is kept.
func (b *fixture) version(project string) job.Job {
	b.T.Helper()
	n := functiontest.NewJob()
	n.Request.ProjectID = project
	j := b.Checks(b.Building(b.Accept(n)))
	j = b.Must(b.Rows.Ready(b.T.Context(), j, j.Progress, "https://3000-x.e2b.app", 0))
	key := job.SourceKey(j.UserID, j.ProjectID, j.ID, [32]byte{})
	b.OK(b.Kept.Put(b.T.Context(), key, strings.NewReader(""), 0, emptyHash))
	b.Pause(j)
	return b.Set(j.ID, "source_key = '"+key+"'")
}

// emptyHash is the SHA-256 of nothing.
var emptyHash = [32]byte{
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
}

// state is what E2B says of a job's sandbox.
func (b *fixture) state(j job.Job) e2bsim.State {
	b.T.Helper()
	s, _ := b.E2B.Sandbox(j.SandboxID)
	return s.State
}

// The oldest versions of a project give their sandboxes up, record first, and can
// be built again; those of other projects do not.
func TestSurplusVersionsGiveUpTheirSandboxes(t *testing.T) {
	b := setup(t)
	b.keep = 2
	project := job.NewID()
	first, second, third, other := b.version(project), b.version(project), b.version(project), b.version(job.NewID())
	b.quiet() // a call about it may be under way still
	b.Pass(job.Grace + time.Second)
	b.want(b.reconcile(), surplus, count{Found: 1, Healed: 1})
	if row := b.Row(first.ID); row.SandboxState != job.SandboxGone || row.GoneAt.IsZero() || !row.Kept() || b.state(first) != e2bsim.StateGone {
		t.Errorf("the oldest is %s, its sandbox %s", row.SandboxState, b.state(first))
	}
	for _, j := range []job.Job{second, third, other} {
		if row := b.Row(j.ID); row.SandboxState != job.SandboxPaused || b.state(j) != e2bsim.StatePaused {
			t.Errorf("another is %s, its sandbox %s", row.SandboxState, b.state(j))
		}
	}
	b.want(b.reconcile(), surplus, count{})
}

// Where E2B shows fewer sandboxes than would go, the database may be the wrong one.
func TestARunThatSeesNoSandboxesRetiresNone(t *testing.T) {
	b := setup(t)
	b.keep = 1
	project := job.NewID()
	for range suspicious + 1 {
		b.version(project)
	}
	b.Pass(job.Grace + time.Second)
	b.Fault(e2bsim.Fault{Call: e2bsim.List, Action: e2bsim.ErrorAnswer, Times: -1})
	b.Fault(e2bsim.Fault{Call: e2bsim.Get, Action: e2bsim.ErrorAnswer, Times: -1})
	r := b.reconcile()
	b.want(r, surplus, count{})
	if !slices.Contains(r.FailedParts, "surplus") || b.Calls(e2bsim.Kill) != 0 {
		t.Errorf("parts %v failed, and %d kills", r.FailedParts, b.Calls(e2bsim.Kill))
	}
	b.E2B.ClearFaults()
	b.want(b.reconcile(), surplus, count{Found: suspicious, Healed: suspicious})
}

// One that was awake while its project was busy is found in its sleep.
func TestASurplusVersionIsFoundLater(t *testing.T) {
	b := setup(t)
	b.keep = 1
	project := job.NewID()
	first := b.version(project)
	b.version(project)
	b.Pass(busyFor + time.Second)
	b.want(b.reconcile(), surplus, count{Found: 1, Healed: 1})
	if b.state(first) != e2bsim.StateGone {
		t.Errorf("its sandbox is %s", b.state(first))
	}
}

// A kill without an answer is made again, by rule 4.
func TestARetiredVersionsSandboxIsKilledInTheEnd(t *testing.T) {
	b := setup(t)
	b.keep = 1
	project := job.NewID()
	first := b.version(project)
	b.version(project)
	b.Pass(job.Grace + time.Second)
	b.Fault(e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.ErrorAnswer})
	b.want(b.reconcile(), surplus, count{Found: 1, Unknown: 1})
	b.want(b.reconcile(), orphans, count{Found: 1, Healed: 1})
	if b.state(first) != e2bsim.StateGone {
		t.Errorf("its sandbox is %s", b.state(first))
	}
}

// What a deletion has left undone is done, and after its time nothing is left.
func TestWhatIsLeftOfADeletedVersionGoes(t *testing.T) {
	b := setup(t)
	j := b.version(job.NewID())
	b.OK(b.LogStore.Put(t.Context(), job.LogKey(j.UserID, j.ID), strings.NewReader(""), 0, emptyHash))
	b.Must(b.Rows.Delete(t.Context(), j.ID))
	b.Pass(job.ReconcileAfter + time.Second)
	b.S3.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	r := b.reconcile()
	b.wantFailed(r, "deleted")
	b.want(r, codeLeft, count{Found: 1, Unknown: 1})
	if b.state(j) != e2bsim.StateGone {
		t.Errorf("its sandbox is %s", b.state(j))
	}
	b.S3.Instead(nil)
	b.want(b.reconcile(), codeLeft, count{Found: 1, Healed: 1})
	if there, err := b.Kept.Has(t.Context(), j.SourceKey); there || err != nil {
		t.Errorf("its code is there: %v, %v", there, err)
	}
	if there, err := b.LogStore.Has(t.Context(), job.LogKey(j.UserID, j.ID)); there || err != nil {
		t.Errorf("its log is there: %v, %v", there, err)
	}
	b.Pass(b.forgetAfter)
	b.reconcile()
	if list, err := b.Rows.Owners(t.Context(), nil, []string{j.ID}); len(list) != 0 || err != nil {
		t.Errorf("its row is there: %v, %v", list, err)
	}
}

// A log goes where there is no code, too, and what may be left of it keeps the row.
func TestALogIsAllThatIsLeftOfADeletedVersion(t *testing.T) {
	b := setup(t)
	j := b.version(job.NewID())
	b.Set(j.ID, "source_key = 'none'")
	b.OK(b.LogStore.Put(t.Context(), job.LogKey(j.UserID, j.ID), strings.NewReader(""), 0, emptyHash))
	b.Must(b.Rows.Delete(t.Context(), j.ID))
	b.Pass(b.forgetAfter + time.Second)
	b.S3.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b.want(b.reconcile(), codeLeft, count{Found: 1, Unknown: 1})
	b.S3.Instead(nil)
	b.want(b.reconcile(), codeLeft, count{Found: 1, Healed: 1})
	if there, err := b.LogStore.Has(t.Context(), job.LogKey(j.UserID, j.ID)); there || err != nil {
		t.Errorf("its log is there: %v, %v", there, err)
	}
}

// A cache that lost which version counts learns it again.
func TestTheCurrentVersionIsPublishedAgain(t *testing.T) {
	b := setup(t)
	project := job.NewID()
	b.version(project)
	second := b.version(project)
	b.reconcile()
	if id, err := b.cache.Current(t.Context(), alice, project); id != second.ID || err != nil {
		t.Errorf("the cache says %q, %v, want the second", id, err)
	}
}
