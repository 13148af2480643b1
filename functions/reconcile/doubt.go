package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"siesta/shared/e2b"
	"siesta/shared/job"
)

// suspicious is from how many on a run does not believe what it sees. Where ten
// or more sandboxes seem to be lost, and fewer are still there, the API key is
// more likely another team's. Where ten or more belong to no job, and fewer to
// one, the database is more likely empty, or another one. Acting on either would
// end every preview there is.
const suspicious = 10

var (
	errMostLost    = errors.New("E2B does not know most of our sandboxes: is this the API key of the team that made them? None was written off")
	errMostOrphans = errors.New("most of the sandboxes that E2B lists have no job: is this the right database? None was killed: each ends by its own time-out")
)

// doubt gathers what a run would make an end of, and counts what it would not, to
// compare the two first. Its parts may be used from many goroutines.
type doubt struct {
	believe  bool         // an operator says that what the run sees is true
	sights   atomic.Int64 // rows whose sandbox E2B showed when it was asked
	matches  atomic.Int64 // listed sandboxes that have a job
	lost     pile[job.Job]
	orphaned pile[orphan]
}

// orphan is a listed sandbox without a job.
type orphan struct {
	sandbox e2b.Sandbox
	candidate
}

// believeLosses writes down which sandboxes are gone. E2B said so twice, a grace
// period apart; and it knows the others.
func (r *run) believeLosses(ctx context.Context) error {
	lost := r.lost.take()
	slices.SortFunc(lost, func(a, b job.Job) int { return cmp.Compare(a.ID, b.ID) })
	lost = slices.CompactFunc(lost, func(a, b job.Job) bool { return a.ID == b.ID }) // a walk meets a missing one again
	if seen := r.sights.Load(); len(lost) >= suspicious && int64(len(lost)) > seen && !r.believe {
		return fmt.Errorf("%w (%d lost, %d seen)", errMostLost, len(lost), seen)
	}
	return together(workers, lost, func(j job.Job) error {
		_, err := r.store.RecordGone(ctx, j)
		switch {
		case errors.Is(err, job.ErrConflict): // not for long enough, or the row is about to tell more
			return nil
		case err != nil:
			return fmt.Errorf("record lost sandbox: %w", err)
		}
		r.add(missing, 1, 1, 0)
		r.log.WarnContext(ctx, "sandbox lost", "job_id", j.ID, "sandbox_id", j.SandboxID)
		return nil
	})
}

// killOrphans makes an end of the listed sandboxes that no job knows, if jobs
// know the others.
func (r *run) killOrphans(ctx context.Context) error {
	without := r.orphaned.take()
	if known := r.matches.Load(); len(without) >= suspicious && int64(len(without)) > known && !r.believe {
		return fmt.Errorf("%w (%d without, %d with one)", errMostOrphans, len(without), known)
	}
	return together(workers, without, func(o orphan) error { return r.examineListed(ctx, o.sandbox, o.candidate, noJob) })
}

// pile gathers things from many goroutines.
type pile[T any] struct {
	mu  sync.Mutex
	all []T
}

func (p *pile[T]) add(one T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, one)
}

func (p *pile[T]) take() []T {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.all
	p.all = nil
	return all
}
