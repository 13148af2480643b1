package main

import (
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/e2b/envd"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/page"
	"siesta/shared/wake"
)

func TestMain(m *testing.M) { functiontest.Main(m) }

const (
	port  = 3000
	awake = 10 * time.Minute
	route = "POST /p/{token}/wake"
)

// fixture is the function on stores of its own, with a simulated E2B whose
// sandboxes run real processes.
type fixture struct {
	*functiontest.World
	handler
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Processes{Files: []string{functiontest.Self()}}, KeepSnapshots: true})
	w.Cache = functiontest.Cache(t, redistest.New(t))
	log := logging.New(w.Log, "debug")
	waker := &wake.Waker{
		Log: log, Store: w.Store, Cache: w.Cache, Pauses: w.Queue("pause"), E2B: w.Sandboxes, Sealer: functiontest.Sealer(t), Time: awake, Times: wake.CallTimes,
	}
	return &fixture{w, handler{log: log, links: w.Links(log), waker: waker, pages: page.New(page.Config{View: time.Hour})}}
}

// asleep is a preview that sleeps, and that the cache knows to sleep. Its server runs,
// as a build leaves it.
func (b *fixture) asleep() job.Job {
	b.T.Helper()
	ctx := b.T.Context()
	j := b.Building(b.Accept(functiontest.NewJob()))
	inside := b.Inside(j)
	b.OK(inside.WriteMarker(ctx, j.Epoch))
	j = b.Must(b.Rows.RecordMarker(ctx, j.ID, j.Epoch))
	j.Plan = job.Plan{Start: "exec " + functiontest.Self() + " serve", Port: port}
	j = b.Checks(j)
	b.OK(inside.StartStep(ctx, envd.Step{
		Dir: envd.StepDir(j.ID, j.CreateNo, "start"), Command: j.Plan.Start, Cwd: job.Workspace, Env: j.Plan.Environment(nil, "e2b.app"),
	}))
	j = b.Must(b.Rows.Ready(ctx, j, j.Progress, b.Sandboxes.PreviewURL(j.SandboxID, port), 0))
	for end := time.Now().Add(30 * time.Second); b.Sandboxes.Probe(ctx, j.PreviewURL).Status == 0; {
		if time.Now().After(end) {
			b.T.Fatal("the app does not answer")
		}
	}
	j = b.Pause(j)
	b.Cache.Publish(ctx, j)
	return j
}

// send makes a call as the page in a browser does; header wins.
func (b *fixture) send(token, body string, header map[string]string) functiontest.Reply {
	b.T.Helper()
	return functiontest.Visit(b.T, api.Handle(b.log, b.serve), route, token, body, header)
}

func (b *fixture) post(token string, intent job.Intent) functiontest.Reply {
	b.T.Helper()
	return b.send(token, `{"intent": "`+string(intent)+`"}`, nil)
}

// untouched checks that E2B was not asked for anything but what a test has, and that
// the row is as it was.
func (b *fixture) untouched(j job.Job, connects int) {
	b.T.Helper()
	if got := b.Calls(e2bsim.Connect); got != connects {
		b.T.Errorf("%d connects, want %d", got, connects)
	}
	if row := b.Row(j.ID); row.Revision != j.Revision {
		b.T.Errorf("the row was changed: revision %d to %d, %s", j.Revision, row.Revision, row.SandboxState)
	}
}
