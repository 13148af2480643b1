package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/sweep"
	"siesta/shared/redis"
	"siesta/shared/s3"
	"siesta/shared/sqs"
)

const (
	// workers is how many calls to E2B, SQS and Postgres are made at the same
	// time; writers is how many to the cache, which has that many connections.
	workers = 10
	writers = 4
)

type handler struct {
	log      *slog.Logger
	store    *jobs.Store
	progress *sweep.Store // where earlier runs stopped
	cache    *redis.Cache
	builds   *sqs.Queue
	pauses   *sqs.Queue
	e2b      *e2b.Client
	stack    string        // value of the tag that makes a sandbox ours
	deadline time.Duration // of a job, from the day that it was scheduled for

	kept        *s3.Store     // of versions' code; nil: there is none
	logStore    *s3.Store     // of finished jobs' logs; nil: there is none
	keep        int           // versions of a project that keep their sandboxes; 0: all
	forgetAfter time.Duration // the rows of deleted versions are removed
}

// run is one run, which counts what it finds.
type run struct {
	*handler
	*tally
	doubt
}

// input is what an operator may ask of a run; the schedule's event asks nothing.
type input struct {
	Believe bool `json:"believe"` // that most sandboxes are lost, or nobody's
}

// Handle does a bounded part of the work and returns what it has found. What
// fails is logged and counted, and keeps nothing else from being done: the next
// minute is the retry.
func (h *handler) Handle(ctx context.Context, in input) (report, error) {
	ctx = metrics.Gather(ctx)
	r := &run{handler: h, tally: newTally(), doubt: doubt{believe: in.Believe}}
	started := time.Now()
	for _, part := range []struct {
		name string
		work func(context.Context) error
	}{
		{"pauses", r.healPauses},
		{"turns", r.healTurns},
		{"cache", r.healCache},
		{"sandboxes", r.listSandboxes},
		{"orphans", r.killOrphans},
		{"rows", r.examineRows},
		{"losses", r.believeLosses},
		{"surplus", r.retire},
		{"deleted", r.forget},
	} {
		if err := h.part(ctx, part.work); err != nil {
			r.partFailed(part.name)
			h.log.ErrorContext(ctx, "part of reconcile failed", "part", part.name, "error", err)
		}
	}
	found := r.report()
	h.tell(ctx, found, time.Since(started))
	return found, nil
}

func (h *handler) part(ctx context.Context, work func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, job.ReconcilePart)
	defer cancel()
	return work(ctx)
}

// together calls f for all items, up to n at the same time. After an error it
// begins no further one, and returns the first.
func together[T any](n int, items []T, f func(T) error) error {
	all, failed := errgroup.WithContext(context.Background())
	all.SetLimit(n)
	for _, item := range items {
		all.Go(func() error {
			if failed.Err() != nil {
				return nil
			}
			return f(item)
		})
	}
	return all.Wait()
}

// sendPause sends the message that puts this epoch of a sandbox to sleep.
func (h *handler) sendPause(ctx context.Context, j job.Job) error {
	if err := h.pauses.SendPause(ctx, sqs.Pause(j), 0); err != nil {
		return fmt.Errorf("send pause message: %w", err)
	}
	return nil
}
