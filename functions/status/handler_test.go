package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/postgrestest"
	"siesta/shared/redis"
	"siesta/shared/redis/redistest"
)

const alice = "user_alice"

// bench is a handler on stores of its own.
type bench struct {
	handler
	t     testing.TB
	rows  *postgres.Store // to write with, never broken
	pool  *pgxpool.Pool
	proxy *postgrestest.Proxy // between the handler and Postgres
}

func setup(t testing.TB, redisURL string) bench {
	t.Helper()
	url, pool := postgrestest.New(t)
	proxy := postgrestest.NewProxy(t, url)
	open := func(url string) *postgres.Store {
		store, err := postgres.Open(context.Background(), postgres.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		return store
	}
	cache, err := redis.Open(redis.Config{URL: redisURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	store := open(proxy.URL)
	h := handler{log: slog.New(slog.DiscardHandler), cache: cache, store: func() (*postgres.Store, error) { return store, nil }}
	return bench{handler: h, t: t, rows: open(url), pool: pool, proxy: proxy}
}

// accept makes a job of alice; it is not cached.
func (b bench) accept() job.Job {
	b.t.Helper()
	j, _, err := b.rows.Accept(context.Background(), postgres.NewJob{
		ID: job.NewID(), UserID: alice, Tier: job.Bootstrapper, Deadline: time.Hour,
		Request: job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// set changes a job's row behind everybody's back.
func (b bench) set(id, assignments string) job.Job {
	b.t.Helper()
	_, err := b.pool.Exec(context.Background(), "UPDATE jobs SET revision = revision + 1, "+assignments+" WHERE id = '"+id+"'")
	if err != nil {
		b.t.Fatal(err)
	}
	j, err := b.rows.Get(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

const (
	isReady = `status = 'ready', completed_at = now(), lease_until = NULL, sandbox_id = 'i' || left(id::text, 8), epoch = 1,
		preview_url = 'https://3000-x.e2b.app', pause_due_at = now(), sandbox_expires_at = now() + interval '1 hour'`
	isPaused = isReady + `, sandbox_state = 'paused', sandbox_paused = true, paused_at = now()`
	isFailed = `status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'npm ci ended with 1', debug_id = 'd1'`
)

func (b bench) cached(j job.Job) job.Job {
	b.t.Helper()
	if _, err := b.cache.Put(context.Background(), j); err != nil {
		b.t.Fatal(err)
	}
	return j
}

func event(user, id string) api.Request {
	var r api.Request
	r.RouteKey = "GET /api/generation/{job_id}/status"
	r.PathParameters = map[string]string{"job_id": id}
	if user != "" {
		r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": user}},
		}
	}
	return r
}

// get asks for a job's status as the gateway does.
func (b bench) get(user, id string) (int, map[string]any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second) // the function's
	defer cancel()
	resp, err := api.Handle(b.log, b.serve)(ctx, event(user, id))
	if err != nil {
		b.t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(resp.Body), &body); err != nil {
		b.t.Fatalf("body %q: %v", resp.Body, err)
	}
	return resp.StatusCode, body
}

func (b bench) wantStatus(id string, want job.Status) map[string]any {
	b.t.Helper()
	code, body := b.get(alice, id)
	if code != 200 || body["status"] != string(want) {
		b.t.Errorf("got %d %v, want %s", code, body, want)
	}
	return body
}

func TestCacheAndPostgresTellTheSame(t *testing.T) {
	for name, assignments := range map[string]string{
		"queued": "goal = goal", "failed": isFailed, "paused": isPaused,
		"running": isReady + ", sandbox_state = 'running'", "gone": isReady + ", sandbox_state = 'gone'",
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, redistest.New(t))
			j := b.set(b.accept().ID, assignments)
			_, fromPostgres := b.get(alice, j.ID)
			b.proxy.Down()
			_, fromCache := b.get(alice, j.ID) // the first call filled it
			if len(fromPostgres) != 11 || len(fromCache) != 11 {
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

func TestSandboxPausedIsTrueOnlyWhenPaused(t *testing.T) {
	b := setup(t, redistest.New(t))
	for assignments, want := range map[string]bool{
		isPaused: true, isReady + ", sandbox_state = 'running'": false,
		isReady + ", sandbox_state = 'pausing', op_until = now()": false, isReady + ", sandbox_state = 'resuming', op_until = now()": false,
	} {
		body := b.wantStatus(b.set(b.accept().ID, assignments).ID, job.Ready)
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
	server := redistest.NewServer(t, redistest.Config{})
	b := setup(t, server.URL())
	j := b.cached(b.accept())
	b.set(j.ID, isPaused) // the cache is stale
	b.wantStatus(j.ID, job.Queued)

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
	healed.store, healed.proxy = b.store, b.proxy
	healed.wantStatus(j.ID, job.Ready)
	b.proxy.Down()
	healed.wantStatus(j.ID, job.Ready) // by what the last read put there
}

func TestWithoutPostgresCachedJobsAreAnswered(t *testing.T) {
	b := setup(t, redistest.New(t))
	cached, uncached := b.cached(b.set(b.accept().ID, isPaused)), b.accept()
	b.proxy.Down()
	b.wantStatus(cached.ID, job.Ready)
	code, body := b.get(alice, uncached.ID)
	detail, _ := body["detail"].(string)
	if code != 503 || !strings.Contains(detail, "unavailable") || body["debug_id"] == nil {
		t.Errorf("uncached: %d %v", code, body)
	}
	b.proxy.Up(t)
	b.wantStatus(uncached.ID, job.Queued)
}

func TestACacheHitOpensNoPostgres(t *testing.T) {
	b := setup(t, redistest.New(t))
	j := b.cached(b.accept())
	b.store = func() (*postgres.Store, error) {
		t.Error("Postgres was opened")
		return nil, job.ErrUnavailable
	}
	b.wantStatus(j.ID, job.Queued)
}
