package main

import (
	"context"
	"log/slog"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

type handler struct {
	log   *slog.Logger
	cache *redis.Cache
	store func() (*jobs.Store, error) // opened by the first call
	seen  *health
}

const healthRoute = "GET /api/health"

// serve answers GET /api/generation/{job_id}/status. Another user's job is as
// one that does not exist.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	if r.RouteKey == healthRoute {
		return h.health(ctx)
	}
	user, id, err := api.Caller(r)
	if err != nil {
		return api.Answer{}, err
	}
	j, err := h.find(ctx, id)
	if err != nil {
		return api.Answer{}, err
	}
	if err := j.CheckOwner(user); err != nil {
		return api.Answer{}, err
	}
	return api.Status(j), nil
}

// find asks the cache, then Postgres. What the cache lacked it gets, and a sleep
// that it has known for long is confirmed.
func (h handler) find(ctx context.Context, id string) (job.Job, error) {
	j, ok, cacheErr := h.cache.Get(ctx, id)
	if ok && j.Believable(time.Now()) {
		return j, nil
	}
	if cacheErr != nil {
		h.log.WarnContext(ctx, "cache not read", "job_id", id, "error", cacheErr.Error())
	}
	store, err := h.store()
	if err != nil {
		return job.Job{}, err
	}
	if j, err = store.Get(ctx, id); err != nil || cacheErr != nil {
		return j, err
	}
	h.cache.Publish(ctx, j)
	return j, nil
}
