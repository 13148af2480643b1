package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/postgres/jobs"
	"siesta/shared/sqs"
)

// rereads bounds how often one call starts over because the row moved on.
const rereads = 4

type handler struct {
	log    *slog.Logger
	store  *jobs.Store
	pauses *sqs.Queue
}

// response is the body of the answer. Paused is the truth at this moment, not a
// promise.
type response struct {
	JobID  string `json:"job_id"`
	Paused bool   `json:"paused"`
}

// serve answers POST /api/generation/{job_id}/snapshot.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return api.Answer{}, err
	}
	ctx = sqs.WithCorrelation(ctx, r.RequestContext.RequestID)
	for range rereads {
		j, err := h.store.GetOwned(ctx, id, user)
		if err != nil {
			return api.Answer{}, err
		}
		answer, err := h.snapshot(ctx, j)
		if !errors.Is(err, job.ErrConflict) {
			return answer, err
		} // else it changed since it was read
	}
	return api.Answer{}, job.ErrConflict
}

// snapshot answers for the state that was read. It wakes nothing.
func (h handler) snapshot(ctx context.Context, j job.Job) (api.Answer, error) {
	switch {
	case j.Status != job.Ready:
		return api.Answer{}, job.ErrNotReady
	case j.SandboxState == job.SandboxGone, j.SandboxState == job.SandboxNone:
		return api.Answer{}, job.ErrSandboxExpired
	case j.SandboxState == job.SandboxMoved:
		return api.Answer{}, h.store.WhereTo(ctx, j)
	case !h.store.Ours(j): // nobody here would pause it
		return api.Answer{}, fmt.Errorf("%w: it belongs to another stack", job.ErrSandboxUnreachable)
	case j.SandboxState == job.SandboxPaused:
		return api.Answer{Status: http.StatusOK, Body: response{JobID: j.ID, Paused: true}}, nil
	case j.SandboxState == job.SandboxPausing:
		return api.Answer{Status: http.StatusAccepted, Body: response{JobID: j.ID}}, nil
	case j.SandboxState == job.SandboxResuming:
		return api.Answer{}, job.ErrSandboxBusy
	default:
		return h.request(ctx, j)
	}
}

// request makes the pause due, then asks for it. Without the message reconcile
// asks, a minute later.
func (h handler) request(ctx context.Context, j job.Job) (api.Answer, error) {
	j, err := h.store.RequestPause(ctx, j.ID)
	if err != nil {
		return api.Answer{}, err
	}
	if err := h.pauses.SendPause(ctx, sqs.Pause(j), 0); err != nil {
		h.log.WarnContext(ctx, "pause message not sent", "error", err)
	}
	return api.Answer{Status: http.StatusAccepted, Body: response{JobID: j.ID}}, nil
}
