package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/postgres"
)

// bench is one test's database with the store on it.
type bench struct {
	*postgres.Store
	t    *testing.T
	ctx  context.Context
	url  string
	pool *pgxpool.Pool
}

func setup(t *testing.T) bench {
	t.Helper()
	t.Parallel()
	url, pool := postgrestest.New(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url, MaxConns: 8})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	b := bench{Store: store, t: t, ctx: t.Context(), url: url, pool: pool}
	b.watchMoves()
	return b
}

// pass lets d go by.
func (b bench) pass(d time.Duration) {
	b.t.Helper()
	postgrestest.Advance(b.t, b.pool, d)
}

const (
	alice   = "user_alice"
	project = "0b9a6a5e-6d0c-4a36-9a0b-111111111111"
)

func newJob() postgres.NewJob {
	return postgres.NewJob{
		ID: job.NewID(), UserID: alice, Tier: job.Bootstrapper, Deadline: time.Hour,
		Request: job.Request{ProjectID: project, Goal: "a page", Template: "base"},
	}
}

func must(t *testing.T) func(j job.Job, err error) job.Job {
	return func(j job.Job, err error) job.Job {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
}

func (b bench) accept(n postgres.NewJob) job.Job {
	b.t.Helper()
	j, created, err := b.Accept(b.ctx, n)
	if err != nil || !created {
		b.t.Fatalf("accept: created %v, %v", created, err)
	}
	return j
}

// claimed is a job in its first turn, at starting.
func (b bench) claimed() job.Job {
	b.t.Helper()
	j := b.accept(newJob())
	j = must(b.t)(b.ClaimTurn(b.ctx, j.ID, 0))
	return must(b.t)(b.Begin(b.ctx, j, job.Limits{}))
}

// withSandbox is a claimed job at scaffold.
func (b bench) withSandbox() job.Job {
	b.t.Helper()
	j := must(b.t)(b.RecordCreate(b.ctx, b.claimed()))
	return must(b.t)(b.RecordSandbox(b.ctx, j, "isandbox"+j.ID[:8], 30*time.Minute))
}

// checking is a claimed job at checks.
func (b bench) checking() job.Job {
	b.t.Helper()
	j := b.withSandbox()
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = must(b.t)(b.Advance(b.ctx, j, next))
	}
	return j
}

// ready is a job whose sandbox is due for its pause.
func (b bench) ready() job.Job {
	b.t.Helper()
	return must(b.t)(b.Ready(b.ctx, b.checking(), "https://3000-x.e2b.app", 0))
}

func (b bench) pausing() job.Job {
	b.t.Helper()
	j := b.ready()
	return must(b.t)(b.TakePause(b.ctx, j.ID, j.Epoch))
}

func (b bench) paused() job.Job {
	b.t.Helper()
	return must(b.t)(b.RecordPaused(b.ctx, b.pausing()))
}

func (b bench) resuming() job.Job {
	b.t.Helper()
	return must(b.t)(b.TakeResume(b.ctx, b.paused(), 10*time.Minute))
}

func (b bench) running() job.Job {
	b.t.Helper()
	return must(b.t)(b.RecordResumed(b.ctx, b.resuming(), 10*time.Minute, 30*time.Minute))
}

// wantErr checks that a write was refused as want, and that the row is as it was.
func (b bench) wantRefused(id string, want error, write func() (job.Job, error)) {
	b.t.Helper()
	before := must(b.t)(b.Get(b.ctx, id))
	if _, err := write(); !errors.Is(err, want) {
		b.t.Errorf("got error %v, want %v", err, want)
	}
	if after := must(b.t)(b.Get(b.ctx, id)); after.Revision != before.Revision {
		b.t.Errorf("a refused write changed the row: revision %d became %d", before.Revision, after.Revision)
	}
}
