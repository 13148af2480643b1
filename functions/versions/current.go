package main

import (
	"context"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
)

// current answers GET /api/generation/current?project_id= with the status of the
// version that counts, from the cache where that knows it.
func (h handler) current(ctx context.Context, r api.Request) (api.Answer, error) {
	user, project, err := ofProject(r)
	if err != nil {
		return api.Answer{}, err
	}
	id, cacheErr := h.cache.Current(ctx, user, project)
	if cacheErr == nil && id != "" {
		var j job.Job
		var ok bool
		if j, ok, cacheErr = h.cache.Get(ctx, id); ok && j.Believable(time.Now()) && j.Status == job.Ready && j.CheckOwner(user) == nil {
			return api.Status(j), nil
		}
	}
	if cacheErr != nil {
		h.log.WarnContext(ctx, "cache not read", "project_id", project, "error", cacheErr.Error())
	}
	j, err := h.store.Current(ctx, user, project)
	if err != nil {
		return api.Answer{}, err
	}
	if cacheErr == nil {
		h.cache.Publish(ctx, j)
		if j.ID != id {
			h.cache.PublishCurrent(ctx, j, id)
		}
	}
	return api.Status(j), nil
}
