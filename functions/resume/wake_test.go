package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/wake"
)

func TestAnAbandonedWakeIsTakenOver(t *testing.T) {
	b := setup(t)
	j := b.Must(b.Rows.TakeResume(t.Context(), b.paused(greeter), jobs.Wake{Time: 10 * time.Minute}))
	b.Pass(job.OpTime + time.Second)
	b.want(b.resumeJob(j), http.StatusOK)
	if row := b.wantRow(j.ID, job.SandboxRunning); row.Epoch != j.Epoch+1 || row.OpShared {
		t.Errorf("got epoch %d, shared %v", row.Epoch, row.OpShared)
	}
}

// A preview that hangs while somebody asks for it again and again goes to sleep
// all the same.
func TestAPreviewThatNeverComesUpIsNotKeptAwake(t *testing.T) {
	b := setup(t)
	b.waker.Time = 4 * time.Minute
	j := b.paused(app{plan: job.Plan{Port: port}}) // nothing listens
	got := b.resumeFor(j, 1)
	for range 10 {
		if got.status != http.StatusAccepted {
			break
		}
		b.Pass(time.Minute)
		got = b.resumeFor(j, 1)
	}
	b.want(got, http.StatusServiceUnavailable)
	row := b.wantRow(j.ID, job.SandboxResuming)
	if row.Epoch != j.Epoch+1 || got.errorType() != "sandbox_unreachable" {
		t.Errorf("got %v, epoch %d, want one wake", got.body, row.Epoch)
	}
	b.Pass(job.OpTime + time.Second)
	b.want(b.resumeFor(j, 1), http.StatusServiceUnavailable) // nor before its pause has come
	if _, err := b.Rows.TakePause(t.Context(), j.ID, row.Epoch); err != nil {
		t.Errorf("the pause is not to be had: %v", err)
	}
}

// What E2B's answers mean.
func TestAnswersToTheConnect(t *testing.T) {
	for name, c := range map[string]struct {
		fault   e2bsim.Fault
		status  int
		settled bool // the wake has ended: its sandbox may be put to sleep at once
	}{
		"400":                                    {e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 400}, 503, true},
		"403":                                    {e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 403}, 503, true},
		"a passing 404":                          {e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 404}, 503, true},
		"409":                                    {e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 409}, 503, true},
		"429, concurrency":                       {e2bsim.Fault{Action: e2bsim.LimitReached}, 503, true},
		"429, rate":                              {e2bsim.Fault{Action: e2bsim.RateLimited, RetryAfter: 30}, 503, true},
		"500 in E2B's own JSON":                  {e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 500}, 503, true},
		"502":                                    {e2bsim.Fault{Action: e2bsim.ErrorAnswer, Status: 502}, 202, false},
		"504 of a load balancer, without effect": {e2bsim.Fault{Action: e2bsim.GatewayTimeout}, 202, false},
		"504 of a load balancer, with effect":    {e2bsim.Fault{Action: e2bsim.TimeoutAfter}, 202, false},
		"cut, with effect":                       {e2bsim.Fault{Action: e2bsim.AnswerLost}, 202, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.paused(greeter)
			c.fault.Call = e2bsim.Connect
			b.Fault(c.fault)
			got := b.resumeJob(j)
			b.want(got, c.status)
			row := b.wantRow(j.ID, job.SandboxResuming)
			if c.settled {
				if got.errorType() != "sandbox_unreachable" || row.OpUntil.After(row.ReadAt) {
					t.Errorf("got %v, op until %v", got.body, row.OpUntil)
				}
				b.wantPause(row, 0)
			} else {
				if got.retryAfter != "2" || !row.OpUntil.After(row.ReadAt) {
					t.Errorf("Retry-After %q, op until %v: an unknown call must keep its owner", got.retryAfter, row.OpUntil)
				}
				b.wantPause(row, job.OpTime)
			}
			// Calling again goes on.
			b.want(b.resumeJob(j), http.StatusOK)
			b.wantRow(j.ID, job.SandboxRunning)
		})
	}
}

