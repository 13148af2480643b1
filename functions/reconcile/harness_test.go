package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

const (
	alice = "user_alice"
	stack = "stack-under-test"
)

// bench is the function on stores of its own, with a simulated E2B whose
// machines do nothing.
type bench struct {
	*handler
	t      testing.TB
	ctx    context.Context
	pool   *pgxpool.Pool
	proxy  *postgrestest.Proxy // between the function and Postgres
	rows   *postgres.Store     // past the proxy
	sim    *e2bsim.Server
	wire   *wire
	queues *sqssim.Server
	redis  *redistest.Server
	log    *logBuffer
}

func setup(t testing.TB, configure ...func(*e2bsim.Config)) *bench {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Parallel()
	}
	b := &bench{t: t, ctx: context.Background(), wire: &wire{}, log: &logBuffer{}}
	address, pool := postgrestest.New(t)
	b.pool, b.proxy = pool, postgrestest.NewProxy(t, address)
	open := func(address string) *postgres.Store {
		store, err := postgres.Open(b.ctx, postgres.Config{URL: address, MaxConns: 8})
		b.ok(err)
		t.Cleanup(store.Close)
		return store
	}
	b.rows = open(address)
	b.redis = redistest.NewServer(t, redistest.Config{}) // the watermark is one for all
	config := e2bsim.Config{DataDir: t.TempDir(), Backend: e2bsim.Idle{}, PauseLatency: -1, ResumeLatency: -1}
	for _, set := range configure {
		set(&config)
	}
	var err error
	b.sim, err = e2bsim.New(config)
	b.ok(err)
	t.Cleanup(func() { _ = b.sim.Close() })
	control := httptest.NewServer(b.sim.APIHandler())
	t.Cleanup(control.Close)
	sandboxes, err := e2b.New(e2b.Config{APIURL: control.URL, Domain: "e2b.app", Key: secrets.Fixed("e2b_0123").Get, Transport: b.wire})
	b.ok(err)

	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.queues.ServeHTTP(w, r) }))
	t.Cleanup(web.Close)
	b.queues = sqssim.New(web.URL)
	b.handler = &handler{
		log: logging.New(b.log, "debug"), store: open(b.proxy.URL), cache: b.openCache(b.redis.URL()), e2b: sandboxes.Within(killTime),
		builds: b.queue(web.URL, "build"), pauses: b.queue(web.URL, "pause"), stack: stack, deadline: time.Hour,
	}
	return b
}

// queue makes a queue and returns the client of it.
func (b *bench) queue(address, name string) *sqs.Queue {
	b.t.Helper()
	_, err := b.queues.CreateQueue(name, nil)
	b.ok(err)
	cfg, err := awsenv.Load(func(name string) string {
		return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}[name]
	})
	b.ok(err)
	return sqs.New(cfg, &address).Queue(b.queues.URL(name), "")
}

// openCache returns a cache that has seen no failure yet.
func (b *bench) openCache(address string) *redis.Cache {
	b.t.Helper()
	cache, err := redis.Open(redis.Config{URL: address})
	b.ok(err)
	b.t.Cleanup(func() { _ = cache.Close() })
	return cache
}

// deadQueue is a queue at an address where nobody listens.
func (b *bench) deadQueue() *sqs.Queue {
	address := "http://127.0.0.1:1"
	cfg, err := awsenv.Load(func(name string) string { return "local" })
	b.ok(err)
	return sqs.New(cfg, &address).Queue(address+"/000000000000/any", "")
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) must(j job.Job, err error) job.Job {
	b.t.Helper()
	b.ok(err)
	return j
}

func (b *bench) get(id string) job.Job {
	b.t.Helper()
	return b.must(b.rows.Get(b.ctx, id))
}

// pass lets d go by for Postgres, SQS and E2B.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	postgrestest.Advance(b.t, b.pool, d)
	b.queues.Advance(d)
	b.ok(b.sim.Advance(b.ctx, d))
}

