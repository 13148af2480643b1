package main

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
)

const (
	alice = functiontest.Alice
	route = "DELETE /api/generation/{job_id}"
)

// fixture is a handler on stores and an E2B of its own.
type fixture struct {
	handler
	*functiontest.World
}

func setup(t *testing.T) fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Idle{}})
	w.Cache = functiontest.Cache(t, redistest.New(t))
	return fixture{World: w, handler: handler{
		log: logging.New(w.Log, "debug"), store: w.Store, cache: w.Cache, e2b: w.Sandboxes, stack: functiontest.Stack, kept: w.Kept, logStore: w.LogStore,
		builds: w.Queue("build"),
	}}
}

// call deletes as the gateway does.
func (b fixture) call(user, id string) int {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 30*time.Second) // the function's
	defer cancel()
	r := functiontest.JobRequest(route, user, id)
	resp, err := api.Handle(b.log, b.serve)(ctx, r)
	b.OK(err)
	if resp.StatusCode == http.StatusNoContent {
		if resp.Body != "" || resp.Headers["Content-Type"] != "" {
			b.T.Errorf("204 with %q", resp.Body)
		}
		return resp.StatusCode
	}
	resp, _ = functiontest.Check(b.T, r, resp)
	return resp.StatusCode
}

// wantCancelled checks how many jobs count as cancelled.
func (b fixture) wantCancelled(n float64) {
	b.T.Helper()
	if got := b.Log.Counted(metrics.JobsCancelled); got != n {
		b.T.Errorf("%v jobs count as cancelled, want %v", got, n)
	}
}

func (b fixture) want(id string, code int) {
	b.T.Helper()
	if got := b.call(alice, id); got != code {
		b.T.Errorf("got %d, want %d", got, code)
	}
}

// version is a sleeping version whose code is kept, and cached.
func (b fixture) version() job.Job {
	b.T.Helper()
	j := b.Ready(0)
	key := job.SourceKey(j.UserID, j.ProjectID, j.ID, sha256.Sum256(nil))
	b.OK(b.Kept.Put(b.T.Context(), key, strings.NewReader(""), 0, sha256.Sum256(nil)))
	b.OK(b.LogStore.Put(b.T.Context(), job.LogKey(j.UserID, j.ID), strings.NewReader(""), 0, sha256.Sum256(nil)))
	j = b.Pause(b.Set(j.ID, "source_key = '"+key+"'"))
	_, err := b.Cache.Put(b.T.Context(), j)
	b.OK(err)
	b.OK(b.Cache.AppendLogs(b.T.Context(), j.ID, []job.LogLine{{Text: "npm install"}}))
	return j
}

// wantGone checks that nothing of a version is left anywhere.
func (b fixture) wantGone(j job.Job) {
	b.T.Helper()
	if s, _ := b.E2B.Sandbox(j.SandboxID); s.State != e2bsim.StateGone {
		b.T.Errorf("its sandbox is %s", s.State)
	}
	if there, err := b.Kept.Has(b.T.Context(), j.SourceKey); there || err != nil {
		b.T.Errorf("its code is there: %v, %v", there, err)
	}
	b.wantNoLog(j)
	b.wantHidden(j)
	if row := b.Row(j.ID); row.SourceKey != "" {
		b.T.Errorf("its row names %s", row.SourceKey)
	}
}

func (b fixture) wantNoLog(j job.Job) {
	b.T.Helper()
	if there, err := b.LogStore.Has(b.T.Context(), job.LogKey(j.UserID, j.ID)); there || err != nil {
		b.T.Errorf("its log is there: %v, %v", there, err)
	}
}

// wantHidden checks that nobody is told of it.
func (b fixture) wantHidden(j job.Job) {
	b.T.Helper()
	if _, ok, err := b.Cache.Get(b.T.Context(), j.ID); ok || err != nil {
		b.T.Errorf("the cache tells of it: %v, %v", ok, err)
	}
	if _, found, err := b.Cache.LastLog(b.T.Context(), j.ID); found || err != nil {
		b.T.Errorf("its log is there: %v, %v", found, err)
	}
	if _, err := b.Rows.GetOwned(b.T.Context(), j.ID, alice); err == nil {
		b.T.Error("its user finds the row")
	}
}

func TestADeletedVersionIsGone(t *testing.T) {
	b := setup(t)
	j := b.version()
	b.want(j.ID, http.StatusNoContent)
	b.wantGone(j)
	b.want(j.ID, http.StatusNoContent)
}

func TestNobodyElsesIsDeleted(t *testing.T) {
	b := setup(t)
	j := b.version()
	for user, id := range map[string]string{"user_bob": j.ID, alice: job.NewID()} {
		if got := b.call(user, id); got != http.StatusNotFound {
			t.Errorf("%s: got %d", user, got)
		}
	}
	if got := b.call("", j.ID); got != http.StatusUnauthorized {
		t.Errorf("nobody: got %d", got)
	}
	if row := b.Row(j.ID); row.Revision != j.Revision {
		t.Error("the row was written")
	}
}

