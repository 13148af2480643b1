package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
)

const (
	alice   = functiontest.Alice
	project = "0b9a6a5e-6d0c-4a36-9a0b-111111111111"
	good    = `{"project_id": "` + project + `", "goal": "a page"}`
)

// fixture is a handler on stores and a queue of its own.
type fixture struct {
	handler
	*functiontest.World
}

func setup(t *testing.T) fixture {
	t.Helper()
	t.Parallel()
	return setupWith(t, redistest.New(t))
}

func setupWith(t *testing.T, redisURL string) fixture {
	t.Helper()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Idle{}})
	w.Cache = functiontest.Cache(t, redisURL)
	return fixture{World: w, handler: handler{
		log: logging.New(w.Log, "debug"), store: w.Store, sealer: functiontest.Sealer(t), builds: w.Queue("build"),
		allowed:   job.Allowed{Templates: []string{"base", "node"}, SourceBucket: "sources"},
		tierClaim: "plan", unknown: &sync.Map{}, deadline: time.Hour,
	}}
}

// event is what the gateway makes of a call of alice.
func event(body string) api.Request {
	var r api.Request
	r.RouteKey, r.Body, r.Headers = "POST /api/generation/start", body, map[string]string{}
	r.RequestContext.RequestID = functiontest.Gateway
	return functiontest.As(r, map[string]string{"sub": alice})
}

func keyed(key, body string) api.Request {
	r := event(body)
	r.Headers["idempotency-key"] = key
	return r
}

// call is the function's answer.
func (b fixture) call(r api.Request) (int, map[string]any) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.T.Context(), 15*time.Second) // the function's
	defer cancel()
	resp, body := functiontest.Call(ctx, b.T, api.Handle(b.log, b.serve), r)
	return resp.StatusCode, body
}

// start is a call that is accepted; it returns the job's row.
func (b fixture) start(r api.Request) job.Job {
	b.T.Helper()
	code, body := b.call(r)
	id, _ := body["job_id"].(string)
	if code != 201 || len(body) != 3 {
		b.T.Fatalf("got %d %v", code, body)
	}
	j := b.Row(id)
	if body["build_version"] != j.BuildVersion || j.UserID == "" {
		b.T.Errorf("answer %v, row %+v", body, j)
	}
	return j
}

// jobs is how many jobs there are.
func (b fixture) jobs() int {
	b.T.Helper()
	var n int
	b.OK(b.Pool.QueryRow(b.T.Context(), "SELECT count(*) FROM jobs").Scan(&n))
	return n
}

// want checks how many rows and messages there are.
func (b fixture) want(rows, messages int) {
	b.T.Helper()
	if got := b.jobs(); got != rows {
		b.T.Errorf("%d rows, want %d", got, rows)
	}
	if got := b.SQS.Messages("build"); len(got) != messages {
		b.T.Errorf("messages %v, want %d", got, messages)
	}
}
