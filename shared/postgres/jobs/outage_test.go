package jobs_test

import (
	"errors"
	"net/url"
	"testing"

	"siesta/proof/postgrestest"
	"siesta/shared/job"
	"siesta/shared/postgres"
	"siesta/shared/postgres/jobs"
)

func TestADeadDatabaseIsUnavailable(t *testing.T) {
	t.Parallel()
	store := jobs.NewStore(open(t, postgres.Config{URL: "postgres://app@127.0.0.1:1/none"}), "", nil)
	if _, err := store.Get(t.Context(), job.NewID()); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if _, _, err := store.Accept(t.Context(), newJob()); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}

// A database that is being set up, restored or migrated makes no request wrong.
func TestADatabaseThatIsNotCompleteIsUnavailable(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"no database": "",
		"no schema":   `ALTER SCHEMA public RENAME TO others`,
		"no table":    `ALTER TABLE jobs RENAME TO others`,
		"no column":   `ALTER TABLE jobs RENAME COLUMN goal TO other`,
		"no right":    `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET role = pg_monitor', current_database()); END $$`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, pool := postgrestest.New(t)
			if _, err := pool.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
			if sql == "" {
				there, err := url.Parse(address)
				if err != nil {
					t.Fatal(err)
				}
				address = there.JoinPath("../none").String()
			}
			store := jobs.NewStore(open(t, postgres.Config{URL: address}), "", nil)
			if _, err := store.Get(t.Context(), job.NewID()); !errors.Is(err, job.ErrUnavailable) {
				t.Errorf("read: got %v, want ErrUnavailable", err)
			}
			if _, _, err := store.Accept(t.Context(), newJob()); !errors.Is(err, job.ErrUnavailable) {
				t.Errorf("accept: got %v, want ErrUnavailable", err)
			}
		})
	}
}

// A failover leaves connections to the server that was demoted.
func TestADemotedServerIsLeftAtOnce(t *testing.T) {
	b := setup(t)
	demoted := func(is string) {
		// Like a server's role, it holds for connections made from now on.
		sql := "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = " + is + "', current_database()); END $$"
		if _, err := b.pool.Exec(b.ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	demoted("on")
	b.Store = b.open(open(t, postgres.Config{URL: b.url, MaxConns: 1}), "")
	if _, _, err := b.Accept(b.ctx, newJob()); !errors.Is(err, job.ErrUnavailable) {
		t.Errorf("got %v from a server that takes no writes, want ErrUnavailable", err)
	}
	demoted("off")
	b.accept(newJob())
}
