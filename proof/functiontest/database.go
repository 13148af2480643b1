package functiontest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

// Database is a migrated Postgres database of one test's own.
type Database struct {
	T     testing.TB
	Pool  *pgxpool.Pool
	Proxy *postgrestest.Proxy // between Store and Postgres
	DB    *postgres.DB        // the function's, through the proxy
	Store *jobs.Store         // the function's
	Cache *redis.Cache        // that Store publishes to; nil: none
	Rows  *jobs.Store         // the test's, past the proxy
}

// NewDatabase makes a database, which is gone after the test.
func NewDatabase(t testing.TB) *Database {
	t.Helper()
	address, pool := postgrestest.New(t)
	d := &Database{T: t, Pool: pool, Proxy: postgrestest.NewProxy(t, address)}
	open := func(address string) *postgres.DB {
		db, err := postgres.Open(context.Background(), postgres.Config{URL: address, MaxConns: 8})
		d.OK(err)
		t.Cleanup(db.Close)
		return db
	}
	d.DB = open(d.Proxy.URL)
	d.Store, d.Rows = jobs.NewStore(d.DB, Stack, d.publish), jobs.NewStore(open(address), Stack, nil)
	return d
}

func (d *Database) publish(ctx context.Context, j job.Job) {
	if d.Cache != nil {
		d.Cache.Publish(ctx, j)
	}
}

// OK ends the test on an error.
func (d *Database) OK(err error) {
	d.T.Helper()
	if err != nil {
		d.T.Fatal(err)
	}
}

// Must ends the test on an error of a store's write.
func (d *Database) Must(j job.Job, err error) job.Job {
	d.T.Helper()
	d.OK(err)
	return j
}

// Row is a job as its row says.
func (d *Database) Row(id string) job.Job {
	d.T.Helper()
	return d.Must(d.Rows.Get(d.T.Context(), id))
}

// NewJob is a new job of Alice's.
func NewJob() jobs.NewJob {
	return jobs.NewJob{
		ID: job.NewID(), UserID: Alice, Tier: job.Bootstrapper, Deadline: time.Hour,
		Request: job.Request{ProjectID: job.NewID(), Goal: "a page", Template: "base"},
	}
}

// Accept is a job as start leaves it, beside the cache and the queue.
func (d *Database) Accept(n jobs.NewJob) job.Job {
	d.T.Helper()
	j, _, err := d.Rows.Accept(d.T.Context(), n)
	return d.Must(j, err)
}

// Set makes SQL's assignments in a job's row, behind everybody's back.
func (d *Database) Set(id, assignments string) job.Job {
	d.T.Helper()
	_, err := d.Pool.Exec(d.T.Context(), "UPDATE jobs SET revision = revision + 1, "+assignments+" WHERE id = $1::uuid", id)
	d.OK(err)
	return d.Row(id)
}
