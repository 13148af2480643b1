package main

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/links"
	"siesta/shared/page"
	"siesta/shared/postgres"
	"siesta/shared/postgres/shares"
	"siesta/shared/secrets"
)

// BenchmarkWarm holds a page that the cache alone tells, from event to answer, against
// the bare reads that it takes: the share, the version that counts, and its job.
func BenchmarkWarm(b *testing.B) {
	url := redistest.New(b)
	d := functiontest.NewDatabase(b)
	d.Cache = functiontest.Cache(b, url)
	log, ctx := slog.New(slog.DiscardHandler), context.Background()
	h := handler{
		log: log, pages: page.New(page.Config{View: time.Hour}), links: links.Opener{
			Log: log, Cache: d.Cache, Links: secrets.NewLinks(functiontest.Sealer(b), functiontest.Stack),
			DB: func() (*postgres.DB, error) { return d.DB, nil },
		},
	}
	j := d.Set(d.Accept(functiontest.NewJob()).ID, `status = 'ready', completed_at = now(), lease_until = NULL, sandbox_id = 'i1', sandbox_stack = '`+functiontest.Stack+`',
		sandbox_state = 'running', epoch = 1, preview_url = 'https://3000-i1.e2b.app', pause_due_at = now() + interval '1 hour', sandbox_expires_at = now() + interval '2 hours'`)
	share, err := shares.NewStore(d.DB).Make(ctx, j.UserID, j.ProjectID)
	d.OK(err)
	token, err := h.links.Links.Sign(ctx, job.Link{Follow: job.FollowProject, Share: share.ID, Number: share.Number, Ends: time.Now().Add(time.Hour)})
	d.OK(err)
	r := api.Request{RouteKey: "GET /p/{token}", PathParameters: map[string]string{"token": token}}
	handle := api.Handle(log, h.serve)
	for range 2 { // the first fills the cache
		if resp, err := handle(ctx, r); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(resp.Body, "<iframe") {
			b.Fatal(resp, err)
		}
	}

	b.Run("reads", func(b *testing.B) {
		options, err := redis.ParseURL(url)
		if err != nil {
			b.Fatal(err)
		}
		client := redis.NewClient(options)
		defer client.Close()
		keys := map[string][]string{}
		for _, kind := range []string{"share", "current", "job"} {
			if keys[kind], err = client.Keys(ctx, kind+":*").Result(); err != nil || len(keys[kind]) != 1 {
				b.Fatal(keys, err)
			}
		}
		b.ReportAllocs()
		for b.Loop() {
			s, err := client.HGetAll(ctx, keys["share"][0]).Result()
			if err != nil || len(s) == 0 {
				b.Fatal(s, err)
			}
			if _, err := client.Get(ctx, keys["current"][0]).Result(); err != nil {
				b.Fatal(err)
			}
			if m, err := client.HGetAll(ctx, keys["job"][0]).Result(); err != nil || len(m) == 0 {
				b.Fatal(m, err)
			}
		}
	})
	b.Run("page", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if resp, err := handle(ctx, r); err != nil || resp.StatusCode != http.StatusOK {
				b.Fatal(resp, err)
			}
		}
	})
}
