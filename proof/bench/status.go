package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/local/e2bsim"
	"siesta/local/runtimeapi"
	"siesta/local/stack"
)

// status holds a warm answer from the cache against the bare command.
func (b *bench) status(ctx context.Context) ([]row, error) {
	found, err := benchmark{"./functions/status", "Warm", "1000x", max(b.rounds/2, 3), 1}.run(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := found.durations("Warm/status ns/op", time.Nanosecond)
	if err != nil {
		return nil, err
	}
	floor, err := found.durations("Warm/HGETALL ns/op", time.Nanosecond)
	if err != nil {
		return nil, err
	}
	note := fmt.Sprintf("%.0f allocations, %.0f bytes; the bare HGETALL: %.0f, %.0f",
		median(found["Warm/status allocs/op"]), median(found["Warm/status B/op"]),
		median(found["Warm/HGETALL allocs/op"]), median(found["Warm/HGETALL B/op"]))
	return []row{times("status, warm, cache hit", answer, floor, 1.3, note)}, nil
}

// start holds the start of the status function, until it polls and until it has
// answered from the cache, against the smallest Lambda's until it polls.
func (b *bench) start(ctx context.Context) ([]row, error) {
	s, err := b.open(ctx, func(c *stack.Config) { c.E2B = idle })
	if err != nil {
		return nil, err
	}
	defer s.Close()
	j, err := s.ready(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.cache.Put(ctx, j); err != nil {
		return nil, err
	}
	event, err := json.Marshal(statusEvent(j.UserID, j.ID))
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	env := map[string]string{"REDIS_URL": s.RedisURL, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"} // only the cache can answer
	f := runtimeapi.Function{Name: "cached", Path: b.bootstrap("status"), Env: env}
	c, err := b.coldStarts(ctx, s, f, event, `"statusCode":200`, func() error { return nil })
	if err != nil {
		return nil, err
	}
	return []row{
		times("status, process start to its first poll", c.poll, c.floor, 1.5, ""),
		times("status, process start to its first cached answer", c.answer, c.floor, 2, ""),
	}, nil
}

// idle makes sandboxes in which nothing runs, and a pause that takes as long as
// one of E2B's does.
func idle(c *e2bsim.Config) { c.Backend, c.PauseLatency = e2bsim.Idle{}, 150*time.Millisecond }

func statusEvent(user, id string) events.APIGatewayV2HTTPRequest {
	var r events.APIGatewayV2HTTPRequest
	r.RouteKey = "GET /api/generation/{job_id}/status"
	r.PathParameters = map[string]string{"job_id": id}
	r.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
		JWT: &events.APIGatewayV2HTTPRequestContextAuthorizerJWTDescription{Claims: map[string]string{"sub": user}},
	}
	return r
}