func TestASlowConnectIsWaitedForByTheNextCall(t *testing.T) {
	b := setup(t)
	b.waker.Times.Answer = 15 * time.Second
	j := b.paused(greeter)
	held := make(chan struct{})
	answer := sync.OnceFunc(func() { close(held) })
	defer answer()
	b.Once(e2bsim.Connect, e2bsim.Received, func() { <-held })
	begun := time.Now()
	b.want(b.resumeJob(j), http.StatusAccepted)
	if took := time.Since(begun); took > b.waker.Times.Answer {
		t.Errorf("took %v, with %v to answer", took, b.waker.Times.Answer)
	}
	answer()
	row := b.wantRow(j.ID, job.SandboxResuming)
	b.wantPause(row, job.OpTime)
	b.waker.Times = wake.CallTimes
	b.want(b.resumeJob(j), http.StatusOK)
	if after := b.wantRow(j.ID, job.SandboxRunning); after.Epoch != row.Epoch {
		t.Errorf("got epoch %d, want %d: the first connect still travels", after.Epoch, row.Epoch)
	}
}

func TestOlderFilesAreNoPreview(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.want(b.resumeJob(j), http.StatusOK)
	b.Pass(awake)
	j = b.pause(b.Row(j.ID))
	b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.Stale})
	got := b.resumeJob(j)
	b.want(got, http.StatusServiceUnavailable)
	if got.errorType() != "sandbox_expired" {
		t.Errorf("got %v", got.body)
	}
	b.wantRow(j.ID, job.SandboxGone)
	if info, _ := b.E2B.Sandbox(j.SandboxID); info.State != e2bsim.StateGone {
		t.Errorf("the sandbox with the older files is %s", info.State)
	}
	b.want(b.resumeJob(j), http.StatusServiceUnavailable)
}

// Whatever the app did to the marker, nothing is destroyed for it.
func TestAMissingMarkerIsNoOlderOne(t *testing.T) {
	for name, command := range map[string]string{
		"folder": "rm -r .siesta", "file": "rm .siesta/epoch", "rubbish": "echo rubbish >.siesta/epoch",
		"a pipe": "rm .siesta/epoch; mkfifo .siesta/epoch",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.ready(greeter)
			b.Run(j, command)
			j = b.pause(j)
			b.want(b.resumeJob(j), http.StatusOK)
			row := b.wantRow(j.ID, job.SandboxRunning)
			if marker, err := b.Inside(j).ReadMarker(t.Context()); marker != row.Epoch || row.MarkerEpoch != row.Epoch || err != nil {
				t.Errorf("marker is %d, %v, the row's %d; want %d", marker, err, row.MarkerEpoch, row.Epoch)
			}
		})
	}
}

func TestAMarkerThatCannotBeReadDecidesNothing(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.Fault(e2bsim.Fault{Call: e2bsim.StartProcess, Action: e2bsim.GatewayTimeout})
	b.want(b.resumeJob(j), http.StatusAccepted)
	b.wantRow(j.ID, job.SandboxResuming)
	b.want(b.resumeJob(j), http.StatusOK)
}

// A refusal says nothing about the call of somebody else under the same epoch.
func TestARefusalDoesNotEndASharedWake(t *testing.T) {
	b := setup(t)
	j := b.dead(b.paused(greeter))
	b.Fault(e2bsim.Fault{Call: e2bsim.Connect, Action: e2bsim.LimitReached})
	got := b.resumeJob(j)
	b.want(got, http.StatusServiceUnavailable)
	row := b.wantRow(j.ID, job.SandboxResuming)
	if !row.OpUntil.After(row.ReadAt) {
		t.Errorf("op until %v: the other call lost its sandbox", row.OpUntil)
	}
	if !row.WaiterUntil.IsZero() {
		t.Errorf("the next call must wait until %v", row.WaiterUntil)
	}
	b.wantPause(row, job.OpTime)
}

// The two ends of a 404: believed only after it has lasted, and counted across
// the calls of a user who tries again and again.
func TestA404KeepsItsEvidenceAcrossCalls(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.OK(b.E2B.Vanish(t.Context(), j.SandboxID))
	got := b.resumeJob(j)
	b.want(got, http.StatusServiceUnavailable)
	if got.errorType() != "sandbox_unreachable" {
		t.Errorf("got %v after a single 404", got.body)
	}
	first := b.Row(j.ID).MissingSince
	b.Pass(time.Minute)
	b.want(b.resumeJob(j), http.StatusServiceUnavailable)
	if again := b.Row(j.ID).MissingSince; first.IsZero() || !again.Equal(first.Add(-time.Minute)) {
		t.Errorf("missing since %v, then %v: a second call started the count anew", first, again)
	}
}

