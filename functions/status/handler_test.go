package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
)

const (
	alice = functiontest.Alice
	route = "GET /api/generation/{job_id}/status"
)

// fixture is a handler on stores of its own.
type fixture struct {
	handler
	*functiontest.Database
}

func setup(t testing.TB, redisURL string) fixture {
	t.Helper()
	d := functiontest.NewDatabase(t)
	return fixture{Database: d, handler: handler{
		log: slog.New(slog.DiscardHandler), cache: functiontest.Cache(t, redisURL), store: func() (*jobs.Store, error) { return d.Store, nil }, seen: &health{},
	}}
}

// accept makes a job of alice; it is not cached.
func (b fixture) accept() job.Job {
	b.T.Helper()
	return b.Accept(functiontest.NewJob())
}

const (
	isReady = `status = 'ready', completed_at = now(), lease_until = NULL, sandbox_id = 'i' || left(id::text, 8), epoch = 1,
		preview_url = 'https://3000-x.e2b.app', pause_due_at = now(), sandbox_expires_at = now() + interval '1 hour'`
	isPaused   = isReady + `, sandbox_state = 'paused', sandbox_paused = true, paused_at = now()`
	isBuilding = `status = 'deps', plan = '{"framework": "next", "port": 3000}'`
	isFailed   = `status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'npm ci ended with 1', debug_id = '7f1c0d9e-52a3-4b8e-9f60-1d2e3c4b5a69'`
)

func (b fixture) cached(j job.Job) job.Job {
	b.T.Helper()
	_, err := b.cache.Put(b.T.Context(), j)
	b.OK(err)
	return j
}

// get asks for a job's status as the gateway does.
func (b fixture) get(user, id string) (int, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 5*time.Second) // the function's
	defer cancel()
	resp, body := functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), functiontest.JobRequest(route, user, id))
	return resp.StatusCode, body
}

func (b fixture) wantStatus(id string, want job.Status) map[string]any {
	b.T.Helper()
	code, body := b.get(alice, id)
	if code != 200 || body["status"] != string(want) {
		b.T.Errorf("got %d %v, want %s", code, body, want)
	}
	return body
}

func TestCacheAndPostgresTellTheSame(t *testing.T) {
	for name, assignments := range map[string]string{
		"queued": "goal = goal", "building": isBuilding, "failed": isFailed, "paused": isPaused,
		"running": isReady + ", sandbox_state = 'running'", "gone": isReady + ", sandbox_state = 'gone'",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, redistest.New(t))
			j := b.Set(b.accept().ID, assignments)
			_, fromPostgres := b.get(alice, j.ID)
			b.Proxy.Down()
			_, fromCache := b.get(alice, j.ID) // the first call filled it
			if len(fromPostgres) != 18 || len(fromCache) != 18 {
				t.Fatalf("keys: %v, %v", fromPostgres, fromCache)
			}
			for key, want := range fromPostgres {
				if fromCache[key] != want {
					t.Errorf("%s: %v by the cache, %v by Postgres", key, fromCache[key], want)
				}
			}
		})
	}
}

// What the app is shows as soon as that is known, and the port that its visitors
// see.
func TestTheStatusTellsWhatTheAppIs(t *testing.T) {
	b := setup(t, redistest.New(t))
	for assignments, want := range map[string][2]any{
		"goal = goal": {nil, nil},
		isBuilding:    {"next", 3000.},
		isPaused + `, plan = '{"framework": "vite", "port": 5173, "preview": 4000}'`: {"vite", 4000.},
		isPaused + `, plan = '{"port": 3000}'`:                                       {nil, 3000.},
	} {
		_, body := b.get(alice, b.Set(b.accept().ID, assignments).ID)
		if got := [2]any{body["framework"], body["port"]}; got != want {
			t.Errorf("%s: got %v, want %v", assignments, got, want)
		}
	}
}

