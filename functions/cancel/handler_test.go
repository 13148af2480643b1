package main

import (
	"context"
	"fmt"
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
	route = "POST /api/generation/{job_id}/cancel"
)

// fixture is a handler on stores and an E2B of its own.
type fixture struct {
	handler
	*functiontest.World
}

func setup(t *testing.T, redisURL string) fixture {
	t.Helper()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Idle{}})
	w.Cache = functiontest.Cache(t, redisURL)
	return fixture{World: w, handler: handler{
		log: logging.New(w.Log, "debug"), store: w.Store, e2b: w.Sandboxes, stack: functiontest.Stack, builds: w.Queue("build"),
	}}
}

func (b fixture) accepted() job.Job { return b.Accept(functiontest.NewJob()) }

// building is a job under way, with its sandbox.
func (b fixture) building() job.Job { return b.Building(b.accepted()) }

// wantKills checks how many sandboxes were to be killed.
func (b fixture) wantKills(want int) {
	b.T.Helper()
	if got := b.Calls(e2bsim.Kill); got != want {
		b.T.Errorf("%d kills, want %d", got, want)
	}
}

// call cancels as the gateway does.
func (b fixture) call(user, id string) (int, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 30*time.Second) // the function's
	defer cancel()
	resp, body := functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), functiontest.JobRequest(route, user, id))
	return resp.StatusCode, body
}

// cancel is a call that succeeds; it returns the row.
func (b fixture) cancel(id string) job.Job {
	b.T.Helper()
	code, body := b.call(alice, id)
	if code != 200 || len(body) != 3 || body["job_id"] != id || body["status"] != "cancelled" || body["message"] != "Build cancelled" {
		b.T.Errorf("got %d %v", code, body)
	}
	j := b.Row(id)
	if j.Status != job.Failed || j.ErrorMessage != "Cancelled by user" || !job.IsID(j.DebugID) {
		b.T.Errorf("row: %s, %q, %q", j.Status, j.ErrorMessage, j.DebugID)
	}
	return j
}

func TestACancelledJobsSandboxIsKilled(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.cancel(b.building().ID)
	if sandbox, _ := b.E2B.Sandbox(j.SandboxID); sandbox.State != e2bsim.StateGone || j.SandboxState != job.SandboxGone {
		t.Errorf("E2B says %s, the row %s", sandbox.State, j.SandboxState)
	}
	if code, _ := b.call(alice, j.ID); code != 409 || b.Log.Counted(metrics.JobsCancelled) != 1 {
		t.Errorf("%d, and %v jobs cancelled, want one", code, b.Log.Counted(metrics.JobsCancelled))
	}
	cached, ok, err := b.Cache.Get(t.Context(), j.ID)
	if err != nil || !ok || cached.Status != job.Failed || cached.Revision != j.Revision || cached.ErrorMessage != "Cancelled by user" {
		t.Errorf("cached: %+v, %v, %v", cached, ok, err)
	}
}

func TestItsBuilderNoticesAtItsNextWrite(t *testing.T) {
	b := setup(t, redistest.New(t))
	building := b.building()
	b.cancel(building.ID)
	if _, err := b.Store.Advance(t.Context(), building, building.Progress, job.Code); err == nil {
		t.Error("a cancelled job went on")
	}
}

func TestWithoutASandboxE2BIsNotCalled(t *testing.T) {
	b := setup(t, redistest.New(t))
	for name, j := range map[string]job.Job{
		"queued":    b.accepted(),
		"scheduled": b.Set(b.accepted().ID, "status = 'scheduled', schedule_for = now() + interval '1 day'"),
		"starting":  b.Creating(b.accepted()),
	} {
		if j := b.cancel(j.ID); j.SandboxState != job.SandboxNone {
			t.Errorf("%s: %s", name, j.SandboxState)
		}
	}
	if calls := b.E2B.Calls(); len(calls) != 0 {
		t.Errorf("called %+v", calls)
	}
}

