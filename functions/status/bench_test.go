package main

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"siesta/proof/functiontest"
	"siesta/proof/redistest"
	"siesta/shared/api"
)

// BenchmarkWarm holds a cached answer, from event to answer, against the bare
// command that fetches the whole hash.
func BenchmarkWarm(b *testing.B) {
	url := redistest.New(b)
	f := setup(b, url)
	j := f.cached(f.Set(f.accept().ID, isPaused))
	ctx := context.Background()

	b.Run("HGETALL", func(b *testing.B) {
		options, err := redis.ParseURL(url)
		if err != nil {
			b.Fatal(err)
		}
		client := redis.NewClient(options)
		defer client.Close()
		b.ReportAllocs()
		for b.Loop() {
			if m, err := client.HGetAll(ctx, "job:"+j.ID).Result(); err != nil || len(m) == 0 {
				b.Fatal(m, err)
			}
		}
	})
	b.Run("status", func(b *testing.B) {
		handle, r := api.Handle(f.log, f.serve), functiontest.JobRequest(route, alice, j.ID)
		b.ReportAllocs()
		for b.Loop() {
			if resp, err := handle(ctx, r); err != nil || resp.StatusCode != 200 {
				b.Fatal(resp, err)
			}
		}
	})
}