func TestSandboxPausedIsTrueOnlyWhenPaused(t *testing.T) {
	b := setup(t, redistest.New(t))
	for assignments, want := range map[string]bool{
		isPaused: true, isReady + ", sandbox_state = 'running'": false,
		isReady + ", sandbox_state = 'pausing', op_until = now()": false, isReady + ", sandbox_state = 'resuming', op_until = now()": false,
	} {
		body := b.wantStatus(b.Set(b.accept().ID, assignments).ID, job.Ready)
		if body["sandbox_paused"] != want || body["preview_url"] != "https://3000-x.e2b.app" || body["build_version"] != "build_v0_1" {
			t.Errorf("%s: %v", assignments, body)
		}
	}
}

func TestAMissingJobAForeignOneAndAMalformedIDAreAlike(t *testing.T) {
	b := setup(t, redistest.New(t))
	uncached, cached := b.accept(), b.cached(b.accept())
	for name, tt := range map[string]struct{ user, id string }{
		"unknown":           {alice, job.NewID()},
		"foreign, cached":   {"user_bob", cached.ID},
		"foreign, uncached": {"user_bob", uncached.ID},
		"foreign, refilled": {"user_bob", uncached.ID},
		"malformed":         {alice, "../../etc/passwd"},
		"empty":             {alice, ""},
	} {
		code, body := b.get(tt.user, tt.id)
		if id, _ := body["debug_id"].(string); code != 404 || body["detail"] != "Job not found" || !job.IsID(id) || len(body) != 2 {
			t.Errorf("%s: %d %v", name, code, body)
		}
	}
	if code, body := b.get("", cached.ID); code != 401 || body["detail"] == nil || body["debug_id"] == nil {
		t.Errorf("nobody: %d %v", code, body)
	}
	b.wantStatus(strings.ToUpper(cached.ID), job.Queued)
}

func TestWithoutRedisPostgresAnswers(t *testing.T) {
	server := redistest.NewServer(t, redisserver.Config{})
	b := setup(t, server.URL())
	j := b.cached(b.accept())
	b.Set(j.ID, isPaused) // the cache is stale
	b.wantStatus(j.ID, job.Queued)

	b.cache = functiontest.HastyCache(t, server.URL())
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	b.wantStatus(j.ID, job.Ready)
	server.Kill()
	b.wantStatus(j.ID, job.Ready)
	code, body := b.get(alice, job.NewID())
	if code != 404 {
		t.Errorf("unknown: %d %v", code, body)
	}

	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	healed := setup(t, server.URL()) // a process that has not just found it dead
	healed.store = b.store
	healed.wantStatus(j.ID, job.Ready)
	b.Proxy.Down()
	healed.wantStatus(j.ID, job.Ready) // by what the last read put there
}

// Whoever woke a preview may have been unable to tell the cache.
func TestACachedSleepIsNotBelievedForLong(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.cached(b.Set(b.accept().ID, isPaused))
	slept := b.Row(j.ID)
	woken := b.Set(j.ID, "sandbox_paused = false, sandbox_state = 'resuming', op_until = now() + interval '2 minutes', pause_due_at = now() + interval '10 minutes'")
	tell := func(age time.Duration) (any, any) {
		slept.ReadAt = time.Now().Add(-age)
		if _, err := b.cache.Put(t.Context(), slept); err != nil {
			t.Fatal(err)
		}
		_, body := b.get(alice, j.ID)
		return body["sandbox_paused"], body["sandbox_state"]
	}
	if paused, _ := tell(job.SleepBelieved / 2); paused != true {
		t.Error("a sleep that was read a moment ago is not told from the cache")
	}
	if paused, state := tell(job.SleepBelieved); paused != false || state != "resuming" {
		t.Errorf("paused %v, %v; the row says %s", paused, state, woken.SandboxState)
	}
}