// One that is under way is cancelled first; whatever state it is in.
func TestWhatIsNotFinishedIsCancelledFirst(t *testing.T) {
	b := setup(t)
	building := b.Building(b.Accept(functiontest.NewJob()))
	b.want(building.ID, http.StatusNoContent)
	b.want(building.ID, http.StatusNoContent)
	b.wantCancelled(1)
	if s, _ := b.E2B.Sandbox(building.SandboxID); s.State != e2bsim.StateGone {
		t.Errorf("its sandbox is %s", s.State)
	}
	if _, err := b.Store.Advance(t.Context(), building, building.Progress, job.Code); err == nil {
		t.Error("its builder goes on")
	}
	scheduled := b.Set(b.Accept(functiontest.NewJob()).ID, "status = 'scheduled', schedule_for = now() + interval '1 day'")
	b.want(scheduled.ID, http.StatusNoContent)
	b.wantHidden(scheduled)
}

// A sandbox that is being created is not gone before that is over.
func TestACreateUnderWayIsWaitedFor(t *testing.T) {
	b := setup(t)
	j := b.Creating(b.Accept(functiontest.NewJob()))
	b.want(j.ID, http.StatusAccepted)
	b.wantHidden(j)
	b.Pass(job.Grace + time.Second)
	b.want(j.ID, http.StatusNoContent)
}

// Until E2B and the store have answered it is 202, and hidden from the first on.
func TestAnAnswerThatDidNotComeIs202(t *testing.T) {
	b := setup(t)
	j := b.version()
	b.Fault(e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.ErrorAnswer})
	b.want(j.ID, http.StatusAccepted)
	b.wantHidden(j)
	j = b.version()
	b.S3.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	b.want(j.ID, http.StatusAccepted)
	b.S3.Instead(nil)
	b.want(j.ID, http.StatusNoContent)
	b.wantGone(j)
}

// The log of one whose code is not kept goes, too, and is told of until then.
func TestALogGoesWithoutTheCode(t *testing.T) {
	b := setup(t)
	for _, assignments := range []string{"source_key = 'none'", "source_key = NULL"} {
		j := b.version()
		b.Set(j.ID, assignments)
		b.S3.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		b.want(j.ID, http.StatusAccepted)
		b.S3.Instead(nil)
		b.want(j.ID, http.StatusNoContent)
		b.wantNoLog(j)
	}
}

// A cache that may go on to tell of it is an error: the next call ends that.
func TestACacheThatCannotBeToldIsAnError(t *testing.T) {
	b := setup(t)
	j := b.version()
	dead := redistest.NewServer(t, redisserver.Config{})
	dead.Stop()
	alive := b.cache
	b.cache = functiontest.HastyCache(t, dead.URL())
	b.want(j.ID, http.StatusServiceUnavailable)
	b.cache = alive
	b.want(j.ID, http.StatusNoContent)
	b.wantGone(j)
}

// A copy of the database names the original's sandboxes.
func TestAnotherStacksSandboxIsLeft(t *testing.T) {
	b := setup(t)
	j := b.version()
	b.stack = "stack-2"
	b.want(j.ID, http.StatusNoContent)
	if s, _ := b.E2B.Sandbox(j.SandboxID); s.State != e2bsim.StatePaused {
		t.Errorf("the original's sandbox is %s", s.State)
	}
}

// A version whose sandbox has moved is deleted without it, and an iteration that failed
// without the one that it gave back.
func TestADeletedVersionLeavesASandboxThatHasMoved(t *testing.T) {
	b := setup(t)
	from := b.version()
	j := b.Iterating(from)
	b.want(from.ID, 204)
	if j = b.Row(j.ID); b.Calls(e2bsim.Kill) != 0 || j.SandboxState != job.SandboxRunning {
		t.Errorf("%d kills, and the iteration's is %s", b.Calls(e2bsim.Kill), j.SandboxState)
	}
	from = b.version()
	j = b.Iterating(from)
	j = b.Must(b.Rows.RecordFailing(t.Context(), j, "words", job.NewID()))
	b.Must(b.Rows.HandBack(t.Context(), j))
	b.want(j.ID, 204)
	if from = b.Row(from.ID); b.Calls(e2bsim.Kill) != 0 || from.SandboxState != job.SandboxRunning {
		t.Errorf("%d kills, and the version's is %s", b.Calls(e2bsim.Kill), from.SandboxState)
	}
}

// An iteration that is under way has still to give back: its builder does, and from the
// first answer on it is not there.
func TestADeletedIterationGivesBackFirst(t *testing.T) {
	b := setup(t)
	from := b.version()
	j := b.Iterating(from)
	b.want(j.ID, 202)
	row := b.Row(j.ID)
	if row.DeletedAt.IsZero() || !row.GivesBack() || b.Calls(e2bsim.Kill) != 0 || len(b.SQS.Messages("build")) != 1 {
		t.Errorf("the iteration is %+v", row)
	}
	b.want(j.ID, 202)
	b.Must(b.Rows.HandBack(t.Context(), row))
	b.want(j.ID, 204)
	if from = b.Row(from.ID); from.SandboxState != job.SandboxRunning || b.Calls(e2bsim.Kill) != 0 {
		t.Errorf("the version's is %s", from.SandboxState)
	}
}
