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
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/sqs"
)

// answerTime is how long E2B may take over a call: the caller is waiting, and
// what it does not answer in that time is reconcile's.
const answerTime = 8 * time.Second

type handler struct {
	log    *slog.Logger
	store  *jobs.Store
	builds *sqs.Queue
	e2b    *e2b.Client
	stack  string // value of job.TagStack on our sandboxes
}

// response is the body of the answer. The job's status is failed.
type response struct {
	JobID   string `json:"job_id"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

// serve answers POST /api/generation/{job_id}/cancel. The job has ended when
// the row says so; its sandbox ends now, or by reconcile. One that it took from an
// earlier version goes back there, by its builder.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return api.Answer{}, err
	}
	if _, err := h.store.GetOwned(ctx, id, user); err != nil {
		return api.Answer{}, err
	}
	j, err := h.store.Cancel(ctx, id, "Cancelled by user", job.NewID())
	if errors.Is(err, job.ErrConflict) {
		return api.Answer{}, job.ErrTerminal
	}
	if err != nil {
		return api.Answer{}, err
	}
	metrics.Count(ctx, metrics.JobsCancelled, 1)
	h.log.InfoContext(ctx, "job cancelled", "debug_id", j.DebugID)
	if j.GivesBack() {
		if err := h.builds.SendBuild(sqs.WithCorrelation(ctx, r.RequestContext.RequestID), sqs.Turn(j), 0); err != nil {
			h.log.WarnContext(ctx, "build message not sent", "error", err) // its next turn is on its way, or reconcile sends one
		}
	} else if j.SandboxState == job.SandboxRunning {
		if err := h.kill(ctx, j); err != nil {
			h.log.WarnContext(ctx, "sandbox not killed", "sandbox_id", j.SandboxID, "error", err)
		}
	}
	return api.Answer{Status: http.StatusOK, Body: response{JobID: id, Status: "cancelled", Message: "Build cancelled"}}, nil
}

// kill ends the sandbox of a cancelled job, if it is one of ours: a copy of the
// database names sandboxes that belong to the original.
func (h handler) kill(ctx context.Context, j job.Job) error {
	calling, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := h.e2b.KillTagged(calling, j.SandboxID, map[string]string{job.TagStack: h.stack}); err != nil {
		return err
	}
	_, err := h.store.RecordKilled(ctx, j.ID, j.SandboxID)
	if errors.Is(err, job.ErrConflict) { // the builder or reconcile was faster
		return nil
	}
	if err != nil {
		return fmt.Errorf("record kill: %w", err)
	}
	return nil
}
