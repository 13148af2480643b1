package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/runtimeapi"
	"siesta/local/sqssim"
	"siesta/local/stack"
	"siesta/shared/job"
	"siesta/shared/postgres/shares"
	"siesta/shared/secrets"
)

// preview holds the start of the preview function, until it polls and until it has
// shown a page from the cache, against the smallest Lambda's until it polls.
func (b *bench) preview(ctx context.Context) ([]row, error) {
	s, err := b.open(ctx, func(c *stack.Config) { c.E2B = idle })
	if err != nil {
		return nil, err
	}
	defer s.Close()
	j, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	share, err := shares.NewStore(s.db).Make(ctx, j.UserID, j.ProjectID)
	if err != nil {
		return nil, err
	}
	event, err := pageEvent(ctx, share)
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"REDIS_URL": s.RedisURL, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", // only the cache can answer
		"STACK_TAG": benchStack, "SEAL_KEY": benchKey, "E2B_API_KEY": "none", "PAUSE_QUEUE_URL": s.PauseQueueURL,
		"AWS_REGION": sqssim.ClientEnv("AWS_REGION"), "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none",
	}
	c, err := b.coldStarts(ctx, s, runtimeapi.Function{Name: "page", Path: b.bootstrap("preview"), Env: env}, event, "This preview is asleep", func() error {
		s.cache.Publish(ctx, j)
		s.cache.PublishCurrent(ctx, j, "")
		return s.cache.PutShare(ctx, share) // it is believed for a minute
	})
	if err != nil {
		return nil, err
	}
	warm, err := b.warmPage(ctx)
	return []row{
		times("preview, process start to its first poll", c.poll, c.floor, 1.5, ""),
		times("preview, process start to its first page from the cache", c.answer, c.floor, 2, "the floor of both is the smallest Lambda's start to its first poll"),
		warm,
	}, err
}

// warmPage holds a page of a warm function against the bare reads that it takes.
func (b *bench) warmPage(ctx context.Context) (row, error) {
	found, err := benchmark{"./functions/preview", "Warm", "1000x", max(b.rounds/2, 3), 1}.run(ctx)
	if err != nil {
		return row{}, err
	}
	page, err := found.durations("Warm/page ns/op", time.Nanosecond)
	if err != nil {
		return row{}, err
	}
	reads, err := found.durations("Warm/reads ns/op", time.Nanosecond)
	if err != nil {
		return row{}, err
	}
	note := fmt.Sprintf("%.0f allocations, %.0f bytes; the floor is the bare HGETALL, GET and HGETALL that it takes",
		median(found["Warm/page allocs/op"]), median(found["Warm/page B/op"]))
	return times("preview, warm, a page from the cache", page, reads, 2, note), nil
}

const benchStack = "bench"

var benchKey = strings.Repeat("0123456789abcdef", 4)

// pageEvent asks for the page of a link to a project.
func pageEvent(ctx context.Context, share job.Share) ([]byte, error) {
	keys, err := secrets.NewSealer(secrets.Fixed(benchKey))
	if err != nil {
		return nil, err
	}
	link := job.Link{Follow: job.FollowProject, Share: share.ID, Number: share.Number, Ends: time.Now().Add(time.Hour)}
	token, err := secrets.NewLinks(keys, benchStack).Sign(ctx, link)
	if err != nil {
		return nil, err
	}
	event, err := json.Marshal(events.APIGatewayV2HTTPRequest{RouteKey: "GET /p/{token}", PathParameters: map[string]string{"token": token}})
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return event, nil
}
