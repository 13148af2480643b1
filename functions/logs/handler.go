package main

import (
	"context"
	"log/slog"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logs"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

type handler struct {
	log   *slog.Logger
	cache *redis.Cache
	store func() (*jobs.Store, error) // opened by the first call that needs it
	logs  logs.Reader
}

// serve answers GET /api/generation/{job_id}/logs. Another user's job is as one that
// does not exist.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return api.Answer{}, err
	}
	asked := r.QueryStringParameters
	q, err := logs.ParseQuery(asked["after"], asked["before"], asked["limit"])
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
	page, err := h.logs.Page(ctx, j, q)
	if err != nil {
		return api.Answer{}, err
	}
	return api.Logs(j, page), nil
}

// find asks the cache, then Postgres, for whose job it is, and whether it has
// finished. What the cache lacked it gets.
func (h handler) find(ctx context.Context, id string) (job.Job, error) {
	j, ok, cacheErr := h.cache.Get(ctx, id)
	if ok {
		return j, nil
	}
	if cacheErr != nil {
		h.log.WarnContext(ctx, "cache not read", "error", cacheErr.Error())
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
