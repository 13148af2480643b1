package main

import (
	"context"

	"siesta/shared/api"
	"siesta/shared/lookup"
	"siesta/shared/postgres/jobs"
)

// current answers GET /api/generation/current?project_id= with the status of the
// version that counts, from the cache where that knows it.
func (h handler) current(ctx context.Context, r api.Request) (api.Answer, error) {
	user, project, err := ofProject(r)
	if err != nil {
		return api.Answer{}, err
	}
	j, err := lookup.Jobs{Log: h.log, Cache: h.cache, Store: func() (*jobs.Store, error) { return h.store, nil }}.Current(ctx, user, project)
	if err != nil {
		return api.Answer{}, err
	}
	return api.Status(j), nil
}
