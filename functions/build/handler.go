package main

import (
	"cmp"
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
	"siesta/shared/previous"
	"siesta/shared/redis"
	"siesta/shared/s3"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

type handler struct {
	settings
	log     *slog.Logger
	store   *jobs.Store
	cache   *redis.Cache
	builds  *sqs.Queue
	pauses  *sqs.Queue
	e2b     *e2b.Client
	sources *s3.Client // that requests name archives of
	kept    *s3.Store  // of what is built; nil: it is not kept
	sealer  *secrets.Sealer

	logStore *s3.Store // of finished jobs' logs; nil: they are not kept
}

// Handle runs one turn for each record of the build queue. A record that is
// reported as failed comes again when its visibility ends.
func (h *handler) Handle(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
	return h.builds.HandleBatch(ctx, event, sqs.Batch{Concurrency: 1, Hide: job.MessageHidden}, h.record)
}

// record acknowledges by nil; any error has its meaning in the table of
// shared/sqs. A message that can never succeed says nothing about its job: it
// may be another version's, or somebody else's, and reconcile sends others.
func (h *handler) record(ctx context.Context, r sqs.Record) error {
	received := time.Now()
	m, err := sqs.DecodeBuild(r.Body)
	if err != nil {
		return err
	}
	ctx = metrics.Gather(logging.With(ctx, "turn", m.Turn))
	defer metrics.Write(ctx, h.log, "metrics")
	if len(m.Request) > 0 {
		if err := h.accept(ctx, m); err != nil {
			return patient(r, err)
		}
	}
	j, err := h.store.ClaimTurn(ctx, m.JobID, m.Turn)
	if errors.Is(err, job.ErrConflict) {
		return h.unclaimed(ctx, m)
	}
	if err != nil {
		return fmt.Errorf("claim turn: %w", err)
	}
	claimed := time.Now()
	t := &turn{handler: h, j: j, progress: j.Progress, sendBy: received.Add(job.TurnSendTime), claimed: claimed, read: claimed}
	return t.run(ctx)
}

// unclaimed says what becomes of a message whose turn could not be claimed.
func (h *handler) unclaimed(ctx context.Context, m sqs.BuildMessage) error {
	j, err := h.store.Get(ctx, m.JobID)
	switch {
	case errors.Is(err, job.ErrNotFound):
		return badMessage("there is no job %s, and the message has no request", m.JobID)
	case err != nil:
		return err
	case j.Status == job.Ready && j.SandboxState == job.SandboxRunning && !j.PauseDueAt.After(j.ReadAt):
		return h.sendPause(ctx, j) // whoever committed READY may have died before it told
	case j.Status == job.Failed: // by its builder, or by who cancelled it, and has no log
		h.keepEndedLog(ctx, j)
		return nil
	case j.Status.Terminal(), j.Status == job.Scheduled, m.Turn < j.Turn:
		return nil
	case m.Turn > j.Turn:
		return badMessage("turn %d of job %s has not been handed over: it is at turn %d", m.Turn, m.JobID, j.Turn)
	default: // leased: this delivery waits to see whether its owner ends the turn
		return &sqs.RetryAfter{Err: job.ErrLater, Delay: j.LeaseUntil.Sub(j.ReadAt) + time.Second}
	}
}

// patient spreads the deliveries of a request over an hour when a store does not
// answer, the version that it starts from is not built yet, or too many jobs of its
// user wait: until it is a row, its message is all there is of it.
func patient(r sqs.Record, err error) error {
	const soon, later = 4, 10 * time.Minute
	passing := errors.Is(err, job.ErrUnavailable) || errors.Is(err, job.ErrPreviousBuilds)
	if passing && r.ReceiveCount > soon || errors.Is(err, job.ErrTooManyWaiting) {
		return &sqs.RetryAfter{Err: err, Delay: later}
	}
	return err
}

// accept makes a job of a message that carries its own request.
func (h *handler) accept(ctx context.Context, m sqs.BuildMessage) error {
	request, err := job.ParseRequest(m.Request, m.UserID, h.Allowed)
	if err != nil {
		return err
	}
	tier := cmp.Or(m.Tier, job.Bootstrapper)
	limits := h.Limits.For(tier)
	n := jobs.NewJob{
		ID: m.JobID, UserID: m.UserID, Tier: tier, Request: request, BaseJobID: request.PreviousJobID,
		Deadline: h.Deadline, PerDay: limits.PerDay, Waiting: limits.Waiting,
	}
	if n.BaseJobID != "" { // one that is there may have what it starts from already
		if _, known, err := h.store.Known(ctx, n); known || err != nil {
			return err
		}
	}
	if n.EnvSealed, err = previous.Apply(ctx, h.store, h.sealer, n.UserID, n.ID, &n.Request); err != nil {
		return fmt.Errorf("prepare job: %w", err)
	}
	_, created, err := h.store.Accept(ctx, n)
	if err != nil {
		return fmt.Errorf("accept job: %w", err)
	}
	if created {
		metrics.Count(ctx, metrics.JobsAccepted, 1)
	}
	return nil
}

// sendPause sends the pause message of a job whose READY is committed.
func (h *handler) sendPause(ctx context.Context, j job.Job) error {
	if err := h.pauses.SendPause(ctx, sqs.Pause(j), j.PauseDueAt.Sub(j.ReadAt)); err != nil {
		return fmt.Errorf("send pause message: %w", err)
	}
	return nil
}

func badMessage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", job.ErrBadMessage, fmt.Sprintf(format, args...))
}
