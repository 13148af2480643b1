package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/cfn"
)

// handler answers an invocation by hand, and one by CloudFormation.
type handler struct {
	migrator migrator
	client   *http.Client // for the answer to CloudFormation
}

// request is what is passed by hand; {} means up.
//
//	{"action": "up"}                      apply what is missing
//	{"action": "version"}                 say where the database is
//	{"action": "force", "version": 4}     declare a dirty database to be at 4
//	{"action": "down", "from": 4}         take migration 4 back, and what it held with it
type request struct {
	Action  string `json:"action"`
	Version *int   `json:"version"`
	From    *int   `json:"from"`
}

var errOutOfTime = errors.New("there was not enough time: invoke the function again, it goes on where it stopped")

// Handle tells the two kinds of events apart. Its error is for whoever invoked
// the function by hand.
func (h handler) Handle(ctx context.Context, event json.RawMessage) (report, error) {
	var resource cfn.Event
	if err := json.Unmarshal(event, &resource); err == nil && resource.RequestType != "" {
		return h.resource(ctx, resource)
	}
	var r request
	d := json.NewDecoder(bytes.NewReader(event))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return report{}, fmt.Errorf(`read event: %w: it must be like {"action":"up"}`, err)
	}
	return inTime(ctx, func(ctx context.Context) (report, error) { return h.run(ctx, r) })
}

func (h handler) run(ctx context.Context, r request) (report, error) {
	switch {
	case r.Action == "" || r.Action == "up":
		return h.migrator.up(ctx)
	case r.Action == "version":
		return h.migrator.where(ctx)
	case r.Action == "force" && r.Version != nil:
		return h.migrator.force(ctx, *r.Version)
	case r.Action == "down" && r.From != nil:
		return h.migrator.down(ctx, *r.From)
	default:
		return report{}, errors.New(`unknown action: it must be {"action":"up"}, {"action":"version"}, ` +
			`{"action":"force","version":N} or {"action":"down","from":N}`)
	}
}

// inTime ends f in four fifths of the invocation's time, and gives up on it a
// little later: golang-migrate takes no context, and a database that went
// silent must not leave CloudFormation without an answer.
func inTime(ctx context.Context, f func(context.Context) (report, error)) (report, error) {
	left := 5 * time.Minute
	if end, ok := ctx.Deadline(); ok {
		left = time.Until(end)
	}
	work, cancelWork := context.WithTimeout(ctx, left*4/5)
	defer cancelWork()
	wait, cancelWait := context.WithTimeout(ctx, left*9/10)
	defer cancelWait()

	type outcome struct {
		report report
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		r, err := f(work)
		done <- outcome{r, err}
	}()
	select {
	case o := <-done:
		return o.report, o.err
	case <-wait.Done():
		return report{}, fmt.Errorf("the database did not answer: %w", errOutOfTime)
	}
}

// parseURL reads DATABASE_URL. Its errors hold nothing of it.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("must be postgres://user@host:port/database")
	}
	if strings.Contains(u.Hostname(), ".proxy-") {
		return nil, errors.New("must name the database itself, not an RDS proxy: migrations hold a session lock")
	}
	return u, nil
}
