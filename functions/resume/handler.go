package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"siesta/shared/api"
	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

// times bound a call.
type times struct {
	answer time.Duration // the whole of it: the caller waits
	send   time.Duration // from the wake's record until the connect is sent
	look   time.Duration // for E2B to tell when a run ends, and for a running app to answer
	record time.Duration // kept for what is recorded at its end
	silent time.Duration // until a cache that cannot be told is believed by nobody
}

// callTimes are the function's; the gateway gives 30 s. The cache's readers and
// Postgres need not agree on the time to the second.
var callTimes = times{
	answer: 25 * time.Second, send: 5 * time.Second, look: 2 * time.Second, record: 3 * time.Second,
	silent: job.SleepBelieved + time.Second,
}

const (
	// askAgain is when a caller whose preview is not up yet should come back.
	askAgain = 2 * time.Second
	// rereads bounds how often one call starts over because the row moved on.
	rereads = 4
)

type handler struct {
	log      *slog.Logger
	store    *jobs.Store
	cache    *redis.Cache
	pauses   *sqs.Queue
	e2b      *e2b.Client
	sealer   *secrets.Sealer
	limits   job.TierLimits
	wakeTime time.Duration // how long a resumed preview stays awake
	times    times
}

// serve answers POST /api/generation/{job_id}/resume. Another user's job is as
// one that does not exist.
func (h *handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, h.times.answer)
	defer cancel()
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
	var j job.Job
	for range rereads {
		if j, err = h.store.GetOwned(ctx, id, user); err != nil {
			return api.Answer{}, err
		}
		answer, err := h.resume(ctx, j, prolong)
		if !errors.Is(err, job.ErrConflict) { // else somebody was faster
			return answer, err
		}
	}
	return notYet(j), nil
}

// resume does what the row as it was read asks for. job.ErrConflict: it has
// changed.
func (h *handler) resume(ctx context.Context, j job.Job, prolong bool) (api.Answer, error) {
	owned := j.OpUntil.After(j.ReadAt)
	switch {
	case j.Status != job.Ready:
		return api.Answer{}, job.ErrNotReady
	case j.SandboxState == job.SandboxGone, j.SandboxState == job.SandboxNone:
		return api.Answer{}, job.ErrSandboxExpired
	case j.SandboxState == job.SandboxMoved:
		return api.Answer{}, h.store.WhereTo(ctx, j)
	case !h.store.Ours(j):
		return api.Answer{}, fmt.Errorf("%w: it belongs to another stack", job.ErrSandboxUnreachable)
	case j.SandboxState == job.SandboxRunning && !h.soon(j, prolong) && h.answers(ctx, j):
		return running(j), nil
	case j.SandboxState == job.SandboxPausing && owned,
		j.SandboxState == job.SandboxResuming && j.WaiterUntil.After(j.ReadAt):
		return notYet(j), nil
	case j.SandboxState == job.SandboxResuming && !j.PauseDueAt.After(j.ReadAt):
		// Whoever asks on and on must not keep awake what does not come up.
		if !owned {
			h.sendPause(ctx, j, 0)
		}
		return api.Answer{}, fmt.Errorf("%w: not up when it is due to sleep", job.ErrSandboxUnreachable)
	}
	var err error
	if j.SandboxState == job.SandboxResuming && owned {
		j, err = h.store.JoinResume(ctx, j)
	} else {
		j, err = h.store.TakeResume(ctx, j, jobs.Wake{Time: h.wakeTime, Limits: h.limits.For(j.Tier)})
	}
	if err != nil {
		return api.Answer{}, err
	}
	return h.bringUp(logging.With(ctx, "epoch", j.Epoch), j)
}

// soon reports whether a running preview is due to sleep, or E2B ends it, too soon
// to leave it as it is. What is not known may be near.
func (h *handler) soon(j job.Job, prolong bool) bool {
	margin := job.DueMargin
	if prolong {
		margin = h.wakeTime / 2 // longer, by job.MinWake
	}
	return !j.PauseDueAt.After(j.ReadAt.Add(margin)) || !j.SandboxExpiresAt.After(j.ReadAt.Add(job.DueMargin))
}

// answers reports whether visitors see the app, or its own failure, at one look.
func (h *handler) answers(ctx context.Context, j job.Job) bool {
	ctx, cancel := context.WithTimeout(ctx, h.times.look)
	defer cancel()
	return h.e2b.Probe(ctx, j.PreviewURL).Answered()
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
	return api.Answer{Status: http.StatusAccepted, Body: body, RetryAfter: askAgain}
}
