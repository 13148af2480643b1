package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
)

// dead is a wake whose first caller died: the next one may wait for it.
func (b *fixture) dead(j job.Job) job.Job {
	b.T.Helper()
	j = b.Must(b.Rows.TakeResume(b.T.Context(), j, jobs.Wake{Time: 10 * time.Minute}))
	b.Pass(job.WaiterTime + time.Second)
	return j
}

func TestEightCallersMakeOneWake(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = b.resumeJob(j) })
	}
	all.Wait()
	up := 0
	for _, got := range answers {
		if got.status == http.StatusAccepted {
			continue
		}
		up++
		b.want(got, http.StatusOK)
		if got.body["preview_url"] != j.PreviewURL || got.body["sandbox_id"] != j.SandboxID {
			t.Errorf("got %v", got.body)
		}
	}
	row := b.wantRow(j.ID, job.SandboxRunning)
	if row.Epoch != j.Epoch+1 || b.Calls(e2bsim.Connect) != 1 || up == 0 {
		t.Errorf("got epoch %d, %d connects, %d answers that it is up", row.Epoch, b.Calls(e2bsim.Connect), up)
	}
	b.wantPause(row, awake)
	// With the answer in, nothing keeps it from going to sleep.
	b.Must(b.Rows.RequestPause(t.Context(), j.ID))
	b.Must(b.Rows.TakePause(t.Context(), j.ID, row.Epoch))
}

// A preview that hangs holds one call at a time.
func TestWhileOneWaitsTheOthersAreAnsweredAtOnce(t *testing.T) {
	b := setup(t)
	j := b.paused(app{plan: job.Plan{Port: port}}) // nothing listens
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looked := make(chan struct{})
	once := sync.OnceFunc(func() { close(looked) })
	b.E2B.Observe(func(c e2bsim.Call) {
		if c.Kind == e2bsim.Preview && c.Phase == e2bsim.Received {
			once()
		}
	})
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { b.callWithin(ctx, alice, j.ID) })
	<-looked
	before, revision := b.Calls(e2bsim.Connect), b.Row(j.ID).Revision
	got := b.resumeJob(j)
	b.want(got, http.StatusAccepted)
	if got.retryAfter != "2" || b.Calls(e2bsim.Connect) != before || b.Row(j.ID).Revision != revision {
		t.Errorf("Retry-After %q, connects %d to %d: a second call waited, too", got.retryAfter, before, b.Calls(e2bsim.Connect))
	}
	cancel()
}

// What E2B has answered to the last caller is over, so that the next one shares
// its wake with nobody.
func TestACallWhoseTimeIsUpLeavesNothingUnderWay(t *testing.T) {
	b := setup(t)
	j := b.paused(app{plan: job.Plan{Port: port}})
	b.want(b.resumeFor(j, 1), http.StatusAccepted)
	b.want(b.resumeFor(j, 1), http.StatusAccepted)
	if row := b.Row(j.ID); row.OpShared || !row.WaiterUntil.IsZero() {
		t.Errorf("shared %v, waited for until %v", row.OpShared, row.WaiterUntil)
	}
}

// One user's hanging previews take few of the calls that all users have.
func TestAUserWaitsForFewPreviewsAtATime(t *testing.T) {
	b := setup(t)
	for range job.MaxWaking {
		b.Must(b.Rows.TakeResume(t.Context(), b.paused(greeter), jobs.Wake{Time: 10 * time.Minute}))
	}
	j := b.paused(greeter)
	got := b.resumeJob(j)
	b.want(got, http.StatusTooManyRequests)
	if got.retryAfter != "1" || !strings.Contains(fmt.Sprint(got.body["detail"]), "previews are being woken") {
		t.Errorf("got %v, Retry-After %q", got.body, got.retryAfter)
	}
	if n := b.Log.Counted(metrics.WakesRefused); n != 1 {
		t.Errorf("%v wakes are counted as refused", n)
	}
	b.wantRow(j.ID, job.SandboxPaused)
	b.Pass(job.WaiterTime + time.Second)
	b.want(b.resumeJob(j), http.StatusOK)
}

// While two connects travel, the pause must wait for the slower one, or the
// wake lands on a sandbox that the row says sleeps.
func TestACallerJoinsTheWakeOfADeadOne(t *testing.T) {
	b := setup(t)
	j := b.dead(b.paused(greeter))
	b.want(b.resumeJob(j), http.StatusOK)
	row := b.wantRow(j.ID, job.SandboxRunning)
	if row.Epoch != j.Epoch || !row.OpShared || !row.OpUntil.After(row.ReadAt) {
		t.Errorf("got epoch %d, shared %v, op until %v; want epoch %d, shared, owned", row.Epoch, row.OpShared, row.OpUntil, j.Epoch)
	}
}
