package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"siesta/shared/job"
)

const (
	// overlap is how far each sweep of the cache goes back behind the end of the
	// one before. A transaction may commit after rows with a later time were
	// swept; and a cache that failed over to a replica may have lost what was
	// swept last.
	overlap = 15 * time.Minute
	// cacheLife is how far back an empty cache is filled.
	cacheLife = 24 * time.Hour
	// cachePage rows are read at a time, and maxChanges at the most in one run.
	cachePage  = 500
	maxChanges = 5000
)

// healCache publishes every row that changed since the watermark, which is
// kept in the cache itself: a cache that lost its contents has lost it too. It
// moves on only over what was written.
func (r *run) healCache(ctx context.Context) error {
	mark, err := r.cache.Watermark(ctx)
	if err != nil {
		return fmt.Errorf("read watermark: %w", err)
	}
	now, err := r.progress.Now(ctx)
	if err != nil {
		return fmt.Errorf("read clock: %w", err)
	}
	if mark.IsZero() {
		mark = now.Add(-cacheLife)
		if err := r.cache.SetWatermark(ctx, mark); err != nil {
			return fmt.Errorf("keep watermark: %w", err)
		}
	}
	done, err := r.sweep(ctx, mark.Add(-overlap), now)
	if !done.After(mark) {
		return err
	}
	// Had the cache lost its contents meanwhile, a new watermark would hide it.
	kept, markErr := r.cache.Watermark(ctx)
	if markErr == nil && !kept.Equal(mark) {
		markErr = errMarkChanged
	}
	if markErr == nil {
		markErr = r.cache.SetWatermark(ctx, done)
	}
	return errors.Join(err, markErr)
}

var errMarkChanged = errors.New("watermark changed during the sweep")

// sweep publishes the rows that changed since a moment, page by page. It
// returns the watermark for what it has done: a bounded sweep's successor
// begins at the last row that was written.
func (r *run) sweep(ctx context.Context, since, now time.Time) (done time.Time, err error) {
	after := ""
	for n := 0; ; n += cachePage {
		rows, err := r.store.Changed(ctx, since, after, cachePage)
		if err != nil {
			return done, fmt.Errorf("list changed jobs: %w", err)
		}
		if err := r.publishAll(ctx, rows); err != nil {
			return done, err
		}
		if len(rows) < cachePage {
			return now, nil
		}
		last := rows[len(rows)-1]
		moved := last.UpdatedAt.After(since)
		since, after = last.UpdatedAt, last.ID
		done = last.UpdatedAt.Add(overlap) // after now, if much changed: then the next sweep goes on from here
		if n+cachePage >= maxChanges && moved {
			return done, nil
		}
	}
}

func (r *run) publishAll(ctx context.Context, rows []job.Job) error {
	var written atomic.Int64
	err := together(writers, rows, func(j job.Job) error {
		stored, err := r.cache.Put(ctx, j)
		if err != nil {
			return fmt.Errorf("cache job: %w", err)
		}
		if j.Status == job.Ready && j.DeletedAt.IsZero() {
			r.cache.PublishCurrent(ctx, j, "")
		}
		written.Add(1)
		if stored {
			r.add(staleCache, 1, 1, 0)
		}
		return nil
	})
	r.add(staleCache, 0, 0, len(rows)-int(written.Load()))
	return err
}
