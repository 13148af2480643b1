package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/postgres/shares"
	"siesta/shared/redis"
	"siesta/shared/secrets"
)

type handler struct {
	log    *slog.Logger
	store  *jobs.Store
	shares *shares.Store
	cache  *redis.Cache
	links  *secrets.Links
}

type response struct {
	ShareURL  string `json:"share_url"`
	ExpiresAt string `json:"expires_at"` // RFC 3339, UTC
}

// serve answers /api/generation/{job_id}/share by the gateway's route.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return api.Answer{}, err
	}
	if r.RouteKey == "DELETE /api/generation/{job_id}/share" {
		return h.end(ctx, user, id)
	}
	body, err := api.Body(r)
	if err != nil {
		return api.Answer{}, err
	}
	wish, err := job.ParseLinkRequest(body)
	if err != nil {
		return api.Answer{}, err
	}
	j, err := h.store.GetOwned(ctx, id, user)
	if err != nil {
		return api.Answer{}, err
	}
	share, err := h.shares.Make(ctx, user, j.ProjectID)
	if err != nil {
		return api.Answer{}, err
	}
	link := job.Link{Follow: wish.Follow, Logs: wish.Logs, Share: share.ID, Number: share.Number, Ends: time.Now().Add(wish.Life).Truncate(time.Second)}
	if wish.Follow == job.FollowJob {
		link.JobID = j.ID
	}
	token, err := h.links.Sign(ctx, link)
	if err != nil {
		return api.Answer{}, err
	}
	h.log.InfoContext(ctx, "preview shared", "project_id", j.ProjectID, "follow", string(link.Follow), "logs", link.Logs, "ends", link.Ends) // not the token: it opens
	return api.Answer{Status: http.StatusCreated, Body: response{
		ShareURL: api.Origin(r) + "/p/" + token, ExpiresAt: link.Ends.UTC().Format(time.RFC3339),
	}}, nil
}

// end ends all links of the job's project. An answer other than 204: they may live on
// for job.ShareBelieved, since the cache could not be told.
func (h handler) end(ctx context.Context, user, id string) (api.Answer, error) {
	j, err := h.store.GetOwned(ctx, id, user)
	if err != nil {
		return api.Answer{}, err
	}
	share, err := h.shares.End(ctx, user, j.ProjectID)
	if errors.Is(err, job.ErrNotFound) { // there is no link
		return api.Answer{Status: http.StatusNoContent}, nil
	}
	if err != nil {
		return api.Answer{}, err
	}
	h.log.InfoContext(ctx, "links ended", "project_id", j.ProjectID, "number", share.Number)
	if err := h.cache.EndShare(ctx, share); err != nil {
		return api.Answer{}, err
	}
	return api.Answer{Status: http.StatusNoContent}, nil
}
