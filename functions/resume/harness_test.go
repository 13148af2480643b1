package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
	"siesta/local/sqssim"
	"siesta/shared/api"
	"siesta/shared/awsenv"
	"siesta/shared/e2b"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres"
	"siesta/shared/postgres/postgrestest"
	"siesta/shared/redis"
	"siesta/shared/redis/redistest"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

// TestMain also makes this binary the app that sandboxes run: `serve` answers
// on PORT with the value of GREETING, and with the status in the file status.
func TestMain(m *testing.M) {
	sandbox.Init()
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		err := http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			status := http.StatusOK
			if raw, err := os.ReadFile("status"); err == nil {
				_, _ = fmt.Sscan(string(raw), &status)
			}
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, os.Getenv("GREETING"))
		}))
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const (
	alice = "user_alice"
	stack = "stack-under-test"
	port  = 3000
	awake = 10 * time.Minute
)

// bench is the function on stores of its own, with a simulated E2B whose
// sandboxes run real processes.
type bench struct {
	*handler
	t       *testing.T
	pool    *pgxpool.Pool
	proxy   *postgrestest.Proxy // between the function and Postgres
	rows    *postgres.Store     // past the proxy
	sim     *e2bsim.Server
	queues  *sqssim.Server
	log     *logBuffer
	seals   *secrets.Sealer
	sandbox *e2b.Client // as the function's, for what the build does
	edge    string
}

func setup(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	b := &bench{t: t, log: &logBuffer{}}
	address, pool := postgrestest.New(t)
	b.pool, b.proxy = pool, postgrestest.NewProxy(t, address)
	open := func(url string) *postgres.Store {
		store, err := postgres.Open(context.Background(), postgres.Config{URL: url, MaxConns: 8})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		return store
	}
	b.rows = open(address)
	cache, err := redis.Open(redis.Config{URL: redistest.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	b.startSandboxes()
	if b.seals, err = secrets.NewSealer(secrets.Fixed(hex.EncodeToString(bytes.Repeat([]byte{7}, 32)))); err != nil {
		t.Fatal(err)
	}
	b.handler = &handler{
		log: logging.New(b.log, "debug"), store: open(b.proxy.URL), cache: cache, pauses: b.startQueue(), e2b: b.sandbox,
		sealer: b.seals, domain: "e2b.app", wake: awake, patience: answerTime,
	}
	return b
}

func (b *bench) startSandboxes() {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	b.sim, err = e2bsim.New(e2bsim.Config{
		DataDir: b.t.TempDir(), Backend: e2bsim.Processes{Files: []string{self}}, KeepSnapshots: true,
		PauseLatency: -1, ResumeLatency: -1,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = b.sim.Close() })
	control, edge := httptest.NewServer(b.sim.APIHandler()), httptest.NewServer(b.sim.EdgeHandler())
	b.t.Cleanup(control.Close)
	b.t.Cleanup(edge.Close)
	b.edge = edge.URL
	b.sandbox, err = e2b.New(e2b.Config{
		APIURL: control.URL, SandboxURL: edge.URL, Domain: "e2b.app",
		Key: secrets.Fixed("e2b_0123").Get,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) startQueue() *sqs.Queue {
	b.t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.queues.ServeHTTP(w, r) }))
	b.t.Cleanup(web.Close)
	b.queues = sqssim.New(web.URL)
	url, err := b.queues.CreateQueue("pause", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	cfg, err := awsenv.Load(localAWS)
	if err != nil {
		b.t.Fatal(err)
	}
	return sqs.New(cfg, &web.URL).Queue(url, "")
}

// pass lets d go by for Postgres, SQS and E2B.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	postgrestest.Advance(b.t, b.pool, d)
	b.queues.Advance(d)
	if err := b.sim.Advance(b.t.Context(), d); err != nil {
		b.t.Fatal(err)
	}
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
	return b.must(b.rows.Get(b.t.Context(), id))
}

// app is how a test's job is served; {self} in a command is this binary.
type app struct {
	plan  job.Plan
	env   map[string]string
	built string // what the build started the server with; "" is the plan's own
}

var greeter = app{plan: job.Plan{Start: "exec {self} serve", Port: port}, env: map[string]string{"GREETING": "hello"}}

// ready is a job as a build leaves it: its server runs, its marker is written.
func (b *bench) ready(a app) job.Job {
	b.t.Helper()
	ctx := b.t.Context()
	self, err := os.Executable()
	b.ok(err)
	id := job.NewID()
	sealed, err := b.seals.Seal(ctx, id, a.env)
	b.ok(err)
	_, _, err = b.rows.Accept(ctx, postgres.NewJob{
		ID: id, UserID: alice, Tier: job.Bootstrapper, Deadline: time.Hour, EnvSealed: sealed,
		Request: job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base"},
	})
	b.ok(err)
	j := b.must(b.rows.ClaimTurn(ctx, id, 0))
	j = b.must(b.rows.Begin(ctx, j, job.Limits{}))
	j = b.must(b.rows.RecordCreate(ctx, j))
	s, err := b.sandbox.Create(ctx, e2b.Create{Template: "base", Timeout: 30 * time.Minute, Metadata: job.Tags(stack, id, j.CreateNo)})
	b.ok(err)
	j = b.must(b.rows.RecordSandbox(ctx, j, s.ID, 30*time.Minute))
	inside := envd.Of(b.sandbox, s)
	b.ok(inside.WriteMarker(ctx, j.Epoch))
	j = b.must(b.rows.RecordMarker(ctx, id, j.Epoch))
	j.Plan = a.plan
	j.Plan.Start = strings.ReplaceAll(j.Plan.Start, "{self}", self)
	j.Plan.Install = strings.ReplaceAll(j.Plan.Install, "{self}", self)
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = b.must(b.rows.Advance(ctx, j, next))
	}
	if j.Plan.Start != "" {
		command := strings.ReplaceAll(cmp.Or(a.built, a.plan.Start), "{self}", self)
		b.ok(inside.StartStep(ctx, envd.Step{
			Dir: envd.StepDir(id, j.CreateNo, "start"), Command: command, Cwd: job.Workspace, Env: j.Plan.Environment(a.env, "e2b.app"),
		}))
	}
	return b.must(b.rows.Ready(ctx, j, b.sandbox.PreviewURL(s.ID, port), 0))
}

