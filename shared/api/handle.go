// Package api owns the JSON contract of the HTTP routes: identity and input
// out of an API Gateway HTTP API event (payload format 2.0), the answer back
// into one, and the table that gives a function's errors their statuses and
// safe words. It knows no store, no queue and no route: which paths exist
// is told by template.yaml, what they do by the functions.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
)

// Request and Response are the events of API Gateway.
type (
	Request  = events.APIGatewayV2HTTPRequest
	Response = events.APIGatewayV2HTTPResponse
)

// Answer is what a function has to say when it succeeded.
type Answer struct {
	Status     int
	Body       any               // written as JSON; nil: there is none
	Page       string            // HTML, in place of Body
	Header     map[string]string // beside what every answer has, by names in canonical form
	RetryAfter time.Duration     // in whole seconds; 0: no such header
}

// margin is kept of the invocation's time to write an answer after the
// function's own calls have run out of theirs.
const margin = 500 * time.Millisecond

// Handle makes a Lambda handler of serve. The handler's error is always nil:
// each error of serve, a panic too, becomes an answer by the table in
// errors.go, and is logged with the debug_id that the caller gets to see. The
// context of serve ends shortly before the invocation does, and its log lines
// carry the gateway's request id, as correlation_id, and the job of the path. What
// serve counts in it is written as one line.
func Handle(log *slog.Logger, serve func(context.Context, Request) (Answer, error)) func(context.Context, Request) (Response, error) {
	return func(ctx context.Context, r Request) (Response, error) {
		if end, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, end.Add(-margin))
			defer cancel()
		}
		about := append(make([]any, 0, 4), "correlation_id", r.RequestContext.RequestID)
		if id, err := JobID(r); err == nil {
			about = append(about, "job_id", id)
		}
		ctx = metrics.Gather(logging.With(ctx, about...))
		defer metrics.Write(ctx, log, "metrics")
		answer, err := guard(ctx, r, serve)
		if err == nil {
			if answer.Page != "" {
				return respond(r, answer, "text/html; charset=utf-8", answer.Page), nil
			}
			var body []byte
			if answer.Body != nil {
				body, err = json.Marshal(answer.Body)
			}
			if err == nil {
				return respond(r, answer, "application/json", string(body)), nil
			}
		}
		return fail(ctx, log, r, err), nil
	}
}

// panicError is a panic of a function, with the place where it happened.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

func guard(ctx context.Context, r Request, serve func(context.Context, Request) (Answer, error)) (answer Answer, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	return serve(ctx, r)
}

func respond(r Request, a Answer, kind, body string) Response {
	headers := map[string]string{
		"Cache-Control":          "no-store",
		"X-Content-Type-Options": "nosniff",
	}
	if body != "" {
		headers["Content-Type"] = kind
	}
	if a.RetryAfter > 0 {
		seconds := (a.RetryAfter + time.Second - 1) / time.Second
		headers["Retry-After"] = strconv.FormatInt(int64(seconds), 10)
	}
	if a.Status == http.StatusUnauthorized {
		headers["WWW-Authenticate"] = "Bearer"
	}
	if id := r.RequestContext.RequestID; id != "" {
		headers["X-Request-Id"] = id // also in the gateway's access log
	}
	maps.Copy(headers, a.Header)
	return Response{StatusCode: a.Status, Headers: headers, Body: body}
}

func fail(ctx context.Context, log *slog.Logger, r Request, err error) Response {
	row := lookup(err)
	debugID := noteFailure(ctx, log, r, err, row.status)
	body, _ := json.Marshal(row.body(debugID)) // texts only: it cannot fail
	return respond(r, Answer{Status: row.status, RetryAfter: row.retryAfter}, "application/json", string(body))
}

// Explain logs an error as Handle does, for who answers it with a page of its own:
// what may be told of it, and the debug_id that leads to the log's line.
func Explain(ctx context.Context, log *slog.Logger, r Request, err error) (told Told, debugID string) {
	row := lookup(err)
	return Told{Err: err, Status: row.status, Message: row.message, RetryAfter: row.retryAfter}, noteFailure(ctx, log, r, err, row.status)
}

func noteFailure(ctx context.Context, log *slog.Logger, r Request, err error, status int) (debugID string) {
	debugID = job.NewID()
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	log.LogAttrs(ctx, level, "request failed",
		slog.Int("status", status),
		slog.String("debug_id", debugID),
		slog.String("route", r.RouteKey),
		slog.String("error", err.Error()))
	return debugID
}