// A replica that takes over may lack what the cache was told last.
func TestAStaleReplicaIsNotBelievedForLong(t *testing.T) {
	first, replica := redistest.NewServer(t, redisserver.Config{TCP: true}), redistest.NewServer(t, redisserver.Config{TCP: true})
	port := first.URL()[strings.LastIndex(first.URL(), ":")+1:]
	if err := replica.Do(t.Context(), "REPLICAOF", "127.0.0.1", port); err != nil {
		t.Fatal(err)
	}
	b := setup(t, first.URL())
	slept := b.Set(b.accept().ID, isPaused)
	slept.ReadAt = time.Now().Add(-job.SleepBelieved + time.Second)
	if _, err := b.cache.Put(t.Context(), slept); err != nil {
		t.Fatal(err)
	}
	if err := first.Do(t.Context(), "WAIT", 1, 10000); err != nil {
		t.Fatal(err)
	}
	if err := replica.Do(t.Context(), "REPLICAOF", "NO", "ONE"); err != nil {
		t.Fatal(err)
	}
	b.cached(b.Set(slept.ID, "sandbox_paused = false, sandbox_state = 'resuming', op_until = now() + interval '2 minutes', pause_due_at = now() + interval '10 minutes'"))
	first.Kill()
	b.cache = functiontest.Cache(t, replica.URL())
	for until := time.Now().Add(time.Minute); ; {
		_, body := b.get(alice, slept.ID)
		if body["sandbox_paused"] == false && body["sandbox_state"] == "resuming" {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("a minute after the failover the status says %v", body)
		}
	}
	if late := time.Since(slept.ReadAt); late > job.SleepBelieved+10*time.Second {
		t.Errorf("the sleep was believed for %v", late)
	}
}

func TestWithoutPostgresCachedJobsAreAnswered(t *testing.T) {
	b := setup(t, redistest.New(t))
	cached, uncached := b.cached(b.Set(b.accept().ID, isPaused)), b.accept()
	b.Proxy.Down()
	b.wantStatus(cached.ID, job.Ready)
	code, body := b.get(alice, uncached.ID)
	detail, _ := body["detail"].(string)
	if code != 503 || !strings.Contains(detail, "unavailable") || body["debug_id"] == nil {
		t.Errorf("uncached: %d %v", code, body)
	}
	b.Proxy.Up(t)
	b.wantStatus(uncached.ID, job.Queued)
}

func TestACacheHitOpensNoPostgres(t *testing.T) {
	b := setup(t, redistest.New(t))
	told := functiontest.NewLog(t)
	b.log = logging.New(told, "info")
	j := b.accept()
	b.wantStatus(j.ID, job.Queued) // which fills the cache
	b.store = func() (*jobs.Store, error) {
		t.Error("Postgres was opened")
		return nil, job.ErrUnavailable
	}
	b.wantStatus(j.ID, job.Queued)
	if got := told.Metric(metrics.Cached); !slices.Equal(got, []float64{0, 1}) {
		t.Errorf("told by the cache: %v, want the second one alone", got)
	}
}

// TestHealthTellsWhetherTheStoresAnswer: anybody may ask; without its cache the
// service is degraded, without Postgres it is unavailable, and no more is told.
func TestHealthTellsWhetherTheStoresAnswer(t *testing.T) {
	down := errors.New("postgres at 10.0.0.1 refused siesta_reader")
	for name, tt := range map[string]struct {
		redis string
		err   error
		code  int
		want  string
	}{
		"all answer":  {redistest.New(t), nil, http.StatusOK, `{"status":"ok"}`},
		"no cache":    {"redis://127.0.0.1:1", nil, http.StatusOK, `{"status":"degraded"}`},
		"no Postgres": {redistest.New(t), fmt.Errorf("%w: %w", job.ErrUnavailable, down), http.StatusServiceUnavailable, ""},
	} {
		f := setup(t, tt.redis)
		opened, open := 0, f.store
		f.store = func() (*jobs.Store, error) {
			opened++
			if tt.err != nil {
				return nil, tt.err
			}
			return open()
		}
		r := api.Request{RouteKey: healthRoute}
		for range 3 {
			resp, _ := functiontest.Call(t.Context(), t, api.Handle(f.log, f.serve), r)
			if resp.StatusCode != tt.code || tt.want != "" && resp.Body != tt.want || strings.Contains(resp.Body, "10.0.0.1") {
				t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Body)
			}
		}
		if opened != 1 {
			t.Errorf("%s: the stores were asked %d times in a moment, want once", name, opened)
		}
	}
}
