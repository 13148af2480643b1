package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"siesta/shared/e2b"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/redis"
	"siesta/shared/sqs"
)

// together is how many records of a batch are handled at the same time.
const together = 10

type handler struct {
	log      *slog.Logger
	store    *jobs.Store
	cache    *redis.Cache
	messages *sqs.Queue
	e2b      *e2b.Client
}

// Handle pauses the sandbox of each pause message. A record that is reported
// as failed comes again when its visibility ends.
func (h *handler) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	return h.messages.HandleBatch(ctx, event, sqs.Batch{Concurrency: together, Hide: job.MessageHidden}, h.record)
}

// record acknowledges by nil; any error has its meaning in the table of
// shared/sqs.
func (h *handler) record(ctx context.Context, r sqs.Record) error {
	m, err := sqs.DecodePause(r.Body)
	if err != nil {
		return err
	}
	ctx = metrics.Gather(logging.With(ctx, "epoch", m.Epoch))
	defer metrics.Write(ctx, h.log, "metrics")
	started := time.Now() // before the record: what it takes is not the call's
	j, err := h.store.TakePause(ctx, m.JobID, m.Epoch)
	if errors.Is(err, job.ErrConflict) {
		return h.untaken(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("take pause: %w", err)
	}
	published := h.cache.PublishBeside(ctx, j) // pausing claims no sleep yet
	sending, cancel := context.WithDeadline(ctx, started.Add(job.SendTime))
	defer cancel()
	err = h.e2b.Pause(sending, j.SandboxID)
	published()
	h.log.InfoContext(ctx, "pause", "sandbox_id", j.SandboxID, "took_ms", time.Since(started).Milliseconds(), "error", err)
	return h.answered(ctx, j, r, err)
}

// untaken says what becomes of a message whose pause could not be taken.
func (h *handler) untaken(ctx context.Context, m sqs.PauseMessage) error {
	j, err := h.store.Get(ctx, m.JobID)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return fmt.Errorf("%w: there is no job %s", job.ErrBadMessage, m.JobID)
	case err != nil:
		return err
	case j.Status != job.Ready, j.Epoch != m.Epoch, !h.store.Ours(j):
		return nil
	case j.SandboxState == job.SandboxPaused, j.SandboxState == job.SandboxGone, j.SandboxState == job.SandboxNone:
		return nil
	case j.OpUntil.After(j.ReadAt): // somebody's call may be under way
		return again(job.ErrLater, j.OpUntil.Sub(j.ReadAt)+time.Second)
	case j.PauseDueAt.After(j.ReadAt):
		if err := h.messages.SendPause(ctx, m, j.PauseDueAt.Sub(j.ReadAt)); err != nil {
			return fmt.Errorf("send pause message again: %w", err)
		}
		return nil
	default: // it became possible between the two statements
		return again(job.ErrLater, time.Second)
	}
}

// answered records what E2B's answer means. Only its own word for it makes a
// sandbox paused.
func (h *handler) answered(ctx context.Context, j job.Job, r sqs.Record, err error) error {
	// The answer is in: it is recorded even if the invocation's time is up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	switch {
	case err == nil, errors.Is(err, e2b.ErrPaused):
		row, err := h.store.RecordPaused(ctx, j)
		if err == nil {
			asleep(ctx, j, row)
		}
		return recorded(err)
	case errors.Is(err, e2b.ErrRefused):
		metrics.Count(ctx, metrics.PausesRefused, 1)
		_, err := h.store.RecordPauseRefused(ctx, j, "E2B refuses to pause this sandbox: the plan or the account does not allow it.")
		return recorded(err)
	case errors.Is(err, e2b.ErrNotFound), errors.Is(err, e2b.ErrLimit), errors.Is(err, e2b.ErrRateLimited),
		errors.Is(err, e2b.ErrBusy), errors.Is(err, e2b.ErrFailed), errors.Is(err, e2b.ErrKey), errors.Is(err, e2b.ErrNotSent):
		metrics.Count(ctx, metrics.PausesFailed, 1)
		record := h.store.RecordNotPaused
		if errors.Is(err, e2b.ErrNotFound) { // reconcile counts how long it has been missing
			record = h.store.RecordPauseMissing
		}
		_, recordErr := record(ctx, j)
		if recordErr = recorded(recordErr); recordErr != nil {
			return recordErr
		}
		wait := sqs.Backoff(r.ReceiveCount)
		var answer *e2b.Error
		if errors.As(err, &answer) && answer.RetryAfter > 0 {
			wait = answer.RetryAfter
		}
		return again(err, min(wait, job.MaxFailedPauseWait))
	default:
		metrics.Count(ctx, metrics.PausesUnknown, 1)
		// Unknown: op_until runs out by itself, then the next POST joins this one or hears 409.
		return again(err, job.OpTime+time.Second)
	}
}

// asleep counts a sleep that was recorded, and what it was late by. A preview that was
// asleep before has its earlier sleep in the row that was taken.
func asleep(ctx context.Context, taken, row job.Job) {
	metrics.Count(ctx, metrics.PausesAsleep, 1)
	metrics.Took(ctx, metrics.Idle, row.PausedAt.Sub(taken.PauseDueAt))
	if taken.PausedAt.IsZero() {
		metrics.Took(ctx, metrics.TimeToSleep, row.PausedAt.Sub(row.CompletedAt))
	}
}

// recorded acknowledges a message whose row moved on under another epoch or
// owner: a sandbox that was woken meanwhile has a message of its own.
func recorded(err error) error {
	if err == nil || errors.Is(err, job.ErrConflict) {
		return nil
	}
	return fmt.Errorf("record pause: %w", err)
}

// again makes a message come back after delay.
func again(err error, delay time.Duration) error { return &sqs.RetryAfter{Err: err, Delay: delay} }
