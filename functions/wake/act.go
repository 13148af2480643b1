package main

import (
	"context"
	"errors"
	"time"

	"siesta/shared/job"
	"siesta/shared/links"
	"siesta/shared/postgres/jobs"
	"siesta/shared/wake"
)

// act wakes what the visitor clicked for, or prolongs what is awake.
func (h handler) act(ctx context.Context, t links.Target, intent job.Intent) (wake.Result, error) {
	read := func(ctx context.Context) (job.Job, error) {
		return h.waker.Store.GetOwned(ctx, t.Job.ID, t.Share.UserID)
	}
	var refused error // by the link's own limits
	waker := *h.waker
	waker.Allow = func(ctx context.Context, j job.Job, w jobs.Wake) error {
		refused = h.allow(ctx, t.Share, j, w)
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
	switch {
	case errors.As(err, &limit):
		return &job.LimitError{Reason: "This preview was woken, or kept awake, as often as its owner's plan allows for now; try again later", RetryAfter: limit.RetryAfter}
	case errors.Is(err, job.ErrWaking):
		return &job.LimitError{Reason: "Other previews of its owner's are being woken at this moment; try again", RetryAfter: time.Second}
	default:
		return err
	}
}
