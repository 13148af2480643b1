package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/local/redisserver"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/sweep"
	"siesta/shared/redis"
	"siesta/shared/sqs"
)

const (
	alice = functiontest.Alice
	stack = functiontest.Stack
)

// fixture is the function on stores of its own, with a simulated E2B whose
// machines do nothing.
type fixture struct {
	*handler
	*functiontest.World
	ctx   context.Context
	wire  *wire
	redis *redisserver.Server
}

func setup(t testing.TB, configure ...func(*e2bsim.Config)) *fixture {
	t.Helper()
	if t, ok := t.(*testing.T); ok {
		t.Parallel()
	}
	config := e2bsim.Config{Backend: e2bsim.Idle{}}
	for _, set := range configure {
		set(&config)
	}
	w := functiontest.NewWorld(t, config)
	b := &fixture{World: w, ctx: context.Background(), wire: &wire{}, redis: redistest.NewServer(t, redisserver.Config{})} // the watermark is one for all
	b.handler = &handler{
		log: logging.New(w.Log, "debug"), store: w.Store, progress: sweep.NewStore(w.DB), cache: b.openCache(), e2b: w.Client(e2b.Config{Transport: b.wire}).Within(job.KillTime),
		builds: w.Queue("build"), pauses: w.Queue("pause"), stack: stack, deadline: time.Hour,
		kept: w.Kept, logStore: w.LogStore, keep: 3, forgetAfter: 30 * 24 * time.Hour,
	}
	return b
}

// openCache returns a cache that has seen no failure yet, for the store too.
func (b *fixture) openCache() *redis.Cache {
	b.T.Helper()
	b.Cache = functiontest.Cache(b.T, b.redis.URL())
	return b.Cache
}

// reconcile is one run.
func (b *fixture) reconcile() report {
	b.T.Helper()
	r, err := b.Handle(b.ctx, input{})
	b.OK(err)
	return r
}

// want checks what a run counted by one rule.
func (b *fixture) want(r report, name rule, want count) {
	b.T.Helper()
	if got := r.Rules[name]; got != want {
		b.T.Errorf("%s: got %+v, want %+v", name, got, want)
	}
}

// quiet checks that a run found nothing beside what the cache missed.
func (b *fixture) quiet() {
	b.T.Helper()
	r := b.reconcile()
	for name, c := range r.Rules {
		if name != staleCache && c != (count{}) {
			b.T.Errorf("%s: got %+v, want nothing", name, c)
		}
	}
}

// wantFailed checks which parts of a run could not be done. A loaded machine
// may cost the cache a call.
func (b *fixture) wantFailed(r report, parts ...string) {
	b.T.Helper()
	got := slices.Clone(r.FailedParts)
	if !slices.Contains(parts, "cache") {
		got = slices.DeleteFunc(got, func(part string) bool { return part == "cache" })
	}
	if !slices.Equal(got, parts) {
		b.T.Errorf("parts %v failed, want %v", got, parts)
	}
}

// pauseAsked reports for how many epochs of a job a pause was asked for, each
// at least once, and the newest of them.
func (b *fixture) pausesAsked(j job.Job) (messages, newest int) {
	b.T.Helper()
	for _, m := range b.SQS.Messages("pause") {
		var body sqs.PauseMessage
		b.OK(json.Unmarshal([]byte(m.Body), &body))
		if body.JobID == j.ID && body.SandboxID == j.SandboxID {
			messages, newest = messages+1, max(newest, body.Epoch)
		}
	}
	return messages, newest
}

// turnsAsked returns the turns of a job that build messages ask for.
func (b *fixture) turnsAsked(j job.Job) (turns []int) {
	b.T.Helper()
	for _, m := range b.SQS.Messages("build") {
		var body sqs.BuildMessage
		b.OK(json.Unmarshal([]byte(m.Body), &body))
		if body.JobID == j.ID {
			turns = append(turns, body.Turn)
		}
	}
	return turns
}

// wantState checks the row, and that the cache agrees.
func (b *fixture) wantState(id string, state job.SandboxState) job.Job {
	b.T.Helper()
	j := b.Row(id)
	if j.SandboxState != state || j.SandboxPaused != (state == job.SandboxPaused) {
		b.T.Errorf("row says %s, paused %v; want %s", j.SandboxState, j.SandboxPaused, state)
	}
	if cached, ok, err := b.cache.Get(b.ctx, id); err != nil || ok && cached.Revision != j.Revision {
		b.T.Errorf("cache has revision %d, row %d: %v", cached.Revision, j.Revision, err)
	}
	return j
}

// wantBox checks where a sandbox really is.
func (b *fixture) wantBox(id string, state e2bsim.State) {
	b.T.Helper()
	if info, _ := b.E2B.Sandbox(id); info.State != state {
		b.T.Errorf("sandbox is %s, want %s", info.State, state)
	}
}

// accept is a queued job.
func (b *fixture) accept() job.Job {
	b.T.Helper()
	return b.Accept(functiontest.NewJob())
}

// creating is a job whose first create call is on its way.
func (b *fixture) creating() job.Job {
	b.T.Helper()
	return b.Creating(b.accept())
}

// building is a job with its sandbox, at scaffold.
func (b *fixture) building() job.Job {
	b.T.Helper()
	return b.Building(b.accept())
}

// ready is a READY job whose sandbox runs and is due for its pause.
func (b *fixture) ready() job.Job {
	b.T.Helper()
	return b.Ready(0)
}

// paused is a READY job that sleeps.
func (b *fixture) paused() job.Job {
	b.T.Helper()
	return b.Pause(b.ready())
}

// resumed is a READY job that was woken, for ten minutes.
func (b *fixture) resumed() job.Job {
	b.T.Helper()
	j := b.Must(b.Rows.TakeResume(b.ctx, b.paused(), jobs.Wake{Time: 10 * time.Minute}))
	_, _, err := b.e2b.Connect(b.ctx, j.SandboxID, 30*time.Minute)
	b.OK(err)
	return b.Must(b.Rows.RecordResumed(b.ctx, j, jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
}

// insertAsleep makes rows that claim sandboxes of which E2B knows nothing. The
// expression gives the id of the nth.
func (b *fixture) insertAsleep(rows int, id string) {
	b.T.Helper()
	_, err := b.Pool.Exec(b.ctx, `INSERT INTO jobs (id, project_id, user_id, tier, goal, status, build_version, preview_url, workspace_path,
			sandbox_id, sandbox_state, sandbox_paused, paused_at, completed_at, lease_until)
		SELECT id, id, 'user', 'bootstrapper', 'a page', 'ready', 'build_v0_1', 'https://x', '/home/user/project',
			'i' || replace(id::text, '-', ''), 'paused', true, now(), now(), NULL
		FROM (SELECT `+id+` AS id FROM generate_series(1, $1::int) AS n) AS new`, rows)
	b.OK(err)
}

func (b *fixture) fail(j job.Job) job.Job {
	b.T.Helper()
	return b.Must(b.Rows.Fail(b.ctx, j, "npm ci ended with 1", job.NewID()))
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