// reconcile is one run.
func (b *bench) reconcile() report {
	b.t.Helper()
	r, err := b.Handle(b.ctx)
	b.ok(err)
	return r
}

// want checks what a run counted by one rule.
func (b *bench) want(r report, name rule, want count) {
	b.t.Helper()
	if got := r.Rules[name]; got != want {
		b.t.Errorf("%s: got %+v, want %+v\n%s", name, got, want, b.log)
	}
}

// quiet checks that a run found nothing beside what the cache missed.
func (b *bench) quiet() {
	b.t.Helper()
	r := b.reconcile()
	for name, c := range r.Rules {
		if name != staleCache && c != (count{}) {
			b.t.Errorf("%s: got %+v, want nothing\n%s", name, c, b.log)
		}
	}
}

// wantFailed checks which parts of a run could not be done. A loaded machine
// may cost the cache a call.
func (b *bench) wantFailed(r report, parts ...string) {
	b.t.Helper()
	got := slices.Clone(r.FailedParts)
	if !slices.Contains(parts, "cache") {
		got = slices.DeleteFunc(got, func(part string) bool { return part == "cache" })
	}
	if !slices.Equal(got, parts) {
		b.t.Errorf("parts %v failed, want %v\n%s", got, parts, b.log)
	}
}

// pauseAsked reports for how many epochs of a job a pause was asked for, each
// at least once, and the newest of them.
func (b *bench) pausesAsked(j job.Job) (messages, newest int) {
	b.t.Helper()
	for _, m := range b.queues.Messages("pause") {
		var body sqs.ReadyMessage
		b.ok(json.Unmarshal([]byte(m.Body), &body))
		if body.JobID == j.ID && body.SandboxID == j.SandboxID {
			messages, newest = messages+1, max(newest, body.Epoch)
		}
	}
	return messages, newest
}

// turnsAsked returns the turns of a job that build messages ask for.
func (b *bench) turnsAsked(j job.Job) (turns []int) {
	b.t.Helper()
	for _, m := range b.queues.Messages("build") {
		var body sqs.BuildMessage
		b.ok(json.Unmarshal([]byte(m.Body), &body))
		if body.JobID == j.ID {
			turns = append(turns, body.Turn)
		}
	}
	return turns
}

// wantState checks the row, and that the cache agrees.
func (b *bench) wantState(id string, state job.SandboxState) job.Job {
	b.t.Helper()
	j := b.get(id)
	if j.SandboxState != state || j.SandboxPaused != (state == job.SandboxPaused) {
		b.t.Errorf("row says %s, paused %v; want %s\n%s", j.SandboxState, j.SandboxPaused, state, b.log)
	}
	if cached, ok, err := b.cache.Get(b.ctx, id); err != nil || ok && cached.Revision != j.Revision {
		b.t.Errorf("cache has revision %d, row %d: %v", cached.Revision, j.Revision, err)
	}
	return j
}

// wantBox checks where a sandbox really is.
func (b *bench) wantBox(id string, state e2bsim.State) {
	b.t.Helper()
	if info, _ := b.sim.Sandbox(id); info.State != state {
		b.t.Errorf("sandbox is %s, want %s\n%s", info.State, state, b.log)
	}
}

func (b *bench) calls(kind e2bsim.Kind) (n int) {
	for _, c := range b.sim.Calls() {
		if c.Kind == kind && c.Phase == e2bsim.Received {
			n++
		}
	}
	return n
}

func (b *bench) fault(f e2bsim.Fault) {
	b.t.Helper()
	_, err := b.sim.AddFault(f)
	b.ok(err)
}

// accept is a queued job.
func (b *bench) accept() job.Job {
	b.t.Helper()
	j, _, err := b.rows.Accept(b.ctx, postgres.NewJob{
		ID: job.NewID(), UserID: alice, Tier: job.Bootstrapper, Deadline: time.Hour,
		Request: job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base"},
	})
	b.ok(err)
	return j
}

