package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"siesta/local/functiontest"
	"siesta/shared/api"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/redis/redistest"
	"siesta/shared/secrets"
)

const (
	alice = functiontest.Alice
	stack = functiontest.Stack
)

// control is E2B's control plane, as far as cancel calls it: it has every
// sandbox that is asked for.
type control struct {
	mu    sync.Mutex
	tag   string // the sandboxes' stack
	get   int    // status of GET
	kill  int    // status of DELETE; 0 cuts the connection
	kills []string
}

func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := strings.TrimPrefix(r.URL.Path, "/sandboxes/")
	status := c.get
	if r.Method == http.MethodDelete {
		c.kills = append(c.kills, id)
		if status = c.kill; status == 0 {
			panic(http.ErrAbortHandler)
		}
	}
	w.WriteHeader(status)
	switch status {
	case http.StatusOK:
		_ = json.NewEncoder(w).Encode(map[string]any{"sandboxID": id, "state": "running", "metadata": map[string]string{job.TagStack: c.tag}})
	case http.StatusNoContent:
	default:
		_, _ = fmt.Fprintf(w, `{"code": %d, "message": "x"}`, status)
	}
}

func (c *control) killed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kills
}

// bench is a handler on stores and an E2B of its own.
type bench struct {
	handler
	*functiontest.Database
	control *control
}

func setup(t *testing.T, redisURL string) bench {
	t.Helper()
	d := functiontest.NewDatabase(t)
	c := &control{tag: stack, get: http.StatusOK, kill: http.StatusNoContent}
	server := httptest.NewServer(c)
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	t.Cleanup(server.Close)
	sandboxes, err := e2b.New(e2b.Config{APIURL: server.URL, Domain: "e2b.app", Key: secrets.Fixed("e2b_00").Get})
	d.OK(err)
	return bench{Database: d, control: c, handler: handler{
		log: slog.New(slog.DiscardHandler), store: d.Store, cache: functiontest.Cache(t, redisURL), e2b: sandboxes, stack: stack,
	}}
}

// job is a job of alice whose row has the assignments.
func (b bench) job(assignments string) job.Job {
	b.T.Helper()
	return b.Set(b.Accept(functiontest.NewJob()).ID, assignments)
}

// isBuilding is a job under way; isReady and isFailed are terminal.
const (
	isBuilding = `status = 'deps', sandbox_id = 'i' || left(id::text, 8), sandbox_state = 'running', epoch = 1, turn = 4, claim = 5`
	isReady    = `status = 'ready', completed_at = now(), lease_until = NULL, sandbox_id = 'i' || left(id::text, 8), epoch = 1,
		preview_url = 'https://3000-x.e2b.app', pause_due_at = now(), sandbox_state = 'running'`
	isFailed = `status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'`
)

// call cancels as the gateway does.
func (b bench) call(user, id string) (int, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 30*time.Second) // the function's
	defer cancel()
	resp, body := functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), functiontest.JobRequest(user, id))
	return resp.StatusCode, body
}

// cancel is a call that succeeds; it returns the row.
func (b bench) cancel(id string) job.Job {
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
	j := b.cancel(b.job(isBuilding).ID)
	if killed := b.control.killed(); len(killed) != 1 || killed[0] != j.SandboxID || j.SandboxState != job.SandboxGone {
		t.Errorf("killed %v, state %s", killed, j.SandboxState)
	}
	cached, ok, err := b.cache.Get(t.Context(), j.ID)
	if err != nil || !ok || cached.Status != job.Failed || cached.Revision != j.Revision || cached.ErrorMessage != "Cancelled by user" {
		t.Errorf("cached: %+v, %v, %v", cached, ok, err)
	}
}

func TestItsBuilderNoticesAtItsNextWrite(t *testing.T) {
	b := setup(t, redistest.New(t))
	building := b.job(isBuilding)
	b.cancel(building.ID)
	if _, err := b.Store.Advance(t.Context(), building, job.Checks); err == nil {
		t.Error("a cancelled job went on")
	}
}

func TestWithoutASandboxE2BIsNotCalled(t *testing.T) {
	b := setup(t, redistest.New(t))
	b.control.get = http.StatusInternalServerError
	for _, assignments := range []string{
		"goal = goal", "status = 'scheduled', schedule_for = now() + interval '1 day'", "status = 'starting', create_no = 1, create_sent_at = now()",
	} {
		if j := b.cancel(b.job(assignments).ID); j.SandboxState != job.SandboxNone {
			t.Errorf("%s: %s", assignments, j.SandboxState)
		}
	}
	if killed := b.control.killed(); len(killed) != 0 {
		t.Errorf("killed %v", killed)
	}
}

func TestWhatE2BAnswersDecidesOnlyTheSandboxsState(t *testing.T) {
	for name, tt := range map[string]struct {
		tag       string
		get, kill int
		kills     int
		want      job.SandboxState
	}{
		"killed":              {stack, 200, 204, 1, job.SandboxGone},
		"gone at the kill":    {stack, 200, 404, 1, job.SandboxGone},
		"gone before":         {stack, 404, 404, 1, job.SandboxGone}, // a single 404 is not believed
		"500":                 {stack, 200, 500, 1, job.SandboxRunning},
		"no answer":           {stack, 200, 0, 1, job.SandboxRunning},
		"not to be looked at": {stack, 403, 204, 0, job.SandboxRunning},
		"another stack's":     {"stack-2", 200, 204, 0, job.SandboxRunning},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, redistest.New(t))
			b.control.tag, b.control.get, b.control.kill = tt.tag, tt.get, tt.kill
			j := b.cancel(b.job(isBuilding).ID)
			if killed := b.control.killed(); len(killed) != tt.kills || j.SandboxState != tt.want {
				t.Errorf("killed %v, state %s, want %s", killed, j.SandboxState, tt.want)
			}
		})
	}
}

func TestATerminalJobIsLeftAlone(t *testing.T) {
	b := setup(t, redistest.New(t))
	for _, assignments := range []string{isReady, isFailed} {
		j := b.job(assignments)
		code, body := b.call(alice, j.ID)
		if code != 409 || !strings.Contains(fmt.Sprint(body["detail"]), "terminal state") || body["debug_id"] == nil {
			t.Errorf("%s: %d %v", j.Status, code, body)
		}
		if after := b.Row(j.ID); after.Revision != j.Revision {
			t.Errorf("%s: the row was written", j.Status)
		}
	}
	again := b.job(isBuilding)
	b.cancel(again.ID)
	if code, _ := b.call(alice, again.ID); code != 409 {
		t.Errorf("cancelled twice: %d", code)
	}
	if killed := b.control.killed(); len(killed) != 1 {
		t.Errorf("killed %v", killed)
	}
}

func TestAMissingJobAForeignOneAndAMalformedIDAreAlike(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.job(isBuilding)
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
	if after := b.Row(j.ID); after.Revision != j.Revision || len(b.control.killed()) != 0 {
		t.Error("somebody else's job was cancelled")
	}
}

func TestItNeedsPostgresAndNotRedis(t *testing.T) {
	server := redistest.NewServer(t, redistest.Config{})
	b := setup(t, server.URL())
	server.Kill()
	b.cancel(b.job(isBuilding).ID)

	j := b.job(isBuilding)
	b.Proxy.Down()
	code, body := b.call(alice, j.ID)
	if code != 503 || !strings.Contains(fmt.Sprint(body["detail"]), "unavailable") || body["debug_id"] == nil {
		t.Errorf("got %d %v", code, body)
	}
	if killed := b.control.killed(); len(killed) != 1 {
		t.Errorf("killed %v", killed)
	}
}
