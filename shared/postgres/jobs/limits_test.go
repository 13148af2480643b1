package jobs_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
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

// However many starts there are at once, no more jobs wait than may, be they
// queued or scheduled.
func TestNoMoreJobsWaitThanMay(t *testing.T) {
	b := setup(t)
	const most = 3
	next := func() jobs.NewJob {
		n := newJob()
		n.PerDay, n.Waiting = 1, most
		return n
	}
	var wg sync.WaitGroup
	errs := make(chan error, 16)
	for range cap(errs) {
		wg.Go(func() {
			_, _, err := b.Accept(b.ctx, next())
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	accepted := 0
	for err := range errs {
		if err == nil {
			accepted++
		} else if !errors.Is(err, job.ErrTooManyWaiting) {
			t.Errorf("got %v, want ErrTooManyWaiting", err)
		}
	}
	if accepted != most || b.count() != most {
		t.Errorf("%d were accepted and %d are there, want %d", accepted, b.count(), most)
	}
	other := next()
	other.UserID = "user_bob"
	b.accept(other)
}

// What has begun, or ended, waits no longer. A repeated call makes no job, and
// is answered although there is no room.
func TestAJobThatBeginsMakesRoom(t *testing.T) {
	b := setup(t)
	n := newJob()
	n.Waiting, n.IdempotencyKey, n.RequestHash = 1, "once", []byte{1}
	first := b.accept(n)
	n.ID = job.NewID()
	if again, created, err := b.Accept(b.ctx, n); err != nil || created || again.ID != first.ID {
		t.Errorf("the same call again: %s, %v, %v", again.ID, created, err)
	}
	n.IdempotencyKey = ""
	refused := func(when string) {
		t.Helper()
		if _, _, err := b.Accept(b.ctx, n); !errors.Is(err, job.ErrTooManyWaiting) {
			t.Errorf("%s: got %v, want ErrTooManyWaiting", when, err)
		}
	}
	refused("one waits")
	first = must(t)(b.ClaimTurn(b.ctx, first.ID, 0))
	refused("it is claimed, and has not begun")
	must(t)(b.Begin(b.ctx, first, job.Limits{}))
	second := b.accept(n)
	n.ID = job.NewID()
	refused("the second waits")
	must(t)(b.Cancel(b.ctx, second.ID, "Cancelled by user", "d"))
	b.accept(n)
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