// creating is a job whose first create call is on its way.
func (b *bench) creating() job.Job {
	b.t.Helper()
	j := b.must(b.rows.ClaimTurn(b.ctx, b.accept().ID, 0))
	j = b.must(b.rows.Begin(b.ctx, j, job.Limits{}))
	return b.must(b.rows.RecordCreate(b.ctx, j))
}

// create makes a sandbox with these tags.
func (b *bench) create(tags map[string]string) string {
	b.t.Helper()
	s, err := b.e2b.Create(b.ctx, e2b.Create{Template: "base", Timeout: 30 * time.Minute, Metadata: tags})
	b.ok(err)
	return s.ID
}

// building is a job with its sandbox, at scaffold.
func (b *bench) building() job.Job {
	b.t.Helper()
	j := b.creating()
	return b.must(b.rows.RecordSandbox(b.ctx, j, b.create(job.Tags(stack, j.ID, j.CreateNo)), 30*time.Minute))
}

// ready is a READY job whose sandbox runs and is due for its pause.
func (b *bench) ready() job.Job {
	b.t.Helper()
	j := b.building()
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = b.must(b.rows.Advance(b.ctx, j, next))
	}
	return b.must(b.rows.Ready(b.ctx, j, "https://3000-x.e2b.app", 0))
}

// paused is a READY job that sleeps.
func (b *bench) paused() job.Job {
	b.t.Helper()
	return b.pause(b.ready())
}

// pause puts a READY job to sleep.
func (b *bench) pause(j job.Job) job.Job {
	b.t.Helper()
	j = b.must(b.rows.TakePause(b.ctx, j.ID, j.Epoch))
	b.ok(b.e2b.Pause(b.ctx, j.SandboxID))
	return b.must(b.rows.RecordPaused(b.ctx, j))
}

// resumed is a READY job that was woken, for ten minutes.
func (b *bench) resumed() job.Job {
	b.t.Helper()
	j := b.must(b.rows.TakeResume(b.ctx, b.paused(), 10*time.Minute))
	_, _, err := b.e2b.Connect(b.ctx, j.SandboxID, 30*time.Minute)
	b.ok(err)
	return b.must(b.rows.RecordResumed(b.ctx, j, 10*time.Minute, 30*time.Minute))
}

// insertAsleep makes rows that claim sandboxes of which E2B knows nothing. The
// expression gives the id of the nth.
func (b *bench) insertAsleep(rows int, id string) {
	b.t.Helper()
	_, err := b.pool.Exec(b.ctx, `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, build_version, preview_url, workspace_path,
			sandbox_id, sandbox_state, sandbox_paused, paused_at, completed_at, lease_until)
		SELECT id, id, 'user', 'bootstrapper', 'a page', 'ready', 'build_v0_1', 'https://x', '/home/user/project',
			'i' || replace(id::text, '-', ''), 'paused', true, now(), now(), NULL
		FROM (SELECT `+id+` AS id FROM generate_series(1, $1::int) AS n) AS new`, rows)
	b.ok(err)
}

func (b *bench) fail(j job.Job) job.Job {
	b.t.Helper()
	return b.must(b.rows.Fail(b.ctx, j, "npm ci ended with 1", job.NewID()))
}

// wire carries the calls to E2B, and can break.
type wire struct {
	down     atomic.Bool // nothing gets through
	unfilter atomic.Bool // lists come without their metadata filter
}

var errDown = errors.New("E2B is down")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.down.Load() {
		return nil, errDown
	}
	if w.unfilter.Load() && r.URL.Path == "/v2/sandboxes" {
		r = r.Clone(r.Context())
		q := r.URL.Query()
		q.Del("metadata")
		r.URL.RawQuery = q.Encode()
	}
	return http.DefaultTransport.RoundTrip(r)
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