func TestWhatE2BAnswersDecidesOnlyTheSandboxsState(t *testing.T) {
	for name, tt := range map[string]struct {
		fault e2bsim.Fault
		stack string
		kills int
		want  job.SandboxState
	}{
		"killed":              {e2bsim.Fault{}, functiontest.Stack, 1, job.SandboxGone},
		"gone at the kill":    {e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.Vanish}, functiontest.Stack, 1, job.SandboxGone},
		"gone before":         {e2bsim.Fault{Call: e2bsim.Get, Action: e2bsim.Vanish}, functiontest.Stack, 1, job.SandboxGone}, // a single 404 is not believed
		"500":                 {e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.ErrorAnswer}, functiontest.Stack, 1, job.SandboxRunning},
		"no answer":           {e2bsim.Fault{Call: e2bsim.Kill, Action: e2bsim.AnswerLost}, functiontest.Stack, 1, job.SandboxRunning},
		"not to be looked at": {e2bsim.Fault{Call: e2bsim.Get, Action: e2bsim.ErrorAnswer, Status: 403}, functiontest.Stack, 0, job.SandboxRunning},
		"another stack's":     {e2bsim.Fault{}, "stack-2", 0, job.SandboxRunning},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, redistest.New(t))
			building := b.building()
			if b.stack = tt.stack; tt.fault.Action != "" {
				b.Fault(tt.fault)
			}
			if j := b.cancel(building.ID); j.SandboxState != tt.want {
				t.Errorf("state %s, want %s", j.SandboxState, tt.want)
			}
			b.wantKills(tt.kills)
		})
	}
}

func TestATerminalJobIsLeftAlone(t *testing.T) {
	b := setup(t, redistest.New(t))
	for _, j := range []job.Job{b.Ready(0), b.Must(b.Rows.Fail(t.Context(), b.building(), "x", "d"))} {
		code, body := b.call(alice, j.ID)
		if code != 409 || !strings.Contains(fmt.Sprint(body["detail"]), "terminal state") || body["debug_id"] == nil {
			t.Errorf("%s: %d %v", j.Status, code, body)
		}
		if after := b.Row(j.ID); after.Revision != j.Revision {
			t.Errorf("%s: the row was written", j.Status)
		}
	}
	again := b.building()
	b.cancel(again.ID)
	if code, _ := b.call(alice, again.ID); code != 409 {
		t.Errorf("cancelled twice: %d", code)
	}
	b.wantKills(1)
}

func TestAMissingJobAForeignOneAndAMalformedIDAreAlike(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.building()
	for name, tt := range map[string]struct {
		user, id string
		status   int
	}{
		"unknown": {alice, job.NewID(), 404}, "foreign": {"user_bob", j.ID, 404}, "malformed": {alice, "x", 404}, "nobody": {"", j.ID, 401},
	} {
		code, body := b.call(tt.user, tt.id)
		if code != tt.status || body["debug_id"] == nil || tt.status == 404 && body["detail"] != "Job not found" {
			t.Errorf("%s: %d %v", name, code, body)
		}
	}
	if after := b.Row(j.ID); after.Revision != j.Revision || b.Calls(e2bsim.Kill) != 0 {
		t.Error("somebody else's job was cancelled")
	}
}

func TestItNeedsPostgresAndNotRedis(t *testing.T) {
	server := redistest.NewServer(t, redisserver.Config{})
	b := setup(t, server.URL())
	server.Kill()
	b.cancel(b.building().ID)

	j := b.building()
	b.Proxy.Down()
	code, body := b.call(alice, j.ID)
	if code != 503 || !strings.Contains(fmt.Sprint(body["detail"]), "unavailable") || body["debug_id"] == nil {
		t.Errorf("got %d %v", code, body)
	}
	b.wantKills(1)
}

// What an iteration has taken is given back by its builder: nothing is killed, and it is
// told at once.
func TestAnIterationGivesBackWhatItTook(t *testing.T) {
	b := setup(t, redistest.New(t))
	from := b.Pause(b.Ready(0))
	j := b.Iterating(from)
	if code, body := b.call(alice, j.ID); code != 200 || body["status"] != "cancelled" {
		t.Errorf("got %d %v", code, body)
	}
	b.wantKills(0)
	if row := b.Row(j.ID); !row.GivesBack() || row.Failing != "Cancelled by user" || row.SandboxState != job.SandboxRunning {
		t.Errorf("the iteration is %+v", row)
	}
	if sent := b.SQS.Messages("build"); len(sent) != 1 || !strings.Contains(sent[0].Body, j.ID) {
		t.Errorf("sent is %v", sent)
	}
	if code, _ := b.call(alice, j.ID); code != 409 {
		t.Errorf("again: %d", code)
	}
}
