package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logs"
	"siesta/shared/postgres/shares"
	"siesta/shared/redis"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
	"siesta/shared/wake"
)

type handler struct {
	log     *slog.Logger
	waker   *wake.Waker
	shares  *shares.Store
	links   *secrets.Links
	logs    logs.Reader
	allowed redis.Allowance
	page    page
}

// serve answers by the gateway's route. What a browser shows is a page, also where
// it is about an error.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	ctx = sqs.WithCorrelation(ctx, r.RequestContext.RequestID)
	switch r.RouteKey {
	case "GET /p/{token}/state":
		return h.state(ctx, r)
	case "GET /p/{token}/logs":
		return h.readLog(ctx, r)
	case "POST /p/{token}/wake":
		answer, err := h.wake(ctx, r)
		if err != nil && isForm(r) {
			return h.failed(ctx, r, err), nil
		}
		return answer, err
	case "GET /p/{token}":
		_, v, err := h.look(ctx, r)
		if err != nil {
			return h.failed(ctx, r, err), nil
		}
		return h.page.show(r, http.StatusOK, v), nil
	default:
		return api.Answer{}, job.ErrNoLink
	}
}

// failed is the page about an error. One that may pass leaves the visitor the button.
func (h handler) failed(ctx context.Context, r api.Request, err error) api.Answer {
	told, debugID := api.Explain(ctx, h.log, r, err)
	v := view{State: stateError, Title: "That did not work", Text: told.Message + "."}
	switch {
	case errors.Is(err, job.ErrNoLink):
		v.Title, v.Text = "There is no such page", "The address may have been cut short. Ask who sent it for the whole of it."
	case errors.Is(err, job.ErrLinkEnded):
		v.Title, v.Text = "This link is no longer available", "Ask who shared it for a new one."
	case told.Status >= http.StatusInternalServerError:
		v.Text += " If it happens again, say this number: " + debugID
		fallthrough
	case told.Status == http.StatusTooManyRequests:
		v.Button = "Try again"
	}
	answer := h.page.show(r, told.Status, v)
	answer.RetryAfter = told.RetryAfter
	return answer
}

// state answers GET /p/{token}/state: 304 where the page knows it all.
func (h handler) state(ctx context.Context, r api.Request) (api.Answer, error) {
	_, v, err := h.look(ctx, r)
	if err != nil {
		return api.Answer{}, err
	}
	answer := api.Answer{Status: http.StatusOK, Body: v, RetryAfter: v.again(), Header: map[string]string{"Etag": v.tag()}}
	if r.Headers["if-none-match"] == v.tag() {
		answer.Status, answer.Body = http.StatusNotModified, nil
	}
	return answer, nil
}

// look is what the request's link leads to, and what a visitor is shown of it.
func (h handler) look(ctx context.Context, r api.Request) (target, view, error) {
	t, err := h.open(ctx, r.PathParameters["token"])
	if err != nil {
		return target{}, view{}, err
	}
	v := describe(t.job, time.Now())
	if t.link.Logs && (v.State == stateBuilding || v.State == stateFailed) {
		v.Log = h.lastLines(ctx, t.job)
	}
	return t, v, nil
}
