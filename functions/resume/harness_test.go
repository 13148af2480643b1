package main

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/sqs"
	"siesta/shared/wake"
)

func TestMain(m *testing.M) { functiontest.Main(m) }

const (
	alice = functiontest.Alice
	route = "POST /api/generation/{job_id}/resume"
	port  = 3000
	awake = 10 * time.Minute
)

// fixture is the function on stores of its own, with a simulated E2B whose
// sandboxes run real processes.
type fixture struct {
	*functiontest.World
	waker *wake.Waker
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Processes{Files: []string{functiontest.Self()}}, KeepSnapshots: true})
	w.Cache = functiontest.Cache(t, redistest.New(t))
	return &fixture{World: w, waker: &wake.Waker{
		Log: logging.New(w.Log, "debug"), Store: w.Store, Cache: w.Cache, Pauses: w.Queue("pause"), E2B: w.Sandboxes,
		Sealer: functiontest.Sealer(t), Time: awake, Times: wake.CallTimes,
	}}
}

// app is how a test's job is served; {self} in a command is this binary.
type app struct {
	plan  job.Plan
	env   map[string]string
	built string // what the build started the server with; "" is the plan's own
}

var greeter = app{plan: job.Plan{Start: "exec {self} serve", Port: port}, env: map[string]string{"GREETING": "hello"}}

// ready is a job as a build leaves it: its server runs, its marker is written.
func (b *fixture) ready(a app) job.Job {
	b.T.Helper()
	ctx := b.T.Context()
	n := functiontest.NewJob()
	var err error
	n.EnvSealed, err = b.waker.Sealer.Seal(ctx, n.ID, a.env)
	b.OK(err)
	j := b.Building(b.Accept(n))
	inside := b.Inside(j)
	b.OK(inside.WriteMarker(ctx, j.Epoch))
	j = b.Must(b.Rows.RecordMarker(ctx, j.ID, j.Epoch))
	j.Plan = a.plan
	j.Plan.Start, j.Plan.Install = withSelf(j.Plan.Start), withSelf(j.Plan.Install)
	j = b.Checks(j)
	if j.Plan.Start != "" {
		b.OK(inside.StartStep(ctx, envd.Step{
			Dir: envd.StepDir(j.ID, j.CreateNo, "start"), Command: withSelf(cmp.Or(a.built, a.plan.Start)), Cwd: job.Workspace,
			Env: j.Plan.Environment(a.env, "e2b.app"),
		}))
	}
	return b.Must(b.Rows.Ready(ctx, j, j.Progress, b.waker.E2B.PreviewURL(j.SandboxID, port), 0))
}

func withSelf(command string) string {
	return strings.ReplaceAll(command, "{self}", functiontest.Self())
}

// paused is a READY job that sleeps.
func (b *fixture) paused(a app) job.Job {
	b.T.Helper()
	return b.pause(b.ready(a))
}

// pause puts a job to sleep once its server answers.
func (b *fixture) pause(j job.Job) job.Job {
	b.T.Helper()
	b.eventually("the app to answer", func() bool { return b.waker.E2B.Probe(b.T.Context(), j.PreviewURL).Status != 0 || j.Plan.Start == "" })
	return b.Pause(j)
}

// page is what a visitor of a job's preview reads.
func (b *fixture) page(j job.Job) string {
	b.T.Helper()
	u, err := url.Parse(j.PreviewURL)
	b.OK(err)
	req, err := http.NewRequestWithContext(b.T.Context(), http.MethodGet, b.Edge, nil)
	b.OK(err)
	req.Host = u.Host
	resp, err := http.DefaultClient.Do(req)
	b.OK(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	b.OK(err)
	return string(body)
}

func (b *fixture) eventually(what string, f func() bool) {
	b.T.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for timeout := time.After(30 * time.Second); ; {
		if f() {
			return
		}
		select {
		case <-tick.C:
		case <-timeout:
			b.T.Fatalf("waited in vain for %s", what)
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

func (b *fixture) call(user, id string) answer {
	b.T.Helper()
	return b.callWithin(b.T.Context(), user, id)
}

// callWithin is a call whose invocation ends with ctx.
func (b *fixture) callWithin(ctx context.Context, user, id string) answer {
	b.T.Helper()
	resp, body := functiontest.Call(ctx, b.T, api.Handle(b.waker.Log, handler{b.waker}.serve), functiontest.JobRequest(route, user, id))
	return answer{status: resp.StatusCode, retryAfter: resp.Headers["Retry-After"], body: body}
}

// send is a call with a body.
func (b *fixture) send(j job.Job, body string) answer {
	b.T.Helper()
	request := functiontest.JobRequest(route, alice, j.ID)
	request.Body = body
	resp, told := functiontest.Call(b.T.Context(), b.T, api.Handle(b.waker.Log, handler{b.waker}.serve), request)
	return answer{status: resp.StatusCode, retryAfter: resp.Headers["Retry-After"], body: told}
}

func (b *fixture) resumeJob(j job.Job) answer {
	b.T.Helper()
	return b.call(alice, j.ID)
}

// resumeFor is a call whose time is up after so many whole looks at the preview.
func (b *fixture) resumeFor(j job.Job, looks int32) answer {
	b.T.Helper()
	ctx, cancel := context.WithCancel(b.T.Context())
	defer cancel()
	var seen atomic.Int32
	b.E2B.Observe(func(c e2bsim.Call) {
		if c.Kind == e2bsim.Preview && c.Phase == e2bsim.Received && seen.Add(1) > looks {
			cancel()
		}
	})
	return b.callWithin(ctx, alice, j.ID)
}

func (b *fixture) want(got answer, status int) {
	b.T.Helper()
	if got.status != status {
		b.T.Errorf("got %d %v, want %d", got.status, got.body, status)
	}
}

// wantRow checks where the row is, and that the cache says the same.
func (b *fixture) wantRow(id string, state job.SandboxState) job.Job {
	b.T.Helper()
	j := b.Row(id)
	if j.SandboxState != state {
		b.T.Errorf("row says %s, want %s", j.SandboxState, state)
	}
	cached, ok, err := b.Cache.Get(b.T.Context(), id)
	b.OK(err)
	if ok && cached.Revision != j.Revision {
		b.T.Errorf("cache has revision %d (%s), row %d (%s)", cached.Revision, cached.SandboxState, j.Revision, j.SandboxState)
	}
	return j
}

// wantPause checks that a message asks for the pause of the job's epoch after
// about delay.
func (b *fixture) wantPause(j job.Job, delay time.Duration) {
	b.T.Helper()
	for _, m := range b.SQS.Messages("pause") {
		var body sqs.PauseMessage
		b.OK(json.Unmarshal([]byte(m.Body), &body))
		if got := m.VisibleAt.Sub(m.SentAt); body.JobID == j.ID && body.Epoch == j.Epoch && body.SandboxID == j.SandboxID && got > delay-2*time.Second && got <= delay+2*time.Second {
			return
		}
	}
	b.T.Errorf("no message asks to pause epoch %d after %v: %+v", j.Epoch, delay, b.SQS.Messages("pause"))
}