// paused is a READY job that sleeps.
func (b *bench) paused(a app) job.Job {
	b.t.Helper()
	return b.pause(b.ready(a))
}

// pause puts a job to sleep once its server answers.
func (b *bench) pause(j job.Job) job.Job {
	b.t.Helper()
	ctx := b.t.Context()
	b.eventually("the app to answer", func() bool { return b.sandbox.Probe(ctx, j.PreviewURL).Status != 0 || j.Plan.Start == "" })
	j = b.must(b.rows.TakePause(ctx, j.ID, j.Epoch))
	b.ok(b.sandbox.Pause(ctx, j.SandboxID))
	return b.must(b.rows.RecordPaused(ctx, j))
}

// inside is the daemon of a job's sandbox, which must run.
func (b *bench) inside(j job.Job) *envd.Client {
	b.t.Helper()
	s, err := b.sandbox.Get(b.t.Context(), j.SandboxID)
	b.ok(err)
	return envd.Of(b.sandbox, s)
}

// run runs a shell command in a job's sandbox.
func (b *bench) run(j job.Job, command string) {
	b.t.Helper()
	result, err := b.inside(j).Run(b.t.Context(), envd.Command{Path: "/bin/bash", Args: []string{"-c", command}}, 1<<16)
	b.ok(err)
	if result.ExitCode != 0 {
		b.t.Fatalf("%s: exit code %d: %s", command, result.ExitCode, result.Stderr)
	}
}