// Whoever takes the row over while a call works, the call answers from what it
// finds.
func TestARowThatMovedOn(t *testing.T) {
	for name, c := range map[string]struct {
		move   func(b *fixture, j job.Job)
		status int
	}{
		"running": {func(b *fixture, j job.Job) {
			b.Must(b.Rows.RecordResumed(b.T.Context(), j, jobs.Run{Due: awake, TTL: time.Hour}))
		}, 200},
		"gone": {func(b *fixture, j job.Job) { b.Must(b.Rows.RecordRolledBack(b.T.Context(), j)) }, 503},
		"pausing": {func(b *fixture, j job.Job) {
			b.Pass(job.OpTime + time.Second)
			b.Must(b.Rows.TakePause(b.T.Context(), j.ID, j.Epoch))
		}, 202},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			j := b.paused(greeter)
			b.Once(e2bsim.StartProcess, e2bsim.Received, func() { c.move(b, b.Row(j.ID)) })
			b.want(b.resumeJob(j), c.status)
		})
	}
}

// What a call has begun is booked to end, even if its invocation's time is up.
func TestAnInvocationThatEndsLeavesThePauseBooked(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	ctx, cancel := context.WithCancel(t.Context())
	b.E2B.Observe(func(call e2bsim.Call) {
		if call.Kind == e2bsim.StartProcess && call.Phase == e2bsim.Received {
			cancel()
		}
	})
	b.want(b.callWithin(ctx, alice, j.ID), http.StatusAccepted)
	b.wantPause(b.wantRow(j.ID, job.SandboxResuming), job.OpTime)
}

func TestWithoutQueueOrCacheThePreviewStillComes(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.SQS.Advance(0)
	b.waker.Pauses = functiontest.DeadQueue(t)
	b.Cache = functiontest.Cache(t, "redis://127.0.0.1:1")
	b.want(b.resumeJob(j), http.StatusOK)
	if row := b.Row(j.ID); row.SandboxState != job.SandboxRunning || row.PauseDueAt.IsZero() {
		t.Errorf("row says %s, due %v", row.SandboxState, row.PauseDueAt)
	}
}

// A commit whose answer is lost leaves the wake with an owner; calling again
// joins it.
func TestALostAnswerOfPostgres(t *testing.T) {
	for _, statement := range []string{"epoch = epoch + 1", "pause_error = NULL"} {
		t.Run(statement, func(t *testing.T) {
			b := setup(t)
			j := b.paused(greeter)
			b.Proxy.CutAfter(statement, 1)
			b.want(b.resumeJob(j), http.StatusServiceUnavailable)
			if !b.Proxy.Struck() {
				t.Fatal("the statement was not met")
			}
			b.want(b.resumeJob(j), http.StatusOK)
			if row := b.Row(j.ID); row.Epoch != j.Epoch+1 || row.SandboxState != job.SandboxRunning {
				t.Errorf("got epoch %d, %s", row.Epoch, row.SandboxState)
			}
		})
	}
}

func TestWithoutPostgresNothingIsWoken(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.Proxy.Down()
	b.want(b.resumeJob(j), http.StatusServiceUnavailable)
	if n := b.Calls(e2bsim.Connect); n != 0 {
		t.Errorf("%d connects without a record", n)
	}
}

func TestTheRecordComesBeforeTheCall(t *testing.T) {
	b := setup(t)
	j := b.paused(greeter)
	b.E2B.Observe(func(call e2bsim.Call) {
		if call.Kind != e2bsim.Connect || call.Phase != e2bsim.Received {
			return
		}
		row, err := b.Rows.Get(b.T.Context(), j.ID)
		cached, ok, cacheErr := b.Cache.Get(b.T.Context(), j.ID)
		if err := errors.Join(err, cacheErr); err != nil {
			t.Error(err)
		}
		if row.SandboxState != job.SandboxResuming || row.SandboxPaused || !ok || cached.SandboxPaused {
			t.Errorf("at the connect the row says %s, the cache paused %v", row.SandboxState, cached.SandboxPaused)
		}
	})
	b.want(b.resumeJob(j), http.StatusOK)
}
