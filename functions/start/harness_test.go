package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/postgres/postgrestest"
	"siesta/shared/redis"
	"siesta/shared/redis/redistest"
	"siesta/shared/secrets"
	"siesta/shared/sqs/sqstest"
)

const (
	alice   = "user_alice"
	project = "0b9a6a5e-6d0c-4a36-9a0b-111111111111"
	good    = `{"project_id": "` + project + `", "goal": "a page"}`
)

// bench is a handler on stores and a queue of its own.
type bench struct {
	handler
	t      *testing.T
	pool   *pgxpool.Pool
	proxy  *postgrestest.Proxy // between the handler and Postgres
	queues *sqstest.Service
	logged *lines
}

func setup(t *testing.T) bench {
	t.Helper()
	t.Parallel()
	return setupWith(t, redistest.New(t))
}

func setupWith(t *testing.T, redisURL string) bench {
	t.Helper()
	url, pool := postgrestest.New(t)
	proxy := postgrestest.NewProxy(t, url)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: proxy.URL, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	cache, err := redis.Open(redis.Config{URL: redisURL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	sealer, err := secrets.NewSealer(secrets.Fixed(strings.Repeat("0f", 32)))
	if err != nil {
		t.Fatal(err)
	}
	queues, logged := sqstest.New(t), &lines{}
	return bench{t: t, pool: pool, proxy: proxy, queues: queues, logged: logged, handler: handler{
		log: logging.New(logged, "debug"), store: store, cache: cache, sealer: sealer, builds: queues.Queue(t, "build"),
		allowed:   job.Allowed{Templates: []string{"base", "node"}, SourceBucket: "sources"},
		tierClaim: "plan", deadline: time.Hour,
	}}
}

// lines is what was logged.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// event is what the gateway makes of a call of alice.
func event(body string) api.Request {
	var r api.Request
	r.RouteKey, r.Body, r.Headers = "POST /api/generation/start", body, map[string]string{}
	r.RequestContext.RequestID = "gateway-1"
	return as(r, map[string]string{"sub": alice})
}

func as(r api.Request, claims map[string]string) api.Request {
	r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: claims},
	}
	return r
}

func keyed(key, body string) api.Request {
	r := event(body)
	r.Headers["idempotency-key"] = key
	return r
}

// call is the function's answer.
func (b bench) call(r api.Request) (int, map[string]any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second) // the function's
	defer cancel()
	resp, err := api.Handle(b.log, b.serve)(ctx, r)
	if err != nil {
		b.t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(resp.Body), &body); err != nil {
		b.t.Fatalf("body %q: %v", resp.Body, err)
	}
	return resp.StatusCode, body
}

// start is a call that is accepted; it returns the job's row.
func (b bench) start(r api.Request) job.Job {
	b.t.Helper()
	code, body := b.call(r)
	id, _ := body["job_id"].(string)
	if code != 201 || len(body) != 3 {
		b.t.Fatalf("got %d %v", code, body)
	}
	j, err := b.store.Get(context.Background(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	if body["build_version"] != j.BuildVersion || j.UserID == "" {
		b.t.Errorf("answer %v, row %+v", body, j)
	}
	return j
}

// rows is how many jobs there are.
func (b bench) rows() int {
	b.t.Helper()
	var n int
	if err := b.pool.QueryRow(context.Background(), "SELECT count(*) FROM jobs").Scan(&n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// want checks how many rows and messages there are.
func (b bench) want(rows, messages int) {
	b.t.Helper()
	if got := b.rows(); got != rows {
		b.t.Errorf("%d rows, want %d", got, rows)
	}
	if got := b.queues.Sent("build"); len(got) != messages {
		b.t.Errorf("messages %v, want %d", got, messages)
	}
}
