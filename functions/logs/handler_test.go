package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logs"
	"siesta/shared/postgres/jobs"
)

const (
	alice = functiontest.Alice
	route = "GET /api/generation/{job_id}/logs"
)

// fixture is a handler on stores of its own.
type fixture struct {
	handler
	*functiontest.World
}

func setup(t *testing.T) fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Idle{}})
	w.Cache = functiontest.Cache(t, redistest.New(t))
	log := slog.New(slog.DiscardHandler)
	return fixture{World: w, handler: handler{
		log: log, cache: w.Cache, links: w.Links(log), store: func() (*jobs.Store, error) { return w.Store, nil },
		logs: logs.Reader{Live: w.Cache, Archive: w.LogStore},
	}}
}

// building is a job of alice that has said so many lines.
func (b fixture) building(lines int) job.Job {
	b.T.Helper()
	j := b.Building(b.Accept(functiontest.NewJob()))
	for i := range lines {
		b.OK(b.Cache.AppendLogs(b.T.Context(), j.ID, []job.LogLine{{Time: time.Now(), Source: "stdout", Text: fmt.Sprint(i), Phase: "scaffold"}}))
	}
	return j
}

// get asks for a log as the gateway does.
func (b fixture) get(user, id string, query map[string]string) (api.Response, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 15*time.Second) // the function's
	defer cancel()
	r := functiontest.JobRequest(route, user, id)
	r.QueryStringParameters = query
	return functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), r)
}

// read is what the lines of an answer say, and where to go on.
func (b fixture) read(id string, query map[string]string) (texts string, next any) {
	b.T.Helper()
	resp, body := b.get(alice, id, query)
	if resp.StatusCode != http.StatusOK {
		b.T.Fatalf("got %d %v", resp.StatusCode, body)
	}
	for _, line := range body["lines"].([]any) {
		texts += line.(map[string]any)["text"].(string) + " "
	}
	return texts, body["next"]
}

func TestALogIsReadOnAcrossItsEnd(t *testing.T) {
	b := setup(t)
	j := b.building(3)
	resp, body := b.get(alice, j.ID, map[string]string{"limit": "2"})
	if resp.Headers["Retry-After"] != "" || body["has_more"] != true {
		t.Errorf("got %v %v", resp.Headers, body)
	}
	next, _ := body["next"].(string)
	resp, body = b.get(alice, j.ID, map[string]string{"after": next})
	if resp.Headers["Retry-After"] != "2" || body["has_more"] != false || len(body["lines"].([]any)) != 1 {
		t.Errorf("got %v %v", resp.Headers, body)
	}
	b.OK(logs.Keep(t.Context(), b.Cache, b.LogStore, j))
	b.Set(j.ID, "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'")
	b.cache = functiontest.Cache(t, redistest.NewServer(t, redisserver.Config{}).URL()) // has neither job nor log
	b.logs.Live = b.cache
	resp, body = b.get(alice, j.ID, map[string]string{"after": next})
	if resp.Headers["Retry-After"] != "" || body["has_more"] != false || len(body["lines"].([]any)) != 1 {
		t.Errorf("got %v %v", resp.Headers, body)
	}
	if _, ok, err := b.cache.Get(t.Context(), j.ID); !ok || err != nil {
		t.Errorf("the cache did not get the job: %v, %v", ok, err)
	}
	if texts, _ := b.read(j.ID, map[string]string{"before": "end", "limit": "2"}); texts != "1 2 " {
		t.Errorf("the newest are %q", texts)
	}
}

// Whose job it is is known by the cache alone; what it lacks Postgres knows.
func TestALogIsReadWhileAStoreIsDown(t *testing.T) {
	b := setup(t)
	j := b.building(2)
	_, err := b.Cache.Put(t.Context(), j)
	b.OK(err)
	b.OK(logs.Keep(t.Context(), b.Cache, b.LogStore, j))
	b.Proxy.Down()
	if texts, _ := b.read(j.ID, nil); texts != "0 1 " {
		t.Errorf("without Postgres it says %q", texts)
	}
	b.Proxy.Up(t)
	server := redistest.NewServer(t, redisserver.Config{})
	server.Stop()
	b.cache = functiontest.HastyCache(t, server.URL())
	b.logs.Live = b.cache
	if resp, body := b.get(alice, j.ID, nil); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without the cache a job under way has %d %v", resp.StatusCode, body)
	}
	b.Set(j.ID, "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'")
	if texts, _ := b.read(j.ID, nil); texts != "0 1 " {
		t.Errorf("without the cache a finished one says %q", texts)
	}
}

func TestALogIsItsUsersAlone(t *testing.T) {
	b := setup(t)
	j := b.building(2)
	deleted := b.building(2)
	b.Must(b.Store.Cancel(t.Context(), deleted.ID, "x", "d"))
	b.OK(logs.Keep(t.Context(), b.Cache, b.LogStore, deleted))
	b.Must(b.Store.Delete(t.Context(), deleted.ID))
	for cached := range 2 { // the first call fills the cache
		for name, c := range map[string]struct {
			user, id string
			code     int
		}{
			"its own": {alice, j.ID, http.StatusOK}, "another's": {"user_bob", j.ID, http.StatusNotFound}, "no id": {alice, "x", http.StatusNotFound},
			"unknown": {alice, job.NewID(), http.StatusNotFound}, "nobody": {"", j.ID, http.StatusUnauthorized}, "deleted": {alice, deleted.ID, http.StatusNotFound},
		} {
			if resp, body := b.get(c.user, c.id, nil); resp.StatusCode != c.code {
				t.Errorf("%s, %d: got %d %v, want %d", name, cached, resp.StatusCode, body, c.code)
			}
		}
	}
}

func TestABadQueryIsA422(t *testing.T) {
	b := setup(t)
	j := b.building(1)
	for name, value := range map[string]string{"after": "x", "before": "1-x", "limit": "501"} {
		if resp, body := b.get(alice, j.ID, map[string]string{name: value}); resp.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s=%s: got %d %v", name, value, resp.StatusCode, body)
		}
	}
}

// While somebody reads what a build prints, its builder looks more often. A call that
// reads nothing makes no reader.
func TestWhoReadsALogIsNoted(t *testing.T) {
	b := setup(t)
	for name, c := range map[string]struct {
		user   string
		query  map[string]string
		change string
		want   bool
	}{
		"its owner":      {user: alice, want: true},
		"the newest":     {user: alice, query: map[string]string{"before": "end"}, want: true},
		"another user":   {user: "user_bob"},
		"a bad query":    {user: alice, query: map[string]string{"after": "x"}},
		"a finished job": {user: alice, change: "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'"},
	} {
		j := b.building(1)
		if c.change != "" {
			j = b.Set(j.ID, c.change)
		}
		if b.get(c.user, j.ID, c.query); b.Cache.Watched(t.Context(), j.ID) != c.want {
			t.Errorf("%s: the log has a reader: %v, want %v", name, !c.want, c.want)
		}
	}
}
