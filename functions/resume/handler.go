package main

import (
	"context"
	"net/http"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/sqs"
	"siesta/shared/wake"
)

type handler struct{ waker *wake.Waker }

// serve answers POST /api/generation/{job_id}/resume. Another user's job is as
// one that does not exist.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return api.Answer{}, err
	}
	body, err := api.Body(r)
	if err != nil {
		return api.Answer{}, err
	}
	prolong, err := job.ParseProlong(body)
	if err != nil {
		return api.Answer{}, err
	}
	ctx = sqs.WithCorrelation(ctx, r.RequestContext.RequestID)
	result, err := h.waker.Wake(ctx, prolong, func(ctx context.Context) (job.Job, error) { return h.waker.Store.GetOwned(ctx, id, user) })
	switch {
	case err != nil:
		return api.Answer{}, err
	case result.Up:
		return running(result.Job), nil
	default:
		return notYet(result.Job), nil
	}
}

// resumed and pending are the answers' bodies.
type resumed struct {
	JobID            string     `json:"job_id"`
	Status           job.Status `json:"status"`
	PreviewURL       string     `json:"preview_url"`
	SandboxID        string     `json:"sandbox_id"`
	SandboxExpiresAt string     `json:"sandbox_expires_at"` // RFC 3339, UTC
	AwakeUntil       string     `json:"awake_until"`        // RFC 3339, UTC
	SandboxPaused    bool       `json:"sandbox_paused"`
}

type pending struct {
	JobID        string           `json:"job_id"`
	Status       string           `json:"status"` // resuming
	SandboxState job.SandboxState `json:"sandbox_state"`
}

func running(j job.Job) api.Answer {
	return api.Answer{Status: http.StatusOK, Body: resumed{
		JobID: j.ID, Status: j.Status, PreviewURL: j.PreviewURL, SandboxID: j.SandboxID,
		SandboxExpiresAt: j.SandboxExpiresAt.UTC().Format(time.RFC3339), AwakeUntil: j.PauseDueAt.UTC().Format(time.RFC3339),
		SandboxPaused: j.SandboxPaused,
	}}
}

func notYet(j job.Job) api.Answer {
	body := pending{JobID: j.ID, Status: "resuming", SandboxState: j.SandboxState}
	return api.Answer{Status: http.StatusAccepted, Body: body, RetryAfter: wake.AskAgain}
}
