package main

import (
	"net/http"
	"testing"
	"time"

	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/page"
)

const (
	pageRoute  = "GET /p/{token}"
	stateRoute = "GET /p/{token}/state"
	preview    = "https://3000-x.e2b.app"

	isReady  = `status = 'ready', completed_at = now(), lease_until = NULL, sandbox_id = 'i' || left(id::text, 8), epoch = 1, preview_url = '` + preview + `'`
	isPaused = isReady + `, sandbox_state = 'paused', sandbox_paused = true, paused_at = now()`
	isFailed = "status = 'failed', completed_at = now(), lease_until = NULL, error_message = 'x', debug_id = 'd'"
)

// fixture is the function on stores of its own.
type fixture struct {
	*functiontest.Database
	handler
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	d := functiontest.NewDatabase(t)
	d.Cache = functiontest.Cache(t, redistest.New(t))
	log := logging.New(functiontest.NewLog(t), "debug")
	return &fixture{d, handler{log: log, links: d.Links(log), pages: page.New(page.Config{View: time.Hour})}}
}

// set changes a job's row, and tells the cache.
func (b *fixture) set(j job.Job, assignments string) job.Job {
	b.T.Helper()
	j = b.Set(j.ID, assignments)
	b.Cache.Publish(b.T.Context(), j)
	return j
}

// asleep is a preview that sleeps, as the cache knows.
func (b *fixture) asleep() job.Job {
	b.T.Helper()
	return b.set(b.Accept(functiontest.NewJob()), isPaused+`, build_version = 'build_v0_1'`)
}

func (b *fixture) send(route, token string, header map[string]string) functiontest.Reply {
	b.T.Helper()
	return functiontest.Visit(b.T, api.Handle(b.log, b.serve), route, token, "", header)
}

func (b *fixture) show(token string) functiontest.Reply {
	b.T.Helper()
	return b.send(pageRoute, token, nil)
}

// wantState checks what the page is told.
func (b *fixture) wantState(token string, want page.State) functiontest.Reply {
	b.T.Helper()
	got := b.send(stateRoute, token, nil)
	if got.Status != http.StatusOK || got.Told["state"] != string(want) {
		b.T.Errorf("got %d %s, want %s", got.Status, got.Text, want)
	}
	return got
}

// untouched checks that the row is as it was.
func (b *fixture) untouched(j job.Job) {
	b.T.Helper()
	if row := b.Row(j.ID); row.Revision != j.Revision {
		b.T.Errorf("the row was changed: revision %d to %d, %s", j.Revision, row.Revision, row.SandboxState)
	}
}
