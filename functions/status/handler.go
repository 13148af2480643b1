package main

import (
	"context"
	"log/slog"

	"siesta/shared/api"
	"siesta/shared/lookup"
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
	j, err := lookup.Jobs{Log: h.log, Cache: h.cache, Store: h.store}.Find(ctx, id)
	if err != nil {
		return api.Answer{}, err
	}
	if err := j.CheckOwner(user); err != nil {
		return api.Answer{}, err
	}
	return api.Status(j), nil
}
