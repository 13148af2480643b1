package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
)

// fixture is one test's database with the store on it.
type fixture struct {
	*jobs.Store
	open func(db *postgres.DB, stack string) *jobs.Store // another one, as watched as the first
	db   *postgres.DB
	t    *testing.T
	ctx  context.Context
	url  string
	pool *pgxpool.Pool
}

func setup(t *testing.T) fixture {
	t.Helper()
	t.Parallel()
	url, pool := postgrestest.New(t)
	db := open(t, postgres.Config{URL: url, MaxConns: 8})
	p := &published{by: map[string]string{}}
	b := fixture{db: db, t: t, ctx: t.Context(), url: url, pool: pool}
	b.open = func(db *postgres.DB, stack string) *jobs.Store { return jobs.NewStore(db, stack, p.publish) }
	b.Store = b.open(db, "")
	b.watchMoves(p)
	return b
}

// open returns a database that is closed after the test.
func open(t *testing.T, c postgres.Config) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// pass lets d go by.
func (b fixture) pass(d time.Duration) {
	b.t.Helper()
	postgrestest.Advance(b.t, b.pool, d)
}

const (
	alice   = "user_alice"
	project = "0b9a6a5e-6d0c-4a36-9a0b-111111111111"
)

func newJob() jobs.NewJob {
	return jobs.NewJob{
		ID: job.NewID(), UserID: alice, Tier: job.Bootstrapper, Deadline: time.Hour, EnvSealed: []byte("sealed"),
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

func (b fixture) accept(n jobs.NewJob) job.Job {
	b.t.Helper()
	j, created, err := b.Accept(b.ctx, n)
	if err != nil || !created {
		b.t.Fatalf("accept: created %v, %v", created, err)
	}
	return j
}

// claimed is a job in its first turn, at starting.
func (b fixture) claimed() job.Job {
	b.t.Helper()
	j := b.accept(newJob())
	j = must(b.t)(b.ClaimTurn(b.ctx, j.ID, 0))
	return must(b.t)(b.Begin(b.ctx, j, job.Limits{}))
}

// withSandbox is a claimed job at scaffold.
func (b fixture) withSandbox() job.Job {
	b.t.Helper()
	j := must(b.t)(b.RecordCreate(b.ctx, b.claimed()))
	return must(b.t)(b.RecordSandbox(b.ctx, j, "isandbox"+j.ID[:8], 30*time.Minute))
}

// checking is a claimed job at checks.
func (b fixture) checking() job.Job {
	b.t.Helper()
	j := b.withSandbox()
	j = must(b.t)(b.RecordMarker(b.ctx, j.ID, j.Epoch))
	for _, next := range []job.Status{job.Code, job.Deps, job.Checks} {
		j = must(b.t)(b.Advance(b.ctx, j, j.Progress, next))
	}
	return j
}

// ready is a job whose sandbox is due for its pause.
func (b fixture) ready() job.Job {
	b.t.Helper()
	j := b.checking()
	return must(b.t)(b.Ready(b.ctx, j, j.Progress, "https://3000-x.e2b.app", 0))
}

func (b fixture) pausing() job.Job {
	b.t.Helper()
	j := b.ready()
	return must(b.t)(b.TakePause(b.ctx, j.ID, j.Epoch))
}

func (b fixture) paused() job.Job {
	b.t.Helper()
	return must(b.t)(b.RecordPaused(b.ctx, b.pausing()))
}

func (b fixture) resuming() job.Job {
	b.t.Helper()
	return must(b.t)(b.TakeResume(b.ctx, b.paused(), jobs.Wake{Time: 10 * time.Minute}))
}

func (b fixture) running() job.Job {
	b.t.Helper()
	return must(b.t)(b.RecordResumed(b.ctx, b.resuming(), jobs.Run{Due: 10 * time.Minute, TTL: 30 * time.Minute}))
}

// wantUnwritten checks that a write fails as want, and that the row is as it was.
func (b fixture) wantUnwritten(id string, want error, write func() (job.Job, error)) {
	b.t.Helper()
	before := must(b.t)(b.Get(b.ctx, id))
	if _, err := write(); !errors.Is(err, want) {
		b.t.Errorf("got error %v, want %v", err, want)
	}
	if after := must(b.t)(b.Get(b.ctx, id)); after.Revision != before.Revision {
		b.t.Errorf("a write without effect changed the row: revision %d became %d", before.Revision, after.Revision)
	}
}
