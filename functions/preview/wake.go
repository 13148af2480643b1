package main

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
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
	if intent == job.Viewing {
		result, err := h.waker.Prolong(ctx, read)
		return result, forVisitors(err)
	}
	if h.perHour > 0 && describe(t.job, time.Now()).State == stateAsleep {
		n, err := h.waker.Cache.CountWake(ctx, t.share.ID, t.job)
		if err != nil { // the owner's own limit holds
			h.log.WarnContext(ctx, "wake not counted", "share_id", t.share.ID, "error", err)
		}
		if n > h.perHour {
			return wake.Result{}, &job.LimitError{Reason: fmt.Sprintf("This link has woken previews as often as it may in an hour: %d", h.perHour), RetryAfter: time.Hour}
		}
	}
	result, err := h.waker.Wake(ctx, false, read)
	return result, forVisitors(err)
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