// page is what a visitor of a job's preview reads.
func (b *bench) page(j job.Job) string {
	b.t.Helper()
	u, err := url.Parse(j.PreviewURL)
	b.ok(err)
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.edge, nil)
	b.ok(err)
	req.Host = u.Host
	resp, err := http.DefaultClient.Do(req)
	b.ok(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	b.ok(err)
	return string(body)
}

// deadQueue and deadCache are addresses where nobody listens.
func (b *bench) deadQueue() *sqs.Queue {
	address := "http://127.0.0.1:1"
	cfg, err := awsenv.Load(localAWS)
	b.ok(err)
	return sqs.New(cfg, &address).Queue(address+"/000000000000/pause", "")
}

func (b *bench) deadCache() *redis.Cache {
	cache, err := redis.Open(redis.Config{URL: "redis://127.0.0.1:1"})
	b.ok(err)
	return cache
}

// localAWS is the environment of an AWS client on one machine.
func localAWS(name string) string {
	return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}[name]
}

func (b *bench) eventually(what string, f func() bool) {
	b.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(30 * time.Second); ; {
		if f() {
			return
		}
		select {
		case <-tick.C:
		case <-timeout:
			b.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// answer is what a caller of the route sees.
type answer struct {
	status     int
	retryAfter string
	body       map[string]any
}

// errorType is that of a 503.
func (a answer) errorType() string {
	detail, _ := a.body["detail"].(map[string]any)
	text, _ := detail["error_type"].(string)
	return text
}

func (b *bench) call(user, id string) answer {
	b.t.Helper()
	return b.callWithin(b.t.Context(), user, id)
}

// callWithin is a call whose invocation ends with ctx.
func (b *bench) callWithin(ctx context.Context, user, id string) answer {
	b.t.Helper()
	r := api.Request{PathParameters: map[string]string{"job_id": id}}
	if user != "" {
		r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": user}},
		}
	}
	resp, err := api.Handle(slog.New(slog.DiscardHandler), b.serve)(ctx, r)
	b.ok(err)
	a := answer{status: resp.StatusCode, retryAfter: resp.Headers["Retry-After"]}
	b.ok(json.Unmarshal([]byte(resp.Body), &a.body))
	return a
}

func (b *bench) resumeJob(j job.Job) answer {
	b.t.Helper()
	return b.call(alice, j.ID)
}

func (b *bench) want(got answer, status int) {
	b.t.Helper()
	if got.status != status {
		b.t.Errorf("got %d %v, want %d\n%s", got.status, got.body, status, b.log)
	}
}

// wantRow checks where the row is, and that the cache says the same.
func (b *bench) wantRow(id string, state job.SandboxState) job.Job {
	b.t.Helper()
	j := b.get(id)
	if j.SandboxState != state {
		b.t.Errorf("row says %s, want %s\n%s", j.SandboxState, state, b.log)
	}
	cached, ok, err := b.cache.Get(b.t.Context(), id)
	b.ok(err)
	if ok && cached.Revision != j.Revision {
		b.t.Errorf("cache has revision %d (%s), row %d (%s)", cached.Revision, cached.SandboxState, j.Revision, j.SandboxState)
	}
	return j
}

// wantPause checks that a message asks for the pause of the job's epoch after
// about delay.
func (b *bench) wantPause(j job.Job, delay time.Duration) {
	b.t.Helper()
	for _, m := range b.queues.Messages("pause") {
		var body sqs.ReadyMessage
		b.ok(json.Unmarshal([]byte(m.Body), &body))
		if got := m.VisibleAt.Sub(m.SentAt); body.JobID == j.ID && body.Epoch == j.Epoch && body.SandboxID == j.SandboxID && got > delay-2*time.Second && got <= delay+2*time.Second {
			return
		}
	}
	b.t.Errorf("no message asks to pause epoch %d after %v: %+v", j.Epoch, delay, b.queues.Messages("pause"))
}

// calls counts the calls of a kind that E2B has received.
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
