package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/s3"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

// sourceLife is how long the address of a version's code is good.
const sourceLife = 15 * time.Minute

type handler struct {
	settings
	log    *slog.Logger
	store  *jobs.Store
	cache  *redis.Cache
	builds *sqs.Queue
	sealer *secrets.Sealer
	kept   *s3.Store // nil: no code is kept
}

// serve answers by the gateway's route.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	switch r.RouteKey {
	case "GET /api/generation":
		return h.list(ctx, r)
	case "GET /api/generation/current":
		return h.current(ctx, r)
	case "GET /api/generation/{job_id}/source":
		return h.source(ctx, r)
	case "POST /api/generation/{job_id}/rebuild":
		return h.rebuild(ctx, r)
	case "POST /api/generation/{job_id}/restore":
		return h.restore(ctx, r)
	default:
		return api.Answer{}, job.ErrNotFound
	}
}

// owned is the job of the path, if it is its caller's.
func (h handler) owned(ctx context.Context, r api.Request) (job.Job, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return job.Job{}, err
	}
	return h.store.GetOwned(ctx, id, user)
}

type sourceResponse struct {
	URL       string `json:"url"`
	ExpiresAt string `json:"expires_at"` // RFC 3339, UTC
}

// source tells where the code of a version may be read, for a while and by
// anybody who knows.
func (h handler) source(ctx context.Context, r api.Request) (api.Answer, error) {
	j, err := h.owned(ctx, r)
	if err != nil {
		return api.Answer{}, err
	}
	if !j.Kept() || h.kept == nil {
		return api.Answer{}, job.ErrNotKept
	}
	there, err := h.kept.Has(ctx, j.SourceKey)
	if err != nil {
		return api.Answer{}, err
	}
	if !there { // for longer than its bucket keeps anything
		return api.Answer{}, job.ErrNotKept
	}
	address, err := h.kept.Sign(ctx, j.SourceKey, sourceLife)
	if err != nil {
		return api.Answer{}, err
	}
	ends := time.Now().Add(sourceLife).UTC().Format(time.RFC3339)
	return api.Answer{Status: http.StatusOK, Body: sourceResponse{URL: address, ExpiresAt: ends}}, nil
}
