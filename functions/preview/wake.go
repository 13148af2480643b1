package main

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/wake"
)

// wake answers POST /p/{token}/wake. A form, which a page without scripts sends, is
// answered with the way back to the page.
func (h handler) wake(ctx context.Context, r api.Request) (api.Answer, error) {
	if !sameSite(r) {
		return api.Answer{}, job.ErrCrossSite
	}
	intent, err := intentOf(r)
	if err != nil {
		return api.Answer{}, err
	}
	t, err := h.open(ctx, r.PathParameters["token"])
	if err != nil {
		return api.Answer{}, err
	}
	result, err := h.act(ctx, t, intent)
	if err != nil {
		return api.Answer{}, orEnded(err)
	}
	v := describe(result.Job, result.Job.ReadAt)
	switch {
	case isForm(r):
		return api.Answer{Status: http.StatusSeeOther, Header: map[string]string{"Location": pathOf(r)}}, nil
	case intent == job.Click && !result.Up:
		return api.Answer{Status: http.StatusAccepted, Body: v, RetryAfter: wake.AskAgain}, nil
	default:
		return api.Answer{Status: http.StatusOK, Body: v, RetryAfter: v.again()}, nil
	}
}

// act wakes what the visitor clicked for, or prolongs what is awake.
func (h handler) act(ctx context.Context, t target, intent job.Intent) (wake.Result, error) {
	read := func(ctx context.Context) (job.Job, error) {
		return h.waker.Store.GetOwned(ctx, t.job.ID, t.share.UserID)
	}
	var refused error // by the link's own limits
	waker := *h.waker
	waker.Allow = func(ctx context.Context, j job.Job, w jobs.Wake) error {
		refused = h.allow(ctx, t.share, j, w)
		return refused
	}
	var result wake.Result
	var err error
	if intent == job.Viewing {
		result, err = waker.Prolong(ctx, read)
	} else {
		result, err = waker.Wake(ctx, false, read)
	}
	if refused != nil {
		return wake.Result{}, refused
	}
	return result, forVisitors(err)
}

// allow counts a wake that a visitor asks for against what the links of its share may.
// Where it cannot be counted, the owner's own limits hold alone.
func (h handler) allow(ctx context.Context, s job.Share, j job.Job, w jobs.Wake) error {
	wakes, awake := w.Grants(j)
	err := h.waker.Cache.Allow(ctx, s, j, h.allowed, wakes, awake)
	if err != nil && !errors.Is(err, job.ErrLimit) {
		h.log.WarnContext(ctx, "wake not counted", "share_id", s.ID, "error", err)
		return nil
	}
	return err
}

// forVisitors: the words of a limit of the owner's are for the owner.
func forVisitors(err error) error {
	var limit *job.LimitError
	if errors.As(err, &limit) {
		return &job.LimitError{Reason: "This preview was woken, or kept awake, as often as its owner's plan allows for now; try again later", RetryAfter: limit.RetryAfter}
	}
	return err
}

// sameSite reports whether a post came from the preview page itself. Browsers say so
// in a header that no page can set; the older ones say the origin, and our pages'
// forms none, because of their Referrer-Policy.
func sameSite(r api.Request) bool {
	if site := r.Headers["sec-fetch-site"]; site != "" {
		return site == "same-origin"
	}
	return r.Headers["origin"] == api.Origin(r)
}

const form = "application/x-www-form-urlencoded"

func isForm(r api.Request) bool { return contentType(r) == form }

func contentType(r api.Request) string {
	kind, _, err := mime.ParseMediaType(r.Headers["content-type"])
	if err != nil {
		return ""
	}
	return kind
}

func intentOf(r api.Request) (job.Intent, error) {
	body, err := api.Body(r)
	if err != nil {
		return "", err
	}
	switch contentType(r) {
	case "application/json":
		return job.ParseIntent(body)
	case form:
		values, err := url.ParseQuery(string(body))
		if err == nil && values.Get("intent") == string(job.Click) {
			return job.Click, nil
		}
	}
	return "", &job.InvalidError{Field: job.FieldBody, Reason: "must be JSON, or the page's own form"}
}
