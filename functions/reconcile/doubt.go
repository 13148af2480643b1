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

// crowd is how many sandboxes must be lost, or nobody's, in a run that saw no
// other, before the run takes itself for the one that is wrong: another team's
// API key knows none of our sandboxes, and an empty database none of our jobs.
// Either would have it make an end of every preview there is.
const crowd = 10

var (
	errAllLost      = errors.New("E2B knows none of our sandboxes: is this the API key of the team that made them? None was written off")
	errAllStrangers = errors.New("none of the sandboxes that E2B lists has a job: is this the right database? None was killed: each ends by its own time-out")
)

// doubt is what a run saw, and what it would make an end of. Its methods may be
// called from many goroutines.
type doubt struct {
	sights    atomic.Int64 // sandboxes of ours that E2B showed
	matches   atomic.Int64 // those of a list that have a job
	lost      pile[job.Job]
	strangers pile[stranger]
}

// stranger is a listed sandbox without a job.
type stranger struct {
	sandbox e2b.Sandbox
	candidate
}

// believeLosses writes down which sandboxes are gone. E2B said so twice, a grace
// period apart; and it knows others.
func (r *run) believeLosses(ctx context.Context) error {
	lost := r.lost.take()
	slices.SortFunc(lost, func(a, b job.Job) int { return cmp.Compare(a.ID, b.ID) })
	lost = slices.CompactFunc(lost, func(a, b job.Job) bool { return a.ID == b.ID }) // a walk meets a missing one again
	if len(lost) >= crowd && r.sights.Load() == 0 {
		return fmt.Errorf("%w (%d)", errAllLost, len(lost))
	}
	return together(workers, lost, func(j job.Job) error {
		row, err := r.store.RecordGone(ctx, j)
		switch {
		case errors.Is(err, job.ErrConflict): // not for long enough, or the row is about to tell more
			return nil
		case err != nil:
			return fmt.Errorf("record lost sandbox: %w", err)
		}
		r.add(missing, 1, 1, 0)
		r.cache.Publish(ctx, row)
		r.log.WarnContext(ctx, "sandbox lost", "job_id", j.ID, "sandbox_id", j.SandboxID)
		return nil
	})
}

// killStrangers makes an end of the listed sandboxes that no job knows, if jobs
// know others.
func (r *run) killStrangers(ctx context.Context) error {
	strangers := r.strangers.take()
	if len(strangers) >= crowd && r.matches.Load() == 0 {
		return fmt.Errorf("%w (%d)", errAllStrangers, len(strangers))
	}
	return together(workers, strangers, func(s stranger) error { return r.examine(ctx, s.sandbox, s.candidate) })
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
