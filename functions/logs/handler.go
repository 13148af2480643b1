package main

import (
	"context"
	"log/slog"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/links"
	"siesta/shared/logs"
	"siesta/shared/lookup"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
)

type handler struct {
	log   *slog.Logger
	cache *redis.Cache
	store func() (*jobs.Store, error) // opened by the first call that needs it
	links links.Opener
	logs  logs.Reader
}

const linkRoute = "GET /p/{token}/logs"

// serve answers GET /api/generation/{job_id}/logs, and GET /p/{token}/logs in the same
// way.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	find := h.owned
	if r.RouteKey == linkRoute {
		find = h.linked
	}
	j, err := find(ctx, r)
	if err != nil {
		return api.Answer{}, err
	}
	asked := r.QueryStringParameters
	q, err := logs.ParseQuery(asked["after"], asked["before"], asked["limit"])
	if err != nil {
		return api.Answer{}, err
	}
	page, err := h.logs.Page(ctx, j, q)
	if err != nil {
		return api.Answer{}, err
	}
	h.cache.Watch(ctx, j)
	return api.Logs(j, page), nil
}

// owned is the caller's job. Another user's is as one that does not exist.
func (h handler) owned(ctx context.Context, r api.Request) (job.Job, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return job.Job{}, err
	}
	j, err := lookup.Jobs{Log: h.log, Cache: h.cache, Store: h.store}.Known(ctx, id)
	if err != nil {
		return job.Job{}, err
	}
	return j, j.CheckOwner(user)
}

// linked is the job that a link leads to. A link that does not show the log has no such
// page.
func (h handler) linked(ctx context.Context, r api.Request) (job.Job, error) {
	t, err := h.links.Open(ctx, r.PathParameters["token"])
	if err != nil {
		return job.Job{}, err
	}
	if !t.Link.Logs {
		return job.Job{}, job.ErrNoLink
	}
	return t.Job, nil
}
