package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/local/e2bsim"
	"siesta/local/sqssim"
	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/postgres/postgrestest"
	"siesta/shared/redis"
	"siesta/shared/redis/redistest"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

// bench is the function on stores of its own, with a simulated E2B.
type bench struct {
	*handler
	t      *testing.T
	ctx    context.Context
	pool   *pgxpool.Pool
	sim    *e2bsim.Server
	queues *sqssim.Server
}

func setup(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	b := &bench{t: t, ctx: t.Context()}
	url, pool := postgrestest.New(t)
	b.pool = pool
	store, err := postgres.Open(b.ctx, postgres.Config{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	cache, err := redis.Open(redis.Config{URL: redistest.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	b.handler = &handler{
		log: logging.New(io.Discard, "error"), store: store, cache: cache, messages: b.startQueues(), e2b: b.startE2B(),
	}
	return b
}

func (b *bench) startE2B() *e2b.Client {
	b.t.Helper()
	sim, err := e2bsim.New(e2bsim.Config{DataDir: b.t.TempDir(), Backend: e2bsim.Idle{}, PauseLatency: -1, ResumeLatency: -1})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = sim.Close() })
	b.sim = sim
	server := httptest.NewServer(sim.APIHandler())
	b.t.Cleanup(server.Close)
	client, err := e2b.New(e2b.Config{APIURL: server.URL, Domain: "e2b.app", Key: secrets.Fixed("e2b_0123").Get})
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

func (b *bench) startQueues() *sqs.Queue {
	b.t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.queues.ServeHTTP(w, r) }))
	b.t.Cleanup(server.Close)
	b.queues = sqssim.New(server.URL)
	for _, name := range []string{"pause", "dead"} {
		if _, err := b.queues.CreateQueue(name, nil); err != nil {
			b.t.Fatal(err)
		}
	}
	cfg, err := awsenv.Load(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}[name]
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return sqs.New(cfg, &server.URL).Queue(b.queues.URL("pause"), b.queues.URL("dead"))
}

// must fails the test on an error of a store's write.
func (b *bench) must(j job.Job, err error) job.Job {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	return j
}

// ready is a READY job with a running sandbox, due for its pause after wait.
func (b *bench) ready(wait time.Duration) job.Job {
	b.t.Helper()
	j, _, err := b.store.Accept(b.ctx, postgres.NewJob{
		ID: job.NewID(), UserID: "alice", Tier: job.Bootstrapper, Deadline: time.Hour,
		Request: job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base"},
	})
	j = b.must(j, err)
	j = b.must(b.store.ClaimTurn(b.ctx, j.ID, 0))
	j = b.must(b.store.Begin(b.ctx, j, job.Limits{}))
	j = b.must(b.store.RecordCreate(b.ctx, j))
	s, err := b.e2b.Create(b.ctx, e2b.Create{Template: "base", Timeout: time.Hour, Metadata: job.Tags("stack", j.ID, j.CreateNo)})
	if err != nil {
		b.t.Fatal(err)
	}
	j = b.must(b.store.RecordSandbox(b.ctx, j, s.ID, time.Hour))
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = b.must(b.store.Advance(b.ctx, j, next))
	}
	return b.must(b.store.Ready(b.ctx, j, "https://3000-x.e2b.app", wait))
}

func (b *bench) fault(f e2bsim.Fault) {
	b.t.Helper()
	f.Call = e2bsim.Pause
	if _, err := b.sim.AddFault(f); err != nil {
		b.t.Fatal(err)
	}
}

// deliver sends the READY message of an epoch and lets the function handle
// what the queue has; again reports whether it is to come again.
func (b *bench) deliver(j job.Job) (again bool) {
	b.t.Helper()
	if err := b.messages.SendReady(b.ctx, sqs.ReadyMessage{JobID: j.ID, SandboxID: j.SandboxID, Epoch: j.Epoch}, 0); err != nil {
		b.t.Fatal(err)
	}
	return b.redeliver()
}

func (b *bench) redeliver() (again bool) {
	b.t.Helper()
	records, err := b.queues.Queue("pause").Receive(b.ctx, 10, time.Second)
	if err != nil || len(records) != 1 {
		b.t.Fatalf("received %d messages, %v; want 1", len(records), err)
	}
	response, err := b.Handle(b.ctx, events.SQSEvent{Records: records})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(response.BatchItemFailures) > 0 {
		return true
	}
	if err := b.queues.Queue("pause").Delete(b.ctx, []string{records[0].ReceiptHandle}); err != nil {
		b.t.Fatal(err)
	}
	return false
}

func (b *bench) row(j job.Job) job.Job {
	b.t.Helper()
	return b.must(b.store.Get(b.ctx, j.ID))
}

// wantState checks that row and cache tell a state, and that paused is told
// only of a sandbox that sleeps.
func (b *bench) wantState(j job.Job, want job.SandboxState) {
	b.t.Helper()
	row := b.row(j)
	cached, ok, err := b.cache.Get(b.ctx, j.ID)
	if err != nil || !ok {
		b.t.Fatalf("read cache: %v, %v", ok, err)
	}
	if row.SandboxState != want || cached.SandboxState != want || cached.SandboxPaused != (want == job.SandboxPaused) {
		b.t.Errorf("row says %s, cache %s (paused %v), want %s", row.SandboxState, cached.SandboxState, cached.SandboxPaused, want)
	}
	if info, _ := b.sim.Sandbox(j.SandboxID); row.SandboxPaused && info.State != e2bsim.StatePaused {
		b.t.Errorf("the row says paused, E2B says %s", info.State)
	}
}

// nextIn is how long the one message of the pause queue stays invisible.
func (b *bench) nextIn() time.Duration {
	b.t.Helper()
	messages := b.queues.Messages("pause")
	if len(messages) != 1 {
		b.t.Fatalf("%d messages are left, want 1", len(messages))
	}
	return messages[0].VisibleAt.Sub(b.queues.Now())
}
