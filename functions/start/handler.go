package main

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"siesta/shared/api"
	"siesta/shared/job"
	"siesta/shared/logging"
	"siesta/shared/metrics"
	"siesta/shared/postgres/jobs"
	"siesta/shared/previous"
	"siesta/shared/secrets"
	"siesta/shared/sqs"
)

type handler struct {
	log       *slog.Logger
	store     *jobs.Store
	builds    *sqs.Queue
	sealer    *secrets.Sealer
	allowed   job.Allowed
	tierClaim string // the token's claim that names the tier; "" for none
	limits    job.TierLimits
	unknown   *sync.Map     // tiers that LIMITS does not know and that were told of
	deadline  time.Duration // a job that takes longer fails
}

// response is the body of the answer.
type response struct {
	JobID        string     `json:"job_id"`
	Status       job.Status `json:"status"`
	BuildVersion string     `json:"build_version"` // that the job will have
}

// serve answers POST /api/generation/start. Once the row is committed the job
// is accepted, whatever happens to the cache and the message: reconcile sees to
// both within two minutes.
func (h handler) serve(ctx context.Context, r api.Request) (api.Answer, error) {
	n, err := h.read(ctx, r)
	if err != nil {
		return api.Answer{}, err
	}
	j, created, err := h.accept(ctx, n)
	if err != nil {
		return api.Answer{}, err
	}
	ctx = logging.With(sqs.WithCorrelation(ctx, r.RequestContext.RequestID), "job_id", j.ID)
	if created {
		metrics.Count(ctx, metrics.JobsAccepted, 1)
	}
	h.log.InfoContext(ctx, "job accepted", "created", created, "status", j.Status, "tier", j.Tier)
	answer := response{JobID: j.ID, Status: job.Queued, BuildVersion: j.BuildVersion}
	switch {
	case j.Status == job.Scheduled:
		answer.Status = job.Scheduled
	case j.Status == job.Queued && j.Turn == 0: // also when the call is repeated: the first one may have got no further
		if err := h.builds.SendBuild(ctx, sqs.Turn(j), 0); err != nil {
			h.log.WarnContext(ctx, "build message not sent", "error", err)
		}
	}
	return api.Answer{Status: http.StatusCreated, Body: answer}, nil
}

// accept makes the job, unless it is there. An iteration that is may have what it starts
// from already.
func (h handler) accept(ctx context.Context, n jobs.NewJob) (job.Job, bool, error) {
	if n.BaseJobID = n.Request.PreviousJobID; n.BaseJobID != "" {
		if j, known, err := h.store.Known(ctx, n); known || err != nil {
			return j, false, err
		}
	}
	var err error
	if n.EnvSealed, err = previous.Apply(ctx, h.store, h.sealer, n.UserID, n.ID, &n.Request); err != nil {
		return job.Job{}, false, err
	}
	return h.store.Accept(ctx, n)
}

// read makes a job of the request, or says what is wrong with it.
func (h handler) read(ctx context.Context, r api.Request) (jobs.NewJob, error) {
	user, err := api.UserID(r)
	if err != nil {
		return jobs.NewJob{}, err
	}
	key, err := api.IdempotencyKey(r)
	if err != nil {
		return jobs.NewJob{}, err
	}
	body, err := api.Body(r)
	if err != nil {
		return jobs.NewJob{}, err
	}
	request, err := job.ParseRequest(body, user, h.allowed)
	if err != nil {
		return jobs.NewJob{}, err
	}
	id := job.NewID()
	tier, hash := h.tier(ctx, r), sha256.Sum256(body)
	limits := h.limits.For(tier)
	return jobs.NewJob{
		ID: id, UserID: user, Tier: tier, Request: request,
		IdempotencyKey: key, RequestHash: hash[:], Deadline: h.deadline, PerDay: limits.PerDay, Waiting: limits.Waiting,
	}, nil
}

// tier is the caller's. One that LIMITS does not know is told of once: a
// misspelt tier would else be seen by its users alone.
func (h handler) tier(ctx context.Context, r api.Request) job.Tier {
	tier, known := h.limits.First(api.Tiers(r, h.tierClaim))
	if !known {
		if _, told := h.unknown.LoadOrStore(tier, true); !told {
			h.log.WarnContext(ctx, "LIMITS does not know this tier, which has the limits of bootstrapper", "tier", tier, "claim", h.tierClaim)
		}
	}
	return tier
}
