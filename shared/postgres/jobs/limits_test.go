package jobs_test

import (
	"errors"
	"testing"
	"time"

	"siesta/shared/job"
)

// TestNobodyBeginsWhileAnotherIsCounted: one job has counted its user's builds
// and has not begun yet, so that another would count as many, and both would
// take the last free place.
func TestNobodyBeginsWhileAnotherIsCounted(t *testing.T) {
	b := setup(t)
	first := must(t)(b.ClaimTurn(b.ctx, b.accept(newJob()).ID, 0))
	second := must(t)(b.ClaimTurn(b.ctx, b.accept(newJob()).ID, 0))
	held, err := b.pool.Begin(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback(b.ctx) }()
	if _, err := held.Exec(b.ctx, `SELECT FROM jobs WHERE id = $1::uuid FOR UPDATE`, first.ID); err != nil {
		t.Fatal(err)
	}
	begin := func(j job.Job) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := b.Begin(b.ctx, j, job.Limits{PerUser: 1})
			done <- err
		}()
		return done
	}
	counted := begin(first)
	b.wantWaiting(1, counted) // for its own row, which the count does not need
	other := begin(second)
	b.wantWaiting(2, other)
	if err := held.Rollback(b.ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-counted; err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := <-other; !errors.Is(err, job.ErrLater) {
		t.Errorf("the second: got %v, want ErrLater", err)
	}
}

// wantWaiting returns when so many statements wait for a lock. One that is done
// by then waited for none.
func (b fixture) wantWaiting(n int, done chan error) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for waiting := 0; waiting < n; <-tick.C {
		select {
		case err := <-done:
			b.t.Fatalf("it ended without waiting: %v", err)
		default:
		}
		const sql = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
		if err := b.pool.QueryRow(b.ctx, sql).Scan(&waiting); err != nil {
			b.t.Fatal(err)
		}
	}
}
