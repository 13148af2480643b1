package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/local/e2bsim"
	"siesta/local/e2bsim/sandbox"
	"siesta/local/sqssim"
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
// on PORT.
func TestMain(m *testing.M) {
	sandbox.Init()
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, "hello")
		})))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

const (
	alice = "user_alice"
	stack = "stack-under-test"
)

// bench is the function on stores of its own, with a simulated E2B whose
// sandboxes run real processes.
type bench struct {
	*handler
	t      *testing.T
	pool   *pgxpool.Pool
	proxy  *postgrestest.Proxy // between the function and Postgres
	rows   *postgres.Store     // past the proxy
	sim    *e2bsim.Server
	client func(key func(context.Context, bool) (secrets.Text, error)) *e2b.Client // of the simulated E2B
	queues *sqssim.Server
	lines  *logBuffer
	passed atomic.Int64 // nanoseconds that went by so far
}

func setup(t *testing.T) *bench {
	t.Helper()
	t.Parallel()
	b := &bench{t: t, lines: &logBuffer{}}
	address, pool := postgrestest.New(t)
	b.pool, b.proxy = pool, postgrestest.NewProxy(t, address)
	open := func(url string) *postgres.Store {
		store, err := postgres.Open(context.Background(), postgres.Config{URL: url, MaxConns: 4, Stack: stack})
		b.ok(err)
		t.Cleanup(store.Close)
		return store
	}
	b.rows = open(address)
	cache, err := redis.Open(redis.Config{URL: redistest.New(t)})
	b.ok(err)
	t.Cleanup(func() { _ = cache.Close() })
	sealer, err := secrets.NewSealer(secrets.Fixed(hex.EncodeToString(bytes.Repeat([]byte{7}, 32))))
	b.ok(err)
	b.handler = &handler{
		settings: settings{StackTag: stack, Domain: "e2b.app", Allowed: job.Allowed{Templates: []string{"base"}}, Deadline: time.Hour},
		log:      logging.New(b.lines, "debug"), store: open(b.proxy.URL), cache: cache, sealer: sealer,
	}
	b.startSandboxes()
	b.startQueues()
	return b
}

func (b *bench) startSandboxes() {
	b.t.Helper()
	sim, err := e2bsim.New(e2bsim.Config{
		DataDir: b.t.TempDir(), Backend: e2bsim.Processes{Files: []string{self()}}, PauseLatency: -1, ResumeLatency: -1,
	})
	b.ok(err)
	b.t.Cleanup(func() { _ = sim.Close() })
	b.sim = sim
	control, edge := httptest.NewServer(sim.APIHandler()), httptest.NewServer(sim.EdgeHandler())
	b.t.Cleanup(control.Close)
	b.t.Cleanup(edge.Close)
	b.client = func(key func(context.Context, bool) (secrets.Text, error)) *e2b.Client {
		client, err := e2b.New(e2b.Config{APIURL: control.URL, SandboxURL: edge.URL, Domain: "e2b.app", Key: key})
		b.ok(err)
		return client
	}
	b.e2b = b.client(secrets.Fixed("e2b_0123").Get)
}

func (b *bench) startQueues() {
	b.t.Helper()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { b.queues.ServeHTTP(w, r) }))
	b.t.Cleanup(web.Close)
	b.queues = sqssim.New(web.URL)
	for _, name := range []string{"build", "pause", "dead"} {
		_, err := b.queues.CreateQueue(name, nil)
		b.ok(err)
	}
	b.builds = b.queue(web.URL, b.queues.URL("build"), b.queues.URL("dead"))
	b.pauses = b.queue(web.URL, b.queues.URL("pause"), "")
}

func (b *bench) queue(endpoint, url, dead string) *sqs.Queue {
	b.t.Helper()
	cfg, err := awsenv.Load(localAWS)
	b.ok(err)
	return sqs.New(cfg, &endpoint).Queue(url, dead)
}

// localAWS is the environment of an AWS client on one machine.
func localAWS(name string) string {
	return map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}[name]
}

// self is this binary, also inside a sandbox.
func self() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%v\n%s", err, b.lines)
	}
}

func (b *bench) must(j job.Job, err error) job.Job {
	b.t.Helper()
	b.ok(err)
	return j
}

func (b *bench) row(id string) job.Job {
	b.t.Helper()
	return b.must(b.rows.Get(b.t.Context(), id))
}

// pass lets d go by for Postgres, SQS and E2B.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	b.passed.Add(int64(d))
	postgrestest.Advance(b.t, b.pool, d)
	b.queues.Advance(d)
	b.ok(b.sim.Advance(b.t.Context(), d))
}

// page is a request for an app that is served at once.
func page() job.Request {
	none, start := "", "exec "+self()+" serve"
	return job.Request{
		ProjectID: job.NewID(), Goal: "a page", Template: "base",
		Commands: job.Commands{Install: &none, Check: &none, Start: &start},
	}
}

// slow is page with an install that does not end.
func slow() job.Request {
	r, install := page(), "sleep 100000"
	r.Commands.Install = &install
	return r
}

