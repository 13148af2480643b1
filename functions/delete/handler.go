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
	"siesta/shared/redis"
	"siesta/shared/s3"
	"siesta/shared/sqs"
)

const (
	// answerTime is how long E2B, and then the store, may take over a call: the
	// caller is waiting, and what they do not answer in that time is reconcile's.
	answerTime = 8 * time.Second
	// askAgain is when a caller who wants to know may ask again.
	askAgain = 5 * time.Second
)

type handler struct {
	log    *slog.Logger
	store  *jobs.Store
	cache  *redis.Cache
	builds *sqs.Queue
	e2b    *e2b.Client
	stack  string    // value of job.TagStack on our sandboxes
	kept   *s3.Store // nil: no code is kept

	logStore *s3.Store // nil: no log is kept
}

// response is the body of a 202.
type response struct {
	JobID   string `json:"job_id"`
	Message string `json:"message"`
}

// serve answers DELETE /api/generation/{job_id}: 204 when nothing of the version
// is left, 202 while something may be. From the first of either on it is not there
// for any other route.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	user, id, err := api.Caller(r)
	if err != nil {
		return api.Answer{}, err
	}
	j, err := h.store.Get(ctx, id)
	if err != nil {
		return api.Answer{}, err
	}
	if j.UserID != user {
		return api.Answer{}, job.ErrForeign
	}
	if j.DeletedAt.IsZero() {
		if j, err = h.record(ctx, j); err != nil {
			return api.Answer{}, err
		}
		h.log.InfoContext(ctx, "version deleted", "sandbox_id", j.SandboxID)
		if j.GivesBack() {
			if err := h.builds.SendBuild(sqs.WithCorrelation(ctx, r.RequestContext.RequestID), sqs.Turn(j), 0); err != nil {
				h.log.WarnContext(ctx, "build message not sent", "error", err) // its next turn is on its way, or reconcile sends one
			}
		}
	}
	// Nobody may be told of it once this has answered.
	if err := h.cache.Erase(ctx, j); err != nil {
		return api.Answer{}, err
	}
	if err := errors.Join(h.kill(ctx, j), h.forget(ctx, j)); err != nil {
		h.log.WarnContext(ctx, "version is not gone yet", "sandbox_id", j.SandboxID, "error", err)
		return api.Answer{Status: http.StatusAccepted, Body: response{JobID: id, Message: "The version is being deleted"}, RetryAfter: askAgain}, nil
	}
	return api.Answer{Status: http.StatusNoContent}, nil
}

// record marks the job as deleted. One that is under way is cancelled first: its
// builder finds out at its next write.
func (h handler) record(ctx context.Context, j job.Job) (job.Job, error) {
	if !j.Status.Terminal() {
		_, err := h.store.Cancel(ctx, j.ID, "Deleted by user", job.NewID())
		switch {
		case err == nil:
			metrics.Count(ctx, metrics.JobsCancelled, 1)
		case !errors.Is(err, job.ErrConflict):
			return job.Job{}, err
		}
	}
	deleted, err := h.store.Delete(ctx, j.ID)
	if errors.Is(err, job.ErrConflict) { // another call was faster
		deleted, err = h.store.Get(ctx, j.ID)
		if err == nil && deleted.DeletedAt.IsZero() {
			err = job.ErrConflict
		}
	}
	return deleted, err
}

var (
	errCreating  = errors.New("a sandbox may still be created")
	errGivesBack = errors.New("the version before is still being put back")
)

// kill ends the sandbox, if it is one of ours, and this version's.
func (h handler) kill(ctx context.Context, j job.Job) error {
	switch {
	case j.GivesBack():
		return errGivesBack
	case j.SandboxState == job.SandboxMoved:
		return nil
	}
	if j.SandboxID == "" {
		if !j.CreateSentAt.IsZero() && j.ReadAt.Sub(j.CreateSentAt) < job.Grace {
			return errCreating // whoever made it, or reconcile, kills it
		}
		return nil
	}
	calling, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := h.e2b.KillTagged(calling, j.SandboxID, map[string]string{job.TagStack: h.stack})
	if errors.Is(err, e2b.ErrNotOurs) {
		return nil
	}
	return err
}

// forget makes an end of the kept log and code.
func (h handler) forget(ctx context.Context, j job.Job) error {
	if j.SourceKey == "" {
		return nil
	}
	if j.Kept() && h.kept == nil {
		return fmt.Errorf("delete code: %w: this stack has no store", s3.ErrStore)
	}
	calling, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if h.logStore != nil {
		if err := h.logStore.Delete(calling, job.LogKey(j.UserID, j.ID)); err != nil {
			return err
		}
	}
	if j.Kept() {
		if err := h.kept.Delete(calling, j.SourceKey); err != nil {
			return err
		}
	}
	_, err := h.store.RecordCodeDeleted(ctx, j.ID)
	if errors.Is(err, job.ErrConflict) { // another call did
		return nil
	}
	return err
}
