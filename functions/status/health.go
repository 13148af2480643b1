package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"siesta/shared/api"
)

// healthBelieved is how long one look at the stores answers everybody: the route
// is open, and calls of it must cost the stores nothing.
const healthBelieved = 5 * time.Second

// health is what was seen last.
type health struct {
	mu       sync.Mutex
	until    time.Time
	degraded bool
	err      error
}

type healthBody struct {
	Status string `json:"status"` // ok or degraded
}

// health answers GET /api/health: ok when Postgres and the cache can be reached,
// degraded without the cache. Without Postgres the service is unavailable.
func (h handler) health(ctx context.Context) (api.Answer, error) {
	seen := h.seen
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if now := time.Now(); now.After(seen.until) {
		seen.err = h.reach(ctx)
		cacheErr := h.cache.Ping(ctx)
		seen.degraded, seen.until = cacheErr != nil, now.Add(healthBelieved)
		if cacheErr != nil {
			h.log.WarnContext(ctx, "cache not reached", "error", cacheErr.Error())
		}
	}
	body := healthBody{Status: "ok"}
	if seen.degraded {
		body.Status = "degraded"
	}
	return api.Answer{Status: http.StatusOK, Body: body}, seen.err
}

func (h handler) reach(ctx context.Context) error {
	store, err := h.store()
	if err != nil {
		return err
	}
	return store.Reach(ctx)
}
