package main

import (
	"context"
	"testing"
	"time"

	"siesta/local/e2bsim"
	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/sqs"
)

// fixture is the function on stores of its own, with a simulated E2B.
type fixture struct {
	*handler
	*functiontest.World
	ctx context.Context
}

func setup(t *testing.T) *fixture {
	t.Helper()
	t.Parallel()
	w := functiontest.NewWorld(t, e2bsim.Config{Backend: e2bsim.Idle{}})
	w.Cache = functiontest.Cache(t, redistest.New(t))
	return &fixture{World: w, ctx: t.Context(), handler: &handler{
		log: logging.New(w.Log, "debug"), store: w.Store, cache: w.Cache, messages: w.Queue("pause"), e2b: w.Sandboxes,
	}}
}

func (b *fixture) fault(f e2bsim.Fault) {
	b.T.Helper()
	f.Call = e2bsim.Pause
	b.Fault(f)
}

// deliver sends the READY message of an epoch and lets the function handle
// what the queue has; again reports whether it is to come again.
func (b *fixture) deliver(j job.Job) (again bool) {
	b.T.Helper()
	b.OK(b.messages.SendPause(b.ctx, sqs.PauseMessage{JobID: j.ID, SandboxID: j.SandboxID, Epoch: j.Epoch}, 0))
	return b.redeliver()
}

func (b *fixture) redeliver() (again bool) {
	b.T.Helper()
	if n := b.SQS.Stats("pause").Visible; n != 1 {
		b.T.Fatalf("%d messages are there, want 1", n)
	}
	return b.Deliver("pause", b.Handle) != ""
}

// wantState checks that row and cache tell a state, and that paused is told
// only of a sandbox that sleeps.
func (b *fixture) wantState(j job.Job, want job.SandboxState) {
	b.T.Helper()
	row := b.Row(j.ID)
	cached, ok, err := b.cache.Get(b.ctx, j.ID)
	if err != nil || !ok {
		b.T.Fatalf("read cache: %v, %v", ok, err)
	}
	if row.SandboxState != want || cached.SandboxState != want || cached.SandboxPaused != (want == job.SandboxPaused) {
		b.T.Errorf("row says %s, cache %s (paused %v), want %s", row.SandboxState, cached.SandboxState, cached.SandboxPaused, want)
	}
	if info, _ := b.E2B.Sandbox(j.SandboxID); row.SandboxPaused && info.State != e2bsim.StatePaused {
		b.T.Errorf("the row says paused, E2B says %s", info.State)
	}
}

// nextIn is how long the one message of the pause queue stays invisible.
func (b *fixture) nextIn() time.Duration {
	b.T.Helper()
	messages := b.SQS.Messages("pause")
	if len(messages) != 1 {
		b.T.Fatalf("%d messages are left, want 1", len(messages))
	}
	return messages[0].VisibleAt.Sub(b.SQS.Now())
}
