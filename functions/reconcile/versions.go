package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"siesta/shared/job"
)

const (
	// busyFor is how long after a version began to count its project is looked at
	// for surplus ones; later the walk over what sleeps finds them.
	busyFor = time.Hour
	// maxRetired versions are given up in one run, and maxForgotten rows removed.
	maxRetired   = 50
	maxForgotten = 500
)

var errMostSurplus = errors.New("most of the sandboxes that E2B lists are of surplus versions: is this the right database? None was given up")

// retire gives up the sandboxes of versions that have enough younger ones: first
// the row says so, then E2B is told. What it does not answer is rule 4's, and this
// part counts among what a run does not believe.
func (r *run) retire(ctx context.Context) error {
	if r.keep == 0 {
		return nil
	}
	surplus, err := r.store.Surplus(ctx, r.keep, busyFor, maxRetired)
	if err != nil {
		return fmt.Errorf("list surplus versions: %w", err)
	}
	if known := r.matches.Load(); len(surplus) >= suspicious && int64(len(surplus)) > known && !r.believe {
		return fmt.Errorf("%w (%d surplus, %d known)", errMostSurplus, len(surplus), known)
	}
	return together(workers, surplus, func(j job.Job) error { return r.retireOne(ctx, j) })
}

// retireOne gives up a version's sandbox, if it is surplus still.
func (r *run) retireOne(ctx context.Context, j job.Job) error {
	j, err := r.store.RecordRetired(ctx, j, r.keep)
	if errors.Is(err, job.ErrConflict) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("record surplus version: %w", err)
	}
	r.found(surplus, 1)
	r.log.InfoContext(ctx, "version retired", "job_id", j.ID, "sandbox_id", j.SandboxID)
	if err := r.e2b.KillTagged(ctx, j.SandboxID, map[string]string{job.TagStack: r.stack}); err != nil {
		r.unknown(surplus)
		r.log.WarnContext(ctx, "kill sandbox of a retired version", "job_id", j.ID, "sandbox_id", j.SandboxID, "error", err)
		return nil
	}
	r.healed(surplus)
	return nil
}

// forget removes what is left of deleted versions: the kept code and log that nobody
// has removed yet, and, after their time, the rows.
func (r *run) forget(ctx context.Context) error {
	left, err := r.store.CodeLeft(ctx, maxForgotten)
	if err != nil {
		return fmt.Errorf("list code of deleted versions: %w", err)
	}
	err = together(workers, left, func(j job.Job) error { return r.forgetCode(ctx, j) })
	if _, forgetErr := r.store.Forget(ctx, r.forgetAfter, maxForgotten); forgetErr != nil {
		err = errors.Join(err, fmt.Errorf("remove deleted versions: %w", forgetErr))
	}
	return err
}

func (r *run) forgetCode(ctx context.Context, j job.Job) error {
	if j.Kept() && r.kept == nil { // its row goes on saying where that is
		return nil
	}
	r.found(codeLeft, 1)
	var err error
	if r.logStore != nil {
		err = r.logStore.Delete(ctx, job.LogKey(j.UserID, j.ID))
	}
	if j.Kept() {
		err = errors.Join(err, r.kept.Delete(ctx, j.SourceKey))
	}
	if err != nil {
		r.unknown(codeLeft)
		return fmt.Errorf("delete code and log: %w", err)
	}
	if _, err := r.store.RecordCodeDeleted(ctx, j.ID); err != nil && !errors.Is(err, job.ErrConflict) {
		return fmt.Errorf("record deletion of code: %w", err)
	}
	r.healed(codeLeft)
	return nil
}

// retireAsleep gives up a version that the walk over what sleeps has come to.
func (r *run) retireAsleep(ctx context.Context, j job.Job) error {
	if r.keep == 0 || j.SandboxState != job.SandboxPaused || !j.Kept() {
		return nil
	}
	return r.retireOne(ctx, j)
}
