// Package lookup finds jobs for functions that only tell of them: in the cache, else in
// Postgres, and what the cache lacked it gets. It owns when the cache is believed. It
// knows no caller: whose job it found is theirs to check.
package lookup

import (
	"context"
	"log/slog"
	"time"

	"siesta/shared/job"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

// Jobs are those of a stack.
type Jobs struct {
	Log   *slog.Logger
	Cache *redis.Cache
	Store func() (*jobs.Store, error) // asked for where the cache does not do
}

// Find returns a job. A sleep that the cache has known for long is confirmed.
func (l Jobs) Find(ctx context.Context, id string) (job.Job, error) {
	return l.find(ctx, id, believable)
}

// Known is Find for who asks for no more than whose a job is, and whether it has
// finished.
func (l Jobs) Known(ctx context.Context, id string) (job.Job, error) {
	return l.find(ctx, id, func(job.Job) bool { return true })
}

func (l Jobs) find(ctx context.Context, id string, good func(job.Job) bool) (job.Job, error) {
	j, ok, cacheErr := l.Cache.Get(ctx, id)
	if ok && good(j) {
		metrics.Count(ctx, metrics.Cached, 1)
		return j, nil
	}
	metrics.Count(ctx, metrics.Cached, 0)
	if cacheErr != nil {
		l.Log.WarnContext(ctx, "cache not read", "job_id", id, "error", cacheErr.Error())
	}
	store, err := l.Store()
	if err != nil {
		return job.Job{}, err
	}
	if j, err = store.Get(ctx, id); err != nil || cacheErr != nil {
		return j, err
	}
	l.Cache.Publish(ctx, j)
	return j, nil
}

// Current returns the version of a user's project that counts. A note in the cache that
// is wrong, or not there, is put right. job.ErrNotFound: no version is READY.
func (l Jobs) Current(ctx context.Context, user, project string) (job.Job, error) {
	noted, cacheErr := l.Cache.Current(ctx, user, project)
	if cacheErr == nil && noted != "" {
		var j job.Job
		var ok bool
		if j, ok, cacheErr = l.Cache.Get(ctx, noted); ok && believable(j) && j.Status == job.Ready && j.CheckOwner(user) == nil {
			return j, nil
		}
	}
	if cacheErr != nil {
		l.Log.WarnContext(ctx, "cache not read", "project_id", project, "error", cacheErr.Error())
	}
	store, err := l.Store()
	if err != nil {
		return job.Job{}, err
	}
	j, err := store.Current(ctx, user, project)
	if err != nil || cacheErr != nil {
		return j, err
	}
	l.Cache.Publish(ctx, j)
	if j.ID != noted {
		l.Cache.PublishCurrent(ctx, j, noted)
	}
	return j, nil
}

func believable(j job.Job) bool { return j.Believable(time.Now()) }
