package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/links"
	"siesta/shared/page"
	"siesta/shared/redis"
	"siesta/shared/sqs"
	"siesta/shared/wake"
)

type handler struct {
	log     *slog.Logger
	links   links.Opener
	waker   *wake.Waker
	allowed redis.Allowance
	pages   page.Pages
}

// serve answers POST /p/{token}/wake. A form, which a page without scripts sends, is
// answered with the way back to the page, or with a page about an error that the page
// itself does not tell of.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	answer, err := h.wake(sqs.WithCorrelation(ctx, r.RequestContext.RequestID), r)
	switch {
	case !isForm(r) || err == nil:
		return answer, err
	case errors.Is(err, job.ErrNotReady), errors.Is(err, job.ErrMoved), errors.Is(err, job.ErrSandboxExpired):
		return back(r), nil
	default:
		return h.pages.Failed(ctx, h.log, r, err), nil
	}
}

func (h handler) wake(ctx context.Context, r api.Request) (api.Answer, error) {
	if !sameSite(r) {
		return api.Answer{}, job.ErrCrossSite
	}
	intent, err := intentOf(r)
	if err != nil {
		return api.Answer{}, err
	}
	t, err := h.links.Open(ctx, r.PathParameters["token"])
	if err != nil {
		return api.Answer{}, err
	}
	result, err := h.act(ctx, t, intent)
	if err != nil {
		return api.Answer{}, links.OrEnded(err)
	}
	v := page.Describe(result.Job, result.Job.ReadAt)
	switch {
	case isForm(r):
		return back(r), nil
	case intent == job.Click && !result.Up:
		return api.Answer{Status: http.StatusAccepted, Body: v, RetryAfter: wake.AskAgain}, nil
	default:
		return api.Answer{Status: http.StatusOK, Body: v, RetryAfter: v.Again()}, nil
	}
}

// back is the way back to the page.
func back(r api.Request) api.Answer {
	return api.Answer{Status: http.StatusSeeOther, Header: map[string]string{"Location": page.PathOf(r)}}
}