// accept is a queued job with its message.
func (b *bench) accept(r job.Request) job.Job {
	b.t.Helper()
	id := job.NewID()
	var sealed []byte
	if len(r.Env) > 0 {
		var err error
		sealed, err = b.sealer.Seal(b.t.Context(), id, r.Env)
		b.ok(err)
	}
	j, _, err := b.rows.Accept(b.t.Context(), postgres.NewJob{
		ID: id, UserID: alice, Tier: job.Bootstrapper, Request: r, EnvSealed: sealed, Deadline: b.Deadline,
	})
	b.ok(err)
	b.ok(b.builds.SendBuild(b.t.Context(), sqs.BuildMessage{JobID: id}, 0))
	return j
}

// send puts a message of any form on the build queue, as another backend does.
func (b *bench) send(body string) {
	b.t.Helper()
	in, err := json.Marshal(map[string]string{"QueueUrl": b.queues.URL("build"), "MessageBody": body})
	b.ok(err)
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.queues.URL("build"), bytes.NewReader(in))
	b.ok(err)
	req.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	resp, err := http.DefaultClient.Do(req)
	b.ok(err)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("send: %s", resp.Status)
	}
}

// deliver lets the function handle the next message, when its time has come.
// again is how long it stays invisible if it is to come again, else 0.
func (b *bench) deliver() (again time.Duration) {
	b.t.Helper()
	waiting := b.queues.Messages("build")
	if len(waiting) == 0 {
		b.t.Fatalf("no build message is left\n%s", b.lines)
	}
	if wait := waiting[0].VisibleAt.Sub(b.queues.Now()); wait > 0 {
		b.pass(wait + time.Millisecond)
	}
	records, err := b.queues.Queue("build").Receive(b.t.Context(), 1, time.Second)
	if err != nil || len(records) != 1 {
		b.t.Fatalf("received %d messages, %v; want 1", len(records), err)
	}
	response, err := b.Handle(b.t.Context(), events.SQSEvent{Records: records})
	b.ok(err)
	if len(response.BatchItemFailures) == 0 {
		b.ok(b.queues.Queue("build").Delete(b.t.Context(), []string{records[0].ReceiptHandle}))
		return 0
	}
	for _, m := range b.queues.Messages("build") {
		if m.ID == records[0].MessageId {
			return m.VisibleAt.Sub(b.queues.Now())
		}
	}
	b.t.Fatal("a message that is to come again is not there")
	return 0
}

// until delivers messages until the job is as it should be.
func (b *bench) until(id, what string, done func(job.Job) bool) job.Job {
	b.t.Helper()
	for range 30 {
		if j := b.row(id); done(j) {
			return j
		}
		b.deliver()
	}
	b.t.Fatalf("30 turns, and the job is not %s: %+v\n%s", what, b.row(id), b.lines)
	return job.Job{}
}

func (b *bench) ready(id string) job.Job {
	b.t.Helper()
	j := b.until(id, "finished", func(j job.Job) bool { return j.Status.Terminal() })
	if j.Status != job.Ready {
		b.t.Fatalf("the job is %s: %s\n%s", j.Status, j.ErrorMessage, b.lines)
	}
	return j
}

// at delivers until the job runs the command of a status.
func (b *bench) at(id string, status job.Status) job.Job {
	b.t.Helper()
	return b.until(id, string(status), func(j job.Job) bool { return j.Status == status && j.Turn > 0 })
}

// theBox is the job of the only sandbox there is, as far as its daemon needs it.
func (b *bench) theBox() job.Job {
	b.t.Helper()
	boxes := b.sim.Sandboxes()
	if len(boxes) != 1 {
		b.t.Fatalf("there are %d sandboxes, want one", len(boxes))
	}
	return job.Job{SandboxID: boxes[0].ID}
}

// inside is the daemon of a job's sandbox, which must run.
func (b *bench) inside(j job.Job) *envd.Client {
	b.t.Helper()
	s, err := b.e2b.Get(b.t.Context(), j.SandboxID)
	b.ok(err)
	return envd.Of(b.e2b, s)
}

// run runs a shell command in a job's sandbox and returns what it wrote.
func (b *bench) run(j job.Job, command string) string {
	b.t.Helper()
	result, err := b.inside(j).Run(b.t.Context(), envd.Command{Path: "/bin/bash", Args: []string{"-c", command}}, 1<<16)
	b.ok(err)
	if result.ExitCode != 0 {
		b.t.Fatalf("%s: exit code %d: %s", command, result.ExitCode, result.Stderr)
	}
	return string(result.Stdout)
}

func (b *bench) fault(f e2bsim.Fault) {
	b.t.Helper()
	_, err := b.sim.AddFault(f)
	b.ok(err)
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

// once runs do when a call of a kind has taken effect, before its answer.
func (b *bench) once(kind e2bsim.Kind, do func()) {
	var first sync.Once
	b.sim.Observe(func(c e2bsim.Call) {
		if c.Kind == kind && c.Phase == e2bsim.Answered {
			first.Do(do)
		}
	})
}

// wantDead checks that the dead-letter queue holds one message, with a reason
// that tells of word.
func (b *bench) wantDead(word string) {
	b.t.Helper()
	dead := b.queues.Messages("dead")
	if len(dead) != 1 || !strings.Contains(dead[0].Attributes["reason"], word) {
		b.t.Errorf("dead letters are %+v, want one about %q", dead, word)
	}
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
